"""Files of an installed Python that are copied into an environment."""

from __future__ import annotations

import os
import re

from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.machine.host_packages.layout import command_name, standard_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.machine.interpreters.facts import InterpreterFacts

#: Installed packages, customizations of the system, and files that are generated again.
_LEFT_OUT = frozenset(
    {
        "EXTERNALLY-MANAGED",
        "__pycache__",
        "dist-packages",
        "site-packages",
        "sitecustomize.py",
        "usercustomize.py",
    }
)
_TEST_FOLDERS = frozenset({"idle_test", "test", "tests"})
_LEFT_OUT_FILES = lazy_pattern(
    r".*\.(a|pyc|pyo|o)|(_test|_ctypes_test|_xxtestfuzz|xxlimited|xxsubtype).*\.(so|dylib|pyd)"
)
#: Prefixes that Python shares with other software.
_SHARED_PREFIXES = frozenset({"/usr/local", "/opt/local", "/usr/pkg"})
#: Data of Tcl/Tk, which python-build-standalone contains.
_TCL_FOLDERS = lazy_pattern(r"(tcl|tk|itcl|thread|tdbc|Tix)\d[\w.]*")


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to copy, or a link to create.

    Attributes:
        path: Path in the package, relative to the prefix.
        source: Path of the original file.
        link: Target of the symbolic link, or None for a file.
    """

    path: str
    source: str
    link: str | None = None


def planned_files(facts: InterpreterFacts) -> Iterator[PlannedFile]:
    """The files of a self-contained build to copy. Lists directories, reads no files.

    They are those of conda's python package: the standard library without tests, static libraries
    and installed packages; headers, libpython, pkg-config files and the usual commands.
    """
    library = standard_library(facts)
    if facts.is_windows:
        yield from _windows_files(facts)
        return
    yield from _executables(facts)
    yield from _tree(facts.stdlib, library, is_top=True)
    if os.path.realpath(facts.platstdlib) != os.path.realpath(facts.stdlib):
        yield from _tree(facts.platstdlib, library, is_top=True)
    if os.path.isdir(facts.include):
        yield from _tree(facts.include, f"include/{os.path.basename(facts.include)}")
    yield from _libraries(facts)
    if facts.prefix not in _SHARED_PREFIXES:
        yield from _extras(facts.prefix)


def _windows_files(facts: InterpreterFacts) -> Iterator[PlannedFile]:
    """All files of an installation but its packages; ``python.exe`` is in the prefix itself."""
    top = re.compile(r"python[\w.]*\.exe|.*\.dll|LICENSE\.txt", re.IGNORECASE)
    for name in sorted(os.listdir(facts.prefix)):
        path = os.path.join(facts.prefix, name)
        if name in ("DLLs", "Lib", "include", "libs", "tcl") and os.path.isdir(path):
            yield from _tree(path, name, is_top=True)
        elif top.fullmatch(name) and os.path.isfile(path):
            yield PlannedFile(name, path)


def _executables(facts: InterpreterFacts) -> Iterator[PlannedFile]:
    """``bin``: the interpreter under its versioned name, links to it, and its scripts."""
    real = command_name(facts)
    version = real.removeprefix("python")
    yield PlannedFile(f"bin/{real}", facts.executable)
    for name in dict.fromkeys((f"python{facts.minor}", "python3", "python")):
        if name != real:
            yield PlannedFile(f"bin/{name}", "", real)
    folder = os.path.dirname(facts.executable)
    versioned = re.compile(rf"(2to3-|idle|pydoc|python){re.escape(version)}(-config)?")
    for name in sorted(os.listdir(folder)):
        if name in (real, f"python{facts.minor}") or not versioned.fullmatch(name):
            continue
        yield PlannedFile(f"bin/{name}", os.path.join(folder, name))
        for short in _short_names(name, version):
            yield PlannedFile(f"bin/{short}", "", name)


def _short_names(name: str, version: str) -> list[str]:
    """Links to a command: ``pydoc3`` and ``pydoc`` to ``pydoc3.11``; ``2to3`` to ``2to3-3.11``."""
    if name.startswith("2to3-"):
        return ["2to3"]
    return [name.replace(version, "3"), name.replace(version, "")]


def _tree(source: str, target: str, *, is_top: bool = False) -> Iterator[PlannedFile]:
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name, path = entry.name, f"{target}/{entry.name}"
            if name in _LEFT_OUT:
                continue
            if entry.is_dir(follow_symlinks=False):
                if is_top and name == "test":
                    yield from _kept_of_test(entry.path, path)
                elif name not in _TEST_FOLDERS:
                    yield from _tree(entry.path, path)
            elif entry.is_file() and not _LEFT_OUT_FILES.fullmatch(name):
                yield PlannedFile(path, entry.path)


def _kept_of_test(source: str, target: str) -> Iterator[PlannedFile]:
    """The parts of ``test`` that tests of other projects import."""
    yield from (file for file in _files_in(source, target) if file.path.endswith("__init__.py"))
    if os.path.isdir(os.path.join(source, "support")):
        yield from _tree(os.path.join(source, "support"), f"{target}/support")


def _files_in(source: str, target: str) -> Iterator[PlannedFile]:
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        if os.path.isfile(path):
            yield PlannedFile(f"{target}/{name}", path)


def _libraries(facts: InterpreterFacts) -> Iterator[PlannedFile]:
    """Shared libpython with its links, and the pkg-config files."""
    folder = facts.library_directory
    stable_abi = "" if facts.prefix in _SHARED_PREFIXES else "3|"
    ours = re.compile(rf"libpython({stable_abi}{re.escape(facts.minor)})[tdm]*\.(so|dylib)[\d.]*")
    for file in _files_in(folder, "lib") if os.path.isdir(folder) else ():
        if ours.fullmatch(os.path.basename(file.path)):
            text = os.readlink(file.source) if os.path.islink(file.source) else None
            yield PlannedFile(file.path, file.source, text if text and "/" not in text else None)
    pkgconfig = os.path.join(folder, "pkgconfig")
    for file in _files_in(pkgconfig, "lib/pkgconfig") if os.path.isdir(pkgconfig) else ():
        name = os.path.basename(file.path)
        if re.fullmatch(rf"python3?(-{re.escape(facts.minor)}t?)?(-embed)?\.pc", name):
            yield file


def _extras(prefix: str) -> Iterator[PlannedFile]:
    library = os.path.join(prefix, "lib")
    for name in sorted(os.listdir(library)) if os.path.isdir(library) else ():
        path = os.path.join(library, name)
        if _TCL_FOLDERS.fullmatch(name) and os.path.isdir(path):
            yield from _tree(path, f"lib/{name}")
    terminfo = os.path.join(prefix, "share", "terminfo")
    if os.path.isdir(terminfo):
        yield from _tree(terminfo, "share/terminfo")
