"""Bytecode of the standard library, made once for all environments.

The files are of PEP 552's kind "hash-based, unchecked": valid whatever the time stamp of the source
becomes when it is linked or copied. That is right for sources that never change, and so never
for those in which linking writes the prefix. The path inside is repaired by Python on import.
"""

from __future__ import annotations

import os
import struct
import subprocess

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Reads "source NUL name" lines, writes frames: length of name, length of data, name, data.
#: Bytecode that the installation has and that fits its source is taken over, which costs a
#: tenth of compiling it.
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
    """The interpreter failed while compiling."""


@dataclass(frozen=True, slots=True)
class Source:
    """A module to compile: where its text lies, and its path in the package."""

    file: str
    path: str


def compile_sources(executable: str, sources: Sequence[Source]) -> Iterator[tuple[str, bytes]]:
    """Compile modules with the interpreter that will run them.

    Yields:
        The module's path in the package and the content of its bytecode file. Modules that do
        not compile are left out, as Python's own installation does.

    Cost: about 0.3 ms per module whose bytecode the installation has, else some 5 ms; shared
    between the processors.

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
    """``lib/a.py`` is compiled to ``lib/__pycache__/a.cpython-311.pyc`` (PEP 3147)."""
    folder, name = os.path.split(source_path)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{cache_tag}.pyc"


def _run(executable: str, sources: Sequence[Source]) -> bytes:
    question = b"".join(
        os.fsencode(source.file) + b"\0" + os.fsencode(source.path) + b"\n" for source in sources
    )
    try:
        answer = subprocess.run(
            [executable, "-I", "-S", "-B", "-W", "ignore", "-c", _COMPILER],
            input=question,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BytecodeError(str(error)) from error
    if answer.returncode != 0:
        raise BytecodeError(answer.stderr.decode(errors="replace").strip()[-500:])
    return answer.stdout


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
