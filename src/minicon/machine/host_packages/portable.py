"""Repack a self-contained Python as a relocatable package (layout ``portable``)."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError
from minicon.machine.host_packages.bytecode import (
    BytecodeError,
    Source,
    bytecode_path,
    compile_sources,
)
from minicon.machine.host_packages.elf import MAGIC, ElfError
from minicon.machine.host_packages.layout import site_packages, standard_library
from minicon.machine.host_packages.relocation import Relocation, bundled_libraries
from minicon.machine.host_packages.self_check import SelfCheckError, check_portable
from minicon.machine.host_packages.standard_library import PlannedFile, planned_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.machine.host_packages.package_writer import PackageWriter
    from minicon.machine.interpreters.facts import InterpreterFacts

#: CPython's own text, in the file that keeps the directory from being empty.
SITE_PACKAGES_README = (
    b"This directory exists so that 3rd party packages can be installed\n"
    b"here.  Read the source for site.py for more details.\n"
)

#: A ``pyvenv.cfg`` without ``home``. By PEP 405 that is not a virtual environment: the prefix is
#: computed from the path of the executable, so that the environment can be staged or moved, and
#: pip and ``python -m venv`` treat it as an ordinary Python. But ``site`` applies its only line and
#: ignores ``~/.local``. (On Windows, where python.exe is in the prefix itself, the prefix would be
#: wrong; so user packages stay visible there, as with conda.)
ISOLATION = b"include-system-site-packages = false\n"


class RepackError(Exception):
    """The interpreter cannot be repacked; the message says why. Use the layout ``venv``."""


def write_portable(facts: InterpreterFacts, writer: PackageWriter) -> None:
    """Write a copy of an interpreter that works in any prefix.

    1. Copy the files of :func:`planned_files`, and the libraries that they load from the prefix;
       replace the prefix by a placeholder in text files, and by ``$ORIGIN`` in ELF files.
    2. Run the copy to check it.
    3. Compile the standard library.
    4. Write ``pyvenv.cfg``, which disables user site-packages (see :data:`ISOLATION`).

    Cost: 1-2 s and 70 MB, once per interpreter.

    Raises:
        RepackError: A file cannot be made relocatable, or the copy does not work.
        FileError: A file cannot be read or written.
    """
    try:
        sources = _copy(facts, writer)
        check_portable(writer.folder, facts, _compiled_modules(writer, facts))
        for path, data in compile_sources(facts.executable, sources):
            writer.add_file(bytecode_path(path, facts.cache_tag), data)
    except (ElfError, SelfCheckError, BytecodeError) as error:
        raise RepackError(str(error)) from error
    writer.add_file(f"{site_packages(facts)}/README.txt", SITE_PACKAGES_README)
    if not facts.is_windows:
        writer.add_file("pyvenv.cfg", ISOLATION)


def _copy(facts: InterpreterFacts, writer: PackageWriter) -> list[Source]:
    """Copy all files; return the modules to compile."""
    relocation = Relocation(_prefixes(facts))
    library = standard_library(facts) + "/"
    sources = []
    pending = list(planned_files(facts))
    for file in pending:  # grows while ELF files name libraries of their installation
        if file.path in writer:
            continue
        if file.link is not None:
            writer.add_link(file.path, file.link)
            continue
        data, mode = _read(file)
        text = relocation.text(file.path, data)
        if text is not None:
            writer.add_file(file.path, text, mode=mode, placeholder=PREFIX_PLACEHOLDER)
            continue
        if data.startswith(MAGIC):
            pending += _libraries_of(file, data, facts.prefix)
            data = relocation.binary(file.path, data)
        elif file.path.endswith(".py") and file.path.startswith(library):
            sources.append(Source(file.source, file.path))
        writer.add_file(file.path, data, mode=mode)
    return sources


def _libraries_of(file: PlannedFile, data: bytes, prefix: str) -> list[PlannedFile]:
    return [
        PlannedFile(os.path.relpath(library, prefix), library)
        for library in bundled_libraries(file.source, data, prefix)
    ]


def _read(file: PlannedFile) -> tuple[bytes, int]:
    try:
        with Path(file.source).open("rb") as reader:
            mode = os.fstat(reader.fileno()).st_mode
            return reader.read(), 0o755 if mode & 0o111 else 0o644
    except OSError as error:
        raise FileError(
            "file-system",
            f"cannot read {file.source}: {error.strerror}",
            context="while copying an interpreter",
        ) from error


def _prefixes(facts: InterpreterFacts) -> tuple[str, ...]:
    """The prefix in all forms that its files may contain, and the prefix that it was built for."""
    found = [facts.prefix, os.path.realpath(facts.prefix)]
    for path in Path(facts.stdlib).glob("_sysconfigdata*.py"):
        text = path.read_text(encoding="utf-8", errors="replace")
        built = re.search(r"^\s+'prefix': ('[^'\n]*')", text, re.MULTILINE)
        if built:
            found.append(ast.literal_eval(built.group(1)))
    return tuple(dict.fromkeys(p for p in found if p.startswith("/") and p not in ("/", "/usr")))


def _compiled_modules(writer: PackageWriter, facts: InterpreterFacts) -> list[str]:
    folder = (writer.folder / site_packages(facts)).with_name("lib-dynload")
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [name.partition(".")[0] for name in names if name.endswith(".so")]
