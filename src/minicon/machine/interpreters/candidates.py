"""Candidates: paths of executables that may be Python interpreters, found without running them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Minor versions whose ``python3.N`` is checked by name; listing /usr/bin takes far longer.
_MINORS = range(20, 5, -1)
_NAMES = (
    "python3",
    "python",
    *(f"python3.{minor}" for minor in _MINORS),
    *(f"python3.{minor}t" for minor in _MINORS if minor >= 13),
    "pypy3",
)
#: A virtual environment made from a virtual environment made from ...
_NESTED_LIMIT = 5
_SYSTEM_FOLDERS = (
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
)


def candidate_paths(
    *, environ: Mapping[str, str], home: Path, running: str | None = None
) -> list[str]:
    """Executables that may be interpreters, best first, each real path once.

    The order is PATH, the system's directories, then version managers (pyenv, uv, asdf, mise, rye,
    hatch) and base installations of conda and mamba. Shims are skipped, because the interpreters
    behind them are listed; a virtual environment is replaced by its base interpreter.

    Args:
        environ: Environment variables: PATH and those of version managers.
        home: The user's home directory.
        running: Executable of the running Python, listed first.

    Cost: some hundred ``stat`` calls; no executable is run.
    """
    found: dict[str, None] = {}
    for path in _all_paths(environ, home, running):
        base = base_executable(path)
        if base:
            found[base] = None
    return list(found)


def _all_paths(environ: Mapping[str, str], home: Path, running: str | None) -> Iterator[str]:
    if running:
        yield running
    folders = [f for f in environ.get("PATH", "").split(os.pathsep) if os.path.isabs(f)]
    for folder in dict.fromkeys([*folders, *_SYSTEM_FOLDERS]):
        if not is_shim_folder(folder):
            yield from _executables_in(folder)
    for installation in managed_installations(environ, home):
        yield from _executables_in(_binary_folder(installation), first_only=True)


def _executables_in(folder: str, *, first_only: bool = False) -> Iterator[str]:
    suffix = ".exe" if os.name == "nt" else ""
    for name in _NAMES:
        path = os.path.join(folder, name + suffix)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            yield path
            if first_only:
                return


def _binary_folder(installation: Path) -> str:
    return str(installation if os.name == "nt" else installation / "bin")


def is_shim_folder(folder: str) -> bool:
    """Whether a directory contains shims of pyenv, asdf or mise, or stubs of the Windows Store."""
    path = Path(folder)
    return path.name == "shims" or path.parts[-2:] == ("Microsoft", "WindowsApps")


def managed_installations(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Installation prefixes in the directories of version managers, newest name first."""
    for root in _manager_roots(environ, home):
        try:
            names = sorted(os.listdir(root), key=_natural_key, reverse=True)
        except OSError:
            continue
        for name in names:
            installation = root / name
            if not name.startswith(".") and not installation.is_symlink():
                yield installation
                yield installation / "python"  # hatch unpacks its builds one level down
    for name in ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba"):
        yield home / name
        yield Path("/opt") / name
    if environ.get("CONDA_EXE"):
        yield Path(environ["CONDA_EXE"]).parent.parent
    if environ.get("MAMBA_ROOT_PREFIX"):
        yield Path(environ["MAMBA_ROOT_PREFIX"])


def _manager_roots(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    data = _folder(environ, "XDG_DATA_HOME", home / ".local" / "share")
    yield _folder(environ, "PYENV_ROOT", home / ".pyenv") / "versions"
    yield _folder(environ, "UV_PYTHON_INSTALL_DIR", data / "uv" / "python")
    yield _folder(environ, "ASDF_DATA_DIR", home / ".asdf") / "installs" / "python"
    yield _folder(environ, "MISE_DATA_DIR", data / "mise") / "installs" / "python"
    yield home / ".rye" / "py"
    yield data / "hatch" / "pythons"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "hatch" / "pythons"
        yield Path("/Library/Frameworks/Python.framework/Versions")
    if environ.get("APPDATA"):
        yield Path(environ["APPDATA"]) / "uv" / "data" / "python"


def _folder(environ: Mapping[str, str], key: str, default: Path) -> Path:
    value = environ.get(key)
    return Path(value) if value and os.path.isabs(value) else default


def _natural_key(name: str) -> list[tuple[int, str]]:
    pieces = name.replace("-", ".").split(".")
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]


