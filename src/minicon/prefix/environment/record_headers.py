"""Read name, version, build and channel of every package without parsing whole records.

A record has these first and then lists every file, tens of thousands in an environment. Here the
beginning of each is parsed, one member after the other, by the interpreter's own JSON scanner;
importing the module ``json`` around it would take longer than all that is done here.

Anything unusual (a truncated record, a package that pip installed or removed, an environment that
is switched meanwhile) raises NotPlain, and :class:`.prefix.Prefix` is used instead.
"""

from __future__ import annotations

import os

from minicon.constants import HOST_CHANNEL
from minicon.fs.plain_file import plain_opener, read_followed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_MEMBERS = ("name", "version", "build", "channel", "subdir")
#: Bytes that are read first, and bytes at the end that must close the record.
_BEGINNING = 8192
_END = 8
_SITE_PACKAGES_MEMBER = '"python_site_packages_path"'
_BLANKS = " \t\r\n"


class NotPlain(Exception):
    """Whole records are needed."""


class RecordHeader:
    """The columns of a package list; ``channel`` has no subdir."""

    __slots__ = ("build", "channel", "file", "name", "version")

    def __init__(self, file: str, members: Mapping[str, Any]) -> None:
        values = [members[key] for key in ("name", "version", "build", "channel")]
        subdir = members.get("subdir") or "noarch"
        if not all(isinstance(value, str) for value in (*values, subdir)):
            raise NotPlain(file)
        self.file = file
        self.name, self.version, self.build, channel = values
        self.channel = channel.rstrip("/").removesuffix(f"/{subdir}")


def read_record_headers(prefix: str) -> list[RecordHeader]:
    """Read all packages of an environment, sorted by name. Costs about 30 µs per package.

    Raises:
        NotPlain: Whole records are needed, or there are none.
    """
    try:
        scan = _scanner()
        folder = f"{prefix}/conda-meta"
        before = os.stat(folder)
        names = (n for n in os.listdir(folder) if n.endswith(".json") and n[0] != ".")
        headers = [_read_header(f"{folder}/{name}", scan) for name in names]
        by_name = {header.name: header for header in headers}
        python = by_name.get("python")
        site_packages = f"{prefix}/{_site_packages(python)}" if python else None
        _refuse_changed_interpreter(prefix, python)
        _refuse_changes_by_pip(prefix, by_name, site_packages)
        after = os.stat(folder)
    except (OSError, ImportError, ValueError, LookupError, StopIteration, RecursionError) as error:
        raise NotPlain(prefix) from error
    if (before.st_ino, before.st_mtime_ns) != (after.st_ino, after.st_mtime_ns):
        raise NotPlain(prefix)
    if len(by_name) < len(headers) or any(_may_have_secrets(header.channel) for header in headers):
        raise NotPlain(prefix)
    return [by_name[name] for name in sorted(by_name)]


def _may_have_secrets(channel: str) -> bool:
    """Whether a channel may contain credentials, which must be redacted."""
    return any(mark in channel for mark in "@?#%") or "/t/" in channel.lower()


def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    """A function that parses one JSON value at an index of a text; returns it and its end."""
    from _json import make_scanner

    class Rules:
        strict = True
        object_hook = object_pairs_hook = None
        parse_float, parse_int, parse_constant = float, int, float
        memo: Mapping[str, str] = {}

    scanner: Callable[[str, int], tuple[Any, int]] = make_scanner(Rules)  # type: ignore[arg-type]
    return scanner


def _read_header(file: str, scan: Callable[[str, int], tuple[Any, int]]) -> RecordHeader:
    with open(file, "rb", buffering=0, opener=plain_opener) as reader:
        data = reader.read(_BEGINNING)
        if len(data) == _BEGINNING:
            reader.seek(-_END, os.SEEK_END)
            end = reader.read(_END)
        else:
            end = data[-_END:]
        if not end.rstrip().endswith(b"}"):
            raise NotPlain(file)
        try:
            members = _members(data.decode("utf-8", "replace"), scan)
        except (LookupError, ValueError, StopIteration):
            reader.seek(0)  # other tools write the members in other orders
            members = _members(reader.read().decode(), scan)
    return RecordHeader(file, members)


def _members(text: str, scan: Callable[[str, int], tuple[Any, int]]) -> dict[str, Any]:
    """Parse members until all needed ones are found. Raises LookupError at the end of the text."""
    found: dict[str, Any] = {}
    index = _skip(text, 0, "{")
    while len(found) < len(_MEMBERS):
        key, index = scan(text, _skip(text, index))
        value, index = scan(text, _skip(text, _skip(text, index, ":")))
        if key in _MEMBERS:
            found[key] = value
        if text[_skip(text, index)] == "}":
            break
        index = _skip(text, index, ",")
    return found


def _skip(text: str, index: int, mark: str = "") -> int:
    """The next index that is not blank or, with a ``mark``, the one after it.

    Raises ValueError if another character is found.
    """
    while text[index] in _BLANKS:
        index += 1
    if not mark:
        return index
    if text[index] != mark:
        raise ValueError(mark)
    return index + 1


def _refuse_changed_interpreter(prefix: str, python: RecordHeader | None) -> None:
    """Raise NotPlain or OSError where the interpreter that python links to may be another now."""
    if python and python.channel == HOST_CHANNEL and python.build.endswith("_venv"):
        changed = os.stat(f"{prefix}/bin/python").st_ctime_ns
        if changed > os.stat(python.file).st_mtime_ns:
            raise NotPlain(prefix)


def _refuse_changes_by_pip(
    prefix: str, by_name: Mapping[str, RecordHeader], site_packages: str | None
) -> None:
    """Raise NotPlain where pip installed or removed a distribution."""
    wheels = {name for name, header in by_name.items() if header.channel == "pypi"}
    unowned = []
    for entry in _distributions(site_packages):
        path = f"{site_packages}/{entry}"
        name = entry.partition("-")[0].replace("_", "-").replace(".", "-").lower()
        mark = f'"{path[len(prefix) + 1 :]}/'.encode()
        if name not in by_name or mark not in _whole(by_name[name]):
            unowned.append(mark)
        if os.path.exists(f"{path}/METADATA"):
            wheels.discard(name)
    for header in by_name.values() if unowned else ():
        data = _whole(header)
        if b"dist-info/" in data:
            unowned = [mark for mark in unowned if mark not in data]
    if wheels or unowned:
        raise NotPlain(prefix)


def _distributions(site_packages: str | None) -> list[str]:
    if site_packages is None or not os.path.isdir(site_packages):
        return []
    return [name for name in os.listdir(site_packages) if name.endswith(".dist-info")]


def _site_packages(python: RecordHeader) -> str:
    text = _whole(python).decode()
    index = text.find(_SITE_PACKAGES_MEMBER)
    if index < 0:
        if "Lib/site-packages" in text:  # on Windows
            raise NotPlain(python.file)
        return f"lib/python{'.'.join(python.version.split('.')[:2])}/site-packages"
    index = _skip(text, index + len(_SITE_PACKAGES_MEMBER), ":")
    value, _ = _scanner()(text, _skip(text, index))
    if not isinstance(value, str) or not value or ".." in value:
        raise NotPlain(python.file)
    return value


def _whole(header: RecordHeader) -> bytes:
    return read_followed(header.file)
