"""The files of a package, as ``info/paths.json`` and ``info/link.json`` list them."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_START = lazy_pattern(rb'"paths":\s*\[\s*(?=\{\s*"_path")')
_BETWEEN = lazy_pattern(rb'(?<=\})(?=,\s*\{\s*"_path")')
#: Most blanks before the end of a list.
_INDENT = 32
#: Bytes that are parsed at a time: fewer entries than Python keeps memory for.
_PIECE = 1 << 17
#: Types of the values of an entry, by key.
_TYPES: dict[str, set[type]] = {
    "_path": {str},
    "path_type": {str, type(None)},
    "prefix_placeholder": {str, type(None)},
    "file_mode": {str, type(None)},
    "sha256": {str, type(None)},
    "sha256_in_prefix": {str, type(None)},
    "size_in_bytes": {int, type(None)},
}


class PathType:
    """The values of ``path_type`` in paths.json and conda-meta."""

    HARDLINK = "hardlink"
    SOFTLINK = "softlink"
    DIRECTORY = "directory"
    PYC_FILE = "pyc_file"
    UNIX_ENTRY_POINT = "unix_python_entry_point"
    WINDOWS_ENTRY_POINT_SCRIPT = "windows_python_entry_point_script"
    WINDOWS_ENTRY_POINT_EXE = "windows_python_entry_point_exe"
    #: Generated commands that contain the environment's path.
    SCRIPTS = frozenset({UNIX_ENTRY_POINT, WINDOWS_ENTRY_POINT_SCRIPT})
    #: Files that change in use: Python replaces stale bytecode.
    VOLATILE = frozenset({PYC_FILE, DIRECTORY})


class PathsEntry:
    """One path of a package, or of an environment after linking.

    Attributes:
        path: Path with forward slashes, relative to the package or to the prefix.
        path_type: One of :class:`PathType`.
        prefix_placeholder: Text that is replaced by the prefix on linking, or None.
        file_mode: ``text`` or ``binary`` if there is a placeholder, else None.
        no_link: Whether the file must be copied instead of linked.
        sha256: SHA-256 of the file in the package, hexadecimal, or None.
        size_in_bytes: Size of the file in the package, or None.
        sha256_in_prefix: SHA-256 of the file after prefix replacement, or None.
    """

    __slots__ = (
        "file_mode",
        "no_link",
        "path",
        "path_type",
        "prefix_placeholder",
        "sha256",
        "sha256_in_prefix",
        "size_in_bytes",
    )

    def __init__(
        self,
        path: str,
        path_type: str = PathType.HARDLINK,
        *,
        prefix_placeholder: str | None = None,
        file_mode: str | None = None,
        no_link: bool = False,
        sha256: str | None = None,
        size_in_bytes: int | None = None,
        sha256_in_prefix: str | None = None,
    ) -> None:
        self.path = path
        self.path_type = path_type
        self.prefix_placeholder = prefix_placeholder
        self.file_mode = file_mode
        self.no_link = no_link
        self.sha256 = sha256
        self.size_in_bytes = size_in_bytes
        self.sha256_in_prefix = sha256_in_prefix

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PathsEntry:
        """Parse one object of ``paths`` (paths_version 1). Raises KeyError without ``_path``."""
        return cls(
            data["_path"],
            data.get("path_type") or PathType.HARDLINK,
            prefix_placeholder=data.get("prefix_placeholder"),
            file_mode=data.get("file_mode"),
            no_link=bool(data.get("no_link")),
            sha256=data.get("sha256"),
            size_in_bytes=data.get("size_in_bytes"),
            sha256_in_prefix=data.get("sha256_in_prefix"),
        )

    @property
    def expected_sha256(self) -> str | None:
        """SHA-256 of the file in an environment unless it was changed; None if not known."""
        if self.path_type in PathType.VOLATILE:
            return None
        return self.sha256_in_prefix or (None if self.prefix_placeholder else self.sha256)

    def to_json(self) -> dict[str, Any]:
        """The JSON object as conda writes it, without keys for missing values."""
        data: dict[str, Any] = {"_path": self.path}
        if self.prefix_placeholder is not None:
            data["prefix_placeholder"] = self.prefix_placeholder
        if self.file_mode is not None:
            data["file_mode"] = self.file_mode
        if self.no_link:
            data["no_link"] = True
        data["path_type"] = self.path_type
        for key in ("sha256", "size_in_bytes", "sha256_in_prefix"):
            value = getattr(self, key)
            if value is not None:
                data[key] = value
        return data

    def to_prefix_json(self) -> dict[str, Any]:
        """The JSON object for ``conda-meta``.

        Every regular file has ``sha256_in_prefix`` (CEP 32), also where no placeholder was
        replaced: conda finds changed files with it.
        """
        data = self.to_json()
        if self.path_type == PathType.HARDLINK and self.sha256 is not None:
            data.setdefault("sha256_in_prefix", self.sha256)
        return data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathsEntry) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.path, self.path_type))

    def __repr__(self) -> str:
        return f"PathsEntry({self.path!r}, {self.path_type!r})"


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """An entry point: a command that calls a Python function (``command = module:function``)."""

    command: str
    module: str
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """The files and entry points of a package.

    Attributes:
        paths: One entry per file, with paths relative to the package.
        entry_points: Commands to generate on linking (noarch python and wheels).
        noarch: ``python``, ``generic`` or None, from ``info/link.json`` or the record.
    """

    paths: tuple[PathsEntry, ...]
    entry_points: tuple[EntryPoint, ...] = field(default=())
    noarch: str | None = None


class StoredEntries:
    """The entries of one record, kept as their text.

    A record lists every file with its hashes, and most commands need the paths alone, which are
    listed before. Parsed, an entry takes 750 bytes, as text 250.

    Args:
        text: The items of the JSON list; empty if they are dropped or given as ``parsed``.
        with_path: Those of files that contain the environment's path.
        parsed: All, where they are parsed already.
    """

    __slots__ = ("_parsed", "_text", "with_path")

    def __init__(
        self,
        text: bytes | memoryview,
        with_path: list[dict[str, Any]],
        parsed: list[dict[str, Any]] | None = None,
    ) -> None:
        self._text = text
        self._parsed = parsed
        self.with_path = with_path

    @classmethod
    def of(cls, entries: object) -> StoredEntries:
        """Check a parsed list. Raises TypeError for a value of another type."""
        return cls(b"", _checked(entries), entries)  # type: ignore[arg-type]

    @classmethod
    def of_text(cls, text: bytes | memoryview) -> StoredEntries:
        """Check the items of the list. Raises ValueError for invalid JSON, TypeError as above."""
        return cls(text, [entry for piece in parse_items(text) for entry in _checked(piece)])

    def each(self) -> Iterator[dict[str, Any]]:
        """Yield all entries, parsed in pieces."""
        yield from self._parsed or ()
        for piece in parse_items(self._text):
            yield from piece


def cut_out_paths(document: bytes) -> tuple[bytes, memoryview] | None:
    """Cut the items of the list ``paths`` out of a JSON document, which may be very long.

    Returns:
        The document with an empty list, and a view of the items, for :func:`parse_items`, since
        they are most of the document, which may have 80 MB. If both are valid
        JSON, and the list in the first one is empty, they have the content of the document. None
        if there is not exactly one such list.
    """
    start = _START.search(document)
    if start is None:
        return None
    begin = bracket = start.end()
    while (bracket := document.find(b"]", bracket + 1)) >= 0:
        before = document[bracket - _INDENT : bracket].rstrip()
        if before.endswith(b"}"):
            break
    else:
        return None
    close = bracket - _INDENT + len(before)
    rest = document[:begin] + document[close:]
    return (rest, memoryview(document)[begin:close]) if rest.count(b'"paths"') == 1 else None


def parse_items(text: bytes | memoryview) -> Iterator[list[Any]]:
    """Parse the items of a list of entries in pieces, since together they take much memory.

    Raises:
        ValueError: They are not JSON.
    """
    for piece in split_items(text):
        yield read_json(b"".join((b"[", piece, b"]")))


def split_items(text: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """Split the items of a list of entries between two of them, into pieces of a usual size."""
    position = 0
    while position < len(text):
        between = _BETWEEN.search(text, position + _PIECE)
        end = between.end() if between else len(text)
        yield text[position:end]
        position = end + 1


def _checked(entries: object) -> list[dict[str, Any]]:
    """Check the types of thousands of entries, one key at a time; return those with the path."""
    if not isinstance(entries, list) or not set(map(type, entries)) <= {dict}:
        raise TypeError("paths")
    for key, types in _TYPES.items():
        if not {type(entry.get(key)) for entry in entries} <= types:
            raise TypeError(key)
    scripts = PathType.SCRIPTS
    return [
        entry
        for entry in entries
        if "prefix_placeholder" in entry or entry.get("path_type") in scripts
    ]
