"""Where the files of Python packages go, and the commands that they bring (CEP 17, CEP 20)."""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.fs.safe_path import is_reserved_path
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.version import python_minor
from minicon.prefix.link.relocate import is_windows, python_shebang

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord

#: Marks that a package's files are placed by :meth:`PythonLayout.place`.
SITE_PACKAGES = "site-packages/"
SCRIPTS = "python-scripts/"
HEADERS = "python-headers/"
#: How paths begin that :meth:`PythonLayout.place` moves.
PLACED_STARTS = (SITE_PACKAGES, SCRIPTS, HEADERS)

_COMMAND = lazy_pattern(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_DOTTED = lazy_pattern(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_SAFE_FOLDER = lazy_pattern(r"(?!\.\.?(/|$))[\w.+-]+(/(?!\.\.?(/|$))[\w.+-]+)*")

_SCRIPT = """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {first}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLayout:
    """Where the python of one environment keeps things, relative to its prefix.

    Attributes:
        version: Major and minor, for instance ``3.11``.
        cache_tag: What names its bytecode files, for instance ``cpython-311``.
        site_packages: For instance ``lib/python3.11/site-packages``.
        scripts: ``bin``, or ``Scripts`` on Windows.
        headers: For instance ``include/python3.11``.
        executable: For instance ``bin/python3.11``.
        subdir: Platform of the environment.
    """

    version: str
    cache_tag: str
    site_packages: str
    scripts: str
    headers: str
    executable: str
    subdir: str

    @classmethod
    def from_record(cls, python: RepodataRecord, subdir: str) -> PythonLayout:
        """Read the ``python`` record of an environment for a platform.

        Raises:
            PackageError: Its ``python_site_packages_path`` leads elsewhere (CEP 17).
        """
        version = python_minor(python.version)
        tag = f"cpython-{version.replace('.', '')}"
        given = python.data.get("python_site_packages_path")
        if given and not _is_folder(given):
            message = f"{python.dist_name} names {given!r} as its site-packages folder"
            raise PackageError("unsafe-path", message, hint="report this to the package's channel")
        if is_windows(subdir):
            folders = (given or "Lib/site-packages", "Scripts", "Include", "python.exe")
        else:
            own = given or f"lib/python{version}/site-packages"
            folders = (own, "bin", f"include/python{version}", f"bin/python{version}")
        return cls(
            version=version,
            cache_tag=tag,
            site_packages=folders[0],
            scripts=folders[1],
            headers=folders[2],
            executable=folders[3],
            subdir=subdir,
        )

    def place(self, path: str) -> str:
        """The place in the prefix of a file of a noarch python package."""
        if path.startswith(SITE_PACKAGES):
            return f"{self.site_packages}/{path[len(SITE_PACKAGES) :]}"
        if path.startswith(SCRIPTS):
            return f"{self.scripts}/{path[len(SCRIPTS) :]}"
        if path.startswith(HEADERS):
            return f"{self.headers}/{path[len(HEADERS) :]}"
        return path

    def bytecode_path(self, path: str) -> str:
        """Where the bytecode of a source file is looked for (PEP 3147)."""
        folder, _, name = path.rpartition("/")
        file_name = f"__pycache__/{name.removesuffix('.py')}.{self.cache_tag}.pyc"
        return f"{folder}/{file_name}" if folder else file_name


def _is_folder(path: object) -> bool:
    """Whether Python packages may be put into a folder of this path."""
    is_safe = isinstance(path, str) and _SAFE_FOLDER.fullmatch(path)
    return bool(is_safe) and not is_reserved_path(str(path))


def check_entry_point(entry_point: EntryPoint, package: str) -> None:
    """Refuse a command name that is a path, or a target that is not a dotted name.

    Four tools wrote executables outside the environment because they did not check
    (CVE-2026-47425, CVE-2026-53940, GHSA-4gg8-gxpx-9rph).

    Raises:
        PackageError: With reference ``unsafe-entry-point``.
    """
    safe = (
        _COMMAND.fullmatch(entry_point.command)
        and _DOTTED.fullmatch(entry_point.module)
        and _DOTTED.fullmatch(entry_point.function)
    )
    if not safe:
        text = f"{entry_point.command} = {entry_point.module}:{entry_point.function}"
        message = f"{package} has an entry point that cannot be a command: {text!r}"
        raise PackageError(
            "unsafe-entry-point", message, hint="report this to the package's author"
        )


def entry_point_path(entry_point: EntryPoint, layout: PythonLayout) -> str:
    """Where the command's script goes, relative to the prefix."""
    if is_windows(layout.subdir):
        return f"{layout.scripts}/{entry_point.command}-script.py"
    return f"{layout.scripts}/{entry_point.command}"


def entry_point_script(entry_point: EntryPoint, layout: PythonLayout, prefix: str) -> bytes:
    """The script that runs a command, as conda writes it.

    On Windows the script stands beside a launcher ``NAME.exe``, which knows the interpreter.
    """
    text = _SCRIPT.format(
        module=entry_point.module,
        first=entry_point.function.partition(".")[0],
        function=entry_point.function,
    )
    if is_windows(layout.subdir):
        return text.encode()
    return (python_shebang(f"{prefix}/{layout.executable}", layout.subdir) + text).encode()
