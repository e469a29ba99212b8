"""Bytecode of the standard library, compiled once for all environments.

The files are "unchecked hash-based" (PEP 552), and so valid whatever the modification time of the
source is after linking or copying. That is correct for sources that never change, but not for
those in which linking replaces the prefix. Python corrects the path inside on import.
"""

from __future__ import annotations

import os
import struct
import subprocess

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Reads lines "source NUL name"; writes frames: length of name, length of data, name, data.
#: Valid bytecode of the installation is reused, which takes a tenth of the time of compiling.
_COMPILER = r"""
import importlib.util as u, marshal, os, struct, sys

def existing(source, data):
    try:
        with open(u.cache_from_source(source, optimization=""), "rb") as reader:
            old = reader.read()
    except OSError:
        return None
    if old[:4] != u.MAGIC_NUMBER or len(old) < 17:
        return None
    if old[4] & 1:
        fits = old[8:16] == u.source_hash(data)
    else:
        status = os.stat(source)
        wanted = [int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF]
        fits = [int.from_bytes(old[i:i + 4], "little") for i in (8, 12)] == wanted
    return old[16:] if fits else None

for line in sys.stdin.buffer:
    source, name = (os.fsdecode(part) for part in line.rstrip(b"\n").split(b"\0"))
    try:
        with open(source, "rb") as reader:
            data = reader.read()
        body = existing(source, data)
        if body is None:
            body = marshal.dumps(compile(data, name, "exec", dont_inherit=True, optimize=0))
    except (OSError, SyntaxError, ValueError):
        continue
    result = u.MAGIC_NUMBER + b"\1\0\0\0" + u.source_hash(data) + body
    encoded = os.fsencode(name)
    sys.stdout.buffer.write(struct.pack(">II", len(encoded), len(result)) + encoded + result)
"""

_FRAME = struct.Struct(">II")
_LEAST_PER_PROCESS = 100
_TIMEOUT_SECONDS = 600


class BytecodeError(Exception):
    """The interpreter failed to compile modules."""


@dataclass(frozen=True, slots=True)
class Source:
    """A module to compile: the path of its source, and its path in the package."""

    file: str
    path: str


def compile_sources(executable: str, sources: Sequence[Source]) -> Iterator[tuple[str, bytes]]:
    """Compile modules with the interpreter that will run them.

    Yields:
        The module's path in the package, and the content of its bytecode file. Modules that
        cannot be compiled are skipped, as in an installation of Python.

    Cost: about 0.3 ms per module with existing bytecode, else some 5 ms; uses several processors.

    Raises:
        BytecodeError: The interpreter failed.
    """
    from concurrent.futures import ThreadPoolExecutor

    usable = [source for source in sources if "\n" not in source.file]
    processes = max(1, min(os.cpu_count() or 1, 4, len(usable) // _LEAST_PER_PROCESS))
    shares = [usable[number::processes] for number in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        for output in pool.map(lambda share: _run(executable, share), shares):
            yield from _frames(output)


def bytecode_path(source_path: str, cache_tag: str) -> str:
    """Path of a bytecode file: ``lib/a.py`` → ``lib/__pycache__/a.cpython-311.pyc`` (PEP 3147)."""
    folder, name = os.path.split(source_path)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{cache_tag}.pyc"


def _run(executable: str, sources: Sequence[Source]) -> bytes:
    lines = b"".join(
        os.fsencode(source.file) + b"\0" + os.fsencode(source.path) + b"\n" for source in sources
    )
    try:
        finished = subprocess.run(
            [executable, "-I", "-S", "-B", "-W", "ignore", "-c", _COMPILER],
            input=lines,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BytecodeError(str(error)) from error
    if finished.returncode != 0:
        raise BytecodeError(finished.stderr.decode(errors="replace").strip()[-500:])
    return finished.stdout


def _frames(output: bytes) -> Iterator[tuple[str, bytes]]:
    position = 0
    while position < len(output):
        name_size, data_size = _FRAME.unpack_from(output, position)
        name_end = position + _FRAME.size + name_size
        yield (
            os.fsdecode(output[position + _FRAME.size : name_end]),
            output[name_end : name_end + data_size],
        )
        position = name_end + data_size