def base_executable(path: str) -> str | None:
    """The real path of the base interpreter of an executable, or None if there is none.

    A virtual environment's ``bin/python`` is a link to its base, or a copy; the ``home`` in its
    ``pyvenv.cfg`` is the directory of the base interpreter (PEP 405).
    """
    for _ in range(_NESTED_LIMIT):
        folder = os.path.dirname(os.path.abspath(path))
        home = _virtual_environment_home(folder)
        real = os.path.realpath(path)
        if home is None or os.path.realpath(home) == os.path.realpath(folder):
            return real if os.access(real, os.X_OK) else None
        is_link = os.path.dirname(real) != os.path.realpath(folder)
        path = real if is_link else next(_executables_in(home), "")
        if not path:
            return None
    return None


def _virtual_environment_home(folder: str) -> str | None:
    for candidate in (Path(folder), Path(folder).parent):
        try:
            lines = (
                (candidate / "pyvenv.cfg")
                .read_text(encoding="utf-8", errors="replace")
                .splitlines()
            )
        except OSError:
            continue
        for line in lines:
            name, separator, value = line.partition("=")
            if separator and name.strip().lower() == "home":
                return value.strip()
        return None
    return None


def windows_registry_executables() -> list[str]:
    """Interpreters that Windows' registry lists and that exist (PEP 514); elsewhere none."""
    if sys.platform == "win32":
        found = registered_installations(_read_subkeys, _read_value)
        return [path for path in found if os.path.isfile(path)]
    return []


def registered_installations(
    subkeys: Callable[[str], Iterable[str]], value: Callable[[str, str], str | None]
) -> list[str]:
    """Executables in the registry of Windows (PEP 514).

    Args:
        subkeys: Returns the names of subkeys of a key; empty if it is missing.
        value: Returns a value of a key, or None; an empty name is the default value.
    """
    found = []
    for root in ("HKCU\\Software\\Python", "HKLM\\Software\\Python"):
        for company in sorted(subkeys(root)):
            if company == "PyLauncher":  # settings of the launcher (PEP 514)
                continue
            for tag in sorted(subkeys(f"{root}\\{company}"), reverse=True):
                key = f"{root}\\{company}\\{tag}\\InstallPath"
                folder = value(key, "")
                executable = value(key, "ExecutablePath") or (folder and folder + "\\python.exe")
                if executable:
                    found.append(executable.replace("\\\\", "\\"))
    return list(dict.fromkeys(found))


if sys.platform == "win32":
    import winreg

    _ROOTS = {"HKCU": winreg.HKEY_CURRENT_USER, "HKLM": winreg.HKEY_LOCAL_MACHINE}

    def _read_subkeys(key: str) -> list[str]:
        """Names of the subkeys of a key, which starts with its root; empty if it is missing."""
        root, _, below = key.partition("\\")
        try:
            with winreg.OpenKey(_ROOTS[root], below) as handle:
                count = winreg.QueryInfoKey(handle)[0]
                return [winreg.EnumKey(handle, index) for index in range(count)]
        except OSError:
            return []

    def _read_value(key: str, name: str) -> str | None:
        """A value of a key as a string, or None; an empty name is the default value."""
        root, _, below = key.partition("\\")
        try:
            with winreg.OpenKey(_ROOTS[root], below) as handle:
                return str(winreg.QueryValueEx(handle, name)[0])
        except OSError:
            return None
