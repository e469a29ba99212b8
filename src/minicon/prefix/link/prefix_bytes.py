"""Replace a placeholder by a prefix in the bytes of one file.

Needs the standard library alone: :mod:`minicon.travel.conda_unpack` writes this module into the
script by which packed environments adapt themselves without minicon.
"""

from __future__ import annotations

import re
import struct

#: Encodings in which a placeholder is replaced, with the width of their NUL.
ENCODINGS = {"utf-8": 1, "utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}

_SHEBANG = re.compile(rb"#!\s*(/(?:\\ |[^ \n\r\t])*)([^\n\r]*)")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_END_OF_ZIP = b"PK\x05\x06"


class PrefixTooLong(ValueError):
    """A binary file has no room for the prefix; the argument is the room in bytes."""


def _shebang_limit(subdir: str) -> int:
    """Longest shebang line, in bytes, that the platform's kernel reads completely."""
    return 512 if subdir.startswith("osx-") else 127


def replace_in_text(data: bytes, placeholder: str, prefix: str, subdir: str) -> bytes:
    """Replace in each of the five encodings, then repair a shebang line that is too long.

    On Windows the prefix is written with forward slashes, which need no escaping.
    """
    windows = subdir.startswith("win-")
    if windows:
        prefix = prefix.replace("\\", "/")
    start, end = _first_line(data)
    line = b""
    if not windows and data.startswith(b"#!") and placeholder.encode() in data[start:end]:
        # A space in the prefix must not end the interpreter's path.
        escaped = prefix.replace(" ", "\\ ").encode()
        line = data[start:end].replace(placeholder.encode(), escaped)
        data = data[end:]
    for encoding in ENCODINGS:
        data = data.replace(placeholder.encode(encoding), prefix.encode(encoding))
    return _runnable_shebang(line, data, subdir) + data if line else data


def _first_line(data: bytes) -> tuple[int, int]:
    end = data.find(b"\n")
    return 0, len(data) if end < 0 else end


def _runnable_shebang(line: bytes, rest: bytes, subdir: str) -> bytes:
    match = _SHEBANG.match(line)
    if not match:
        return line
    executable, options = match.groups()
    if len(line) <= _shebang_limit(subdir) and b"\\ " not in executable:
        return line
    path = executable.replace(b"\\ ", b" ").decode()
    name = path.rpartition("/")[2]
    if name.startswith(("python", "pypy")) and not declares_encoding(rest):
        return _polyglot(path, options.decode().strip()).rstrip("\n").encode()
    flag = b"-S " if options.strip() else b""
    return b"#!/usr/bin/env " + flag + name.encode() + options


def declares_encoding(rest: bytes) -> bool:
    """Whether the second line of a script, whose first one is left out, is about its encoding."""
    second = rest[1:].split(b"\n", 1)[0]
    match = _CODING.match(second)
    return match is not None and match[1].lower().replace(b"_", b"-") not in (b"utf-8", b"utf8")


def python_shebang(executable: str, subdir: str) -> str:
    """The shebang line, or lines, of a Python script; ends in a newline."""
    line = f"#!{executable}\n"
    if len(line.encode()) > _shebang_limit(subdir) or " " in executable:
        return _polyglot(executable, "")
    return line


def _polyglot(executable: str, options: str) -> str:
    # Valid as a shell script, in which '' and 'exec' start Python, and as a Python script, in
    # which the same lines are a string (as distlib and pip do it).
    quoted = re.sub(r'(["$`\\])', r"\\\1", executable)
    arguments = f" {options}" if options else ""
    return f"#!/bin/sh\n'''exec' \"{quoted}\"{arguments} \"$0\" \"$@\"\n' '''\n"


def replace_in_binary(data: bytes, placeholder: str, prefix: str, subdir: str) -> bytes:
    """Replace in NUL-terminated strings; of a Windows launcher, in its shebang.

    Raises:
        PrefixTooLong: The prefix is longer than the placeholder.
    """
    if subdir.startswith("win-"):
        return _relocate_launcher(data, placeholder, prefix)
    for encoding, width in ENCODINGS.items():
        old, new = placeholder.encode(encoding), prefix.encode(encoding)
        if old in data:
            data = _replace_in_runs(data, old, new, width)
    return data


def _replace_in_runs(data: bytes, old: bytes, new: bytes, width: int) -> bytes:
    """Replace ``old`` by ``new`` within NUL-terminated strings; keep all offsets.

    Args:
        data: The file.
        old: The placeholder.
        new: The prefix, not longer.
        width: Bytes of a NUL in the encoding.
    """
    if len(new) > len(old):
        raise PrefixTooLong(len(old))
    parts: list[bytes] = []
    position = 0
    while (start := data.find(old, position)) >= 0:
        end = _end_of_run(data, start + len(old), width)
        run = data[start:end]
        count = run.count(old)
        parts += data[position:start], run.replace(old, new), b"\0" * (len(old) - len(new)) * count
        position = end
    parts.append(data[position:])
    return b"".join(parts)


def _end_of_run(data: bytes, start: int, width: int) -> int:
    nul = b"\0" * width
    end = data.find(nul, start)
    while end >= 0 and (end - start) % width:
        # A wide NUL begins on a character boundary: the first two NULs of "a\0\0\0" in UTF-16-LE
        # are not one.
        end = data.find(nul, end + 1)
    return len(data) if end < 0 else end


def _relocate_launcher(data: bytes, placeholder: str, prefix: str) -> bytes:
    """Replace in the shebang of a Windows launcher, which is ``launcher + shebang + zip``."""
    end = data.rfind(_END_OF_ZIP)
    if end < 0 or end + 20 > len(data):
        return data
    size, offset = struct.unpack("<LL", data[end + 12 : end + 20])
    archive = end - size - offset
    start = data.rfind(b"#!", 0, archive) if archive > 0 else -1
    if start <= 0:
        return data
    shebang = data[start:archive].replace(placeholder.encode(), prefix.encode())
    return data[:start] + shebang + data[archive:]
