"""Repack a self-contained Python as a relocatable package (layout ``portable``)."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError
from minicon.interpreters.bytecode import BytecodeError, Source, bytecode_path, compile_sources
from minicon.interpreters.elf import MAGIC, ElfError
from minicon.interpreters.host_index import site_packages
from minicon.interpreters.relocation import Relocation, bundled_libraries
from minicon.interpreters.self_check import SelfCheckError, check_portable
from minicon.interpreters.standard_library import PlannedFile, planned_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.detect.interpreter_facts import InterpreterFacts
    from minicon.interpreters.package_writer import PackageWriter

#: CPython's own words, in the file that keeps the folder in being.
SITE_PACKAGES_README = (
    b"This directory exists so that 3rd party packages can be installed\n"
    b"here.  Read the source for site.py for more details.\n"
)


class RepackError(Exception):
    """The interpreter cannot be repacked; the text says why. Layout ``venv`` remains."""


def write_portable(facts: InterpreterFacts, writer: PackageWriter) -> None:
    """Fill a folder with a copy of an interpreter that works in any prefix.

    1. Copy what :func:`planned_files` lists, and the libraries it loads from its own prefix.
    2. On the way, put a placeholder for the prefix into text, and ``$ORIGIN`` into ELF files.
    3. Run the copy.
    4. Compile the standard library.
    5. Write ``pyvenv.cfg``, which keeps user site-packages out.

    Cost: 1-2 s and 70 MB, once per interpreter.

    Raises:
        RepackError: Some file cannot be made relocatable, or the copy does not work.
        FileError: The file system refused.
    """
    try:
        sources = _copy(facts, writer)
        check_portable(writer.folder, facts, _compiled_modules(writer, facts))
        for path, data in compile_sources(facts.executable, sources):
            writer.add_file(bytecode_path(path, facts.cache_tag), data)
    except (ElfError, SelfCheckError, BytecodeError) as error:
        raise RepackError(str(error)) from error
    writer.add_file(f"{site_packages(facts)}/README.txt", SITE_PACKAGES_README)
    text = pyvenv_cfg(f"{PREFIX_PLACEHOLDER}/bin", facts.version)
    writer.add_file("pyvenv.cfg", text.encode(), placeholder=PREFIX_PLACEHOLDER)


def pyvenv_cfg(home: str, version: str) -> str:
    """The file that makes Python ignore system and user site-packages (PEP 405).

    In layout ``portable`` HOME is the environment's own ``bin``: prefix and base prefix stay
    the same, so that ``python -m venv`` and pip see an ordinary Python.
    """
    return f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"


def _copy(facts: InterpreterFacts, writer: PackageWriter) -> list[Source]:
    """Copy everything; the modules that may be compiled come back."""
    relocation = Relocation(_prefixes(facts))
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
        elif file.path.endswith(".py") and file.path.startswith("lib/python"):
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
    """Where it is, by every name its files may use, and where its build meant it to be."""
    found = [facts.prefix, os.path.realpath(facts.prefix)]
    for path in Path(facts.stdlib).glob("_sysconfigdata*.py"):
        text = path.read_text(encoding="utf-8", errors="replace")
        built = re.search(r"^ 'prefix': ('[^'\n]*')", text, re.MULTILINE)
        if built:
            found.append(ast.literal_eval(built.group(1)))
    return tuple(dict.fromkeys(p for p in found if p.startswith("/") and p not in ("/", "/usr")))


def _compiled_modules(writer: PackageWriter, facts: InterpreterFacts) -> list[str]:
    folder = (writer.folder / site_packages(facts)).with_name("lib-dynload")
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [name.partition(".")[0] for name in names if name.endswith(".so")]
