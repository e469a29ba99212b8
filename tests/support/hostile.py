"""Hostile package archives, family by family, each with a near miss that must be accepted.

:func:`cases` lists them. A case is built for ``.conda``, for ``.tar.bz2``, or for both; its
verdict is a pattern that the error message must match, or None if the archive is valid.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from tests.support.tar_parts import END, entry, folder, gnu_long, hard, pax, symbolic

STEM = "hostile-1.0-0"
BOTH = (".conda", ".tar.bz2")
TEXT = b"payload\n"
INDEX = {"name": "hostile", "version": "1.0", "build": "0", "build_number": 0, "depends": []}


@dataclass(frozen=True)
class Case:
    """One archive.

    Attributes:
        name: Family and variant.
        build: Returns its bytes for a kind of archive.
        refused: Pattern for the message, or None if it must be accepted.
        kinds: ``.conda``, ``.tar.bz2`` or both.
    """

    name: str
    build: Callable[[str], bytes]
    refused: str | None
    kinds: tuple[str, ...] = BOTH


def listed(path: str, data: bytes = TEXT, **changes: Any) -> dict[str, Any]:
    """Return an entry of paths.json for a regular file, with wrong values if given."""
    good = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not ...}


def linked(path: str) -> dict[str, Any]:
    """Return an entry of paths.json for a symbolic link."""
    return {"_path": path, "path_type": "softlink", "sha256": "0" * 64, "size_in_bytes": 0}


def info_tar(paths: list[dict[str, Any]], extra: dict[str, bytes] | None = None) -> bytes:
    """Return the members of info/, without the end of the archive."""
    document = {"paths": paths, "paths_version": 1}
    files = {"index.json": json.dumps(INDEX).encode(), "paths.json": json.dumps(document).encode()}
    files |= extra or {}
    return b"".join(entry(f"info/{name}", data) for name, data in files.items())


def assemble(kind: str, info: bytes, payload: bytes, *, end: bytes = END) -> bytes:
    """Return an archive of raw tar members; in a .tar.bz2 the payload is first: the worse order."""
    if kind == ".tar.bz2":
        return bz2.compress(payload + info + end, 1)
    return conda(zstd(info + END), zstd(payload + end))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def conda(info: bytes, payload: bytes, **options: Any) -> bytes:
    """Return a .conda file of compressed components; options are passed to :func:`raw_zip`."""
    return raw_zip(conda_members(info, payload), **options)


def conda_members(info: bytes, payload: bytes) -> list[tuple[str, bytes]]:
    metadata = b'{"conda_pkg_format_version": 2}'
    return [
        ("metadata.json", metadata),
        (f"pkg-{STEM}.tar.zst", payload),
        (f"info-{STEM}.tar.zst", info),
    ]


def raw_zip(
    members: list[tuple[str, bytes]],
    *,
    central: list[tuple[str, bytes]] | None = None,
    flags: int = 0,
    method: int = 0,
    extra: bytes = b"",
    gap: bytes = b"",
    before: bytes = b"",
    comment: bytes = b"",
    crc_change: int = 0,
    local_size_change: int = 0,
) -> bytes:
    """Return a stored zip file in which every field can be wrong."""
    body, directory = before, b""
    for number, (name, data) in enumerate(members):
        central_name, central_data = (central or members)[number]
        crc, size = zlib.crc32(data) ^ crc_change, len(data) + local_size_change
        offset = len(body)
        raw = name.encode()
        body += struct.pack(
            "<4s5HIIIHH", b"PK\3\4", 20, flags, method, 0, 33, crc, size, size, len(raw), len(extra)
        )
        body += raw + extra + data + gap
        raw = central_name.encode()
        crc = zlib.crc32(central_data) ^ crc_change
        directory += struct.pack(
            "<4s6HIIIHHHHHII",
            *(b"PK\1\2", 20, 20, flags, method, 0, 33, crc, len(central_data), len(central_data)),
            *(len(raw), len(extra), 0, 0, 0, 0, offset),
        )
        directory += raw + extra
    count = len(members)
    end = struct.pack(
        "<4s4HIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), len(comment)
    )
    return body + directory + end + comment


def package(
    payload: bytes,
    paths: list[dict[str, Any]] | None = None,
    extra: dict[str, bytes] | None = None,
) -> Callable[[str], bytes]:
    """Return a builder from raw payload members, entries of paths.json, and files below info/."""
    return lambda kind: assemble(kind, info_tar(paths or [], extra), payload)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for family in (
        traversal,
        symbolic_links,
        hard_links,
        special_files,
        zip_structure,
        zip_contents,
        tar_headers,
        tar_streams,
        components,
        paths_lies,
        entry_points,
        bombs,
    ):
        yield from family()


def traversal() -> Iterator[Case]:
    outside = {
        "dotdot": ("../evil", "leaves its directory"),
        "inner-dotdot": ("a/../../evil", "leaves its directory"),
        "harmless-dotdot": ("a/../b", "leaves its directory"),
        "sibling-prefix": ("../target-evil/x", "leaves its directory"),
        "absolute": ("/tmp/evil", "is absolute"),
        "double-slash": ("//tmp/evil", "is absolute"),
        "backslash": ("..\\evil", "backslash"),
        "drive": ("C:evil", "is absolute"),
        "dot-dotdot": ("./../evil", "leaves its directory|'.' component"),
        "only-dotdot": ("..", "leaves its directory"),
        "empty": ("", "is empty"),
        "long-component": ("x" * 256, "longer than 255"),
    }
    for name, (path, problem) in outside.items():
        yield Case(f"trav-{name}-pax", package(_named(path, TEXT), [listed(path)]), problem)
        yield Case(f"trav-{name}-listed", package(b"", [listed(path)]), problem)
    for name in ("dotdot", "absolute"):
        path, problem = outside[name]
        yield Case(f"trav-{name}-ustar", package(entry(path, TEXT)), problem)
        yield Case(f"trav-{name}-gnu", package(gnu_long(path) + entry("x", TEXT)), problem)
        yield Case(f"trav-{name}-folder", package(folder(path)), problem)
        yield Case(f"trav-{name}-link", package(symbolic(path, "x")), problem)
    prefixed = entry("evil", TEXT, prefix=b"..")
    yield Case("trav-ustar-prefix", package(prefixed), "leaves its directory")
    nul = pax({"path": b"a\0b"}) + entry("x", TEXT)
    yield Case("trav-nul", package(nul), "NUL")
    latin = entry(b"caf\xe9", TEXT)
    yield Case("trav-not-utf8", package(latin), "not UTF-8")
    good = ["...", "..a/b..", "ab:c", "ü/日本", "deep/" * 60 + "x", "y" * 255]
    payload = b"".join(_named(path, TEXT) for path in good)
    yield Case("trav-near-miss", package(payload, [listed(path) for path in good]), None)
    dotted = entry("./bin/./x", TEXT) + entry("lib//y", TEXT) + folder("./")
    yield Case("trav-near-dots", package(dotted, [listed("bin/x"), listed("lib/y")]), None)
    prefix = entry("x", TEXT, prefix=b"share/deep") + gnu_long("g" * 120) + entry("x", TEXT)
    entries = [listed("share/deep/x"), listed("g" * 120)]
    yield Case("trav-near-prefix-and-gnu", package(prefix, entries), None)


def _named(path: str, data: bytes) -> bytes:
    if path and "\0" not in path:
        return pax({"path": path}) + entry("placeholder", data)
    return entry(path, data)


def symbolic_links() -> Iterator[Case]:
    bad = {
        "absolute": ("d", "/tmp", "is absolute"),
        "absolute-drive": ("d", "c:x", "is absolute"),
        "outside": ("d", "../x", "leads outside"),
        "outside-deep": ("a/b/c", "../../../x", "leads outside"),
        "outside-and-back": ("a/d", "../../target/a/x", "leads outside"),
        "outside-hidden": ("d", "a/./..//../x", "leads up from 'a'"),
        "up-from-nothing": ("a/l", "b/../..", "leads up from 'a/b', which is no folder"),
        "up-from-nothing-inside": ("a/l", "b/../c", "leads up from 'a/b', which is no folder"),
        "empty": ("d", "", "is empty"),
        "backslash": ("d", "..\\x", "backslash"),
        "loop": ("d", "d", "too many links"),
        "long": ("d", "a/" * 1100 + "b", "longer than"),
    }
    for name, (path, target, problem) in bad.items():
        made = symbolic(path, target)
        yield Case(f"link-{name}", package(made, [linked(path)]), problem)
    through = symbolic("d", "../outside") + entry("d/x", TEXT)
    yield Case("link-write-through", package(through), "lies below 'd'|leads outside")
    absolute = symbolic("d", "/tmp") + entry("d/x", TEXT)
    yield Case("link-write-through-absolute", package(absolute), "lies below|is absolute")
    inside = folder("s") + symbolic("d", "s") + entry("d/x", TEXT)
    yield Case("link-write-through-inside", package(inside, [linked("d")]), "lies below 'd'|listed")
    late = entry("d/x", TEXT) + symbolic("d", "s")
    yield Case("link-replaces-folder", package(late, [listed("d/x")]), "twice|not listed")
    as_folder = symbolic("d", "s") + folder("d")
    yield Case("link-then-folder", package(as_folder, [linked("d")]), "which is no folder")
    yield from _link_chains()
    good = entry("lib/a/real", TEXT) + symbolic("lib/b", "a") + symbolic("bin/c", "../lib/b/real")
    good += symbolic("lib/missing", "../other-package/x") + symbolic("lib/a/up", "../..")
    names = ["lib/b", "bin/c", "lib/missing", "lib/a/up"]
    entries = [listed("lib/a/real"), *map(linked, names)]
    yield Case("link-near-miss", package(good, entries), None)


def _link_chains() -> Iterator[Case]:
    # "up" is the package's root, so "up/../x" is outside, though its text looks harmless.
    swap = symbolic("p/q/up", "../..") + symbolic("p/q/out", "up/../x")
    entries = [linked("p/q/up"), linked("p/q/out")]
    yield Case("link-through-link", package(swap, entries), "leads outside")
    # "b" is a link to another directory, whose second parent is outside.
    swap = symbolic("a/b", "../c") + entry("c/x", TEXT) + symbolic("a/l", "b/../..")
    entries = [linked("a/b"), listed("c/x"), linked("a/l")]
    yield Case("link-composed", package(swap, entries), "leads outside")
    inside = symbolic("a/b", "../c/d") + entry("c/d/x", TEXT) + symbolic("a/l", "b/../..")
    entries = [linked("a/b"), listed("c/d/x"), linked("a/l")]
    yield Case("link-composed-near-miss", package(inside, entries), None)
    inside = symbolic("p/q/up", "../..") + symbolic("p/q/in", "up/p/../x")
    entries = [linked("p/q/up"), linked("p/q/in")]
    yield Case("link-through-link-near-miss", package(inside, entries), None)
    # CVE-2025-4517: a chain so long that realpath() gives up, and then dots that it never sees.
    component, payload, here, names = "d" * 247, b"", "", []
    for letter in "abcdefghijklmnop":
        here = f"{here}/{component}" if here else component
        if len(here) > 1900:
            break
        parent = here.rpartition("/")[0]
        payload += pax({"path": here}) + folder("x")
        names.append(f"{parent}/{letter}" if parent else letter)
        payload += symbolic(names[-1], component)
    steps = "/".join("abcdefghijklmnop"[: len(names)])
    payload += symbolic("escape", f"{steps}/" + "../" * (len(names) + 2) + "outside")
    entries = [linked(name) for name in [*names, "escape"]]
    yield Case("link-path-max-chain", package(payload, entries), "leads outside")
    chain = entry("l0", TEXT) + b"".join(symbolic(f"l{n + 1}", f"l{n}") for n in range(60))
    entries = [listed("l0"), *(linked(f"l{n + 1}") for n in range(60))]
    yield Case("link-chain-too-long", package(chain, entries), "too many links")
    chain = entry("l0", TEXT) + b"".join(symbolic(f"l{n + 1}", f"l{n}") for n in range(20))
    entries = [listed("l0"), *(linked(f"l{n + 1}") for n in range(20))]
    yield Case("link-chain-near-miss", package(chain, entries), None)


def hard_links() -> Iterator[Case]:
    bad = {
        "outside": (hard("x", "../outside/victim"), "leaves its directory"),
        "absolute": (hard("x", "/etc/passwd"), "is absolute"),
        "missing": (hard("x", "y"), "no earlier file"),
        "later": (hard("x", "y") + entry("y", TEXT), "no earlier file"),
        "itself": (hard("x", "x"), "no earlier file"),
        "folder": (folder("y") + hard("x", "y"), "no earlier file"),
        "symbolic": (
            symbolic("y", "../outside/victim") + hard("x", "y"),
            "no earlier file|outside",
        ),
        "empty": (hard("x", ""), "is empty"),
    }
    for name, (payload, problem) in bad.items():
        entries = [listed("x"), listed("y"), listed("y", path_type="softlink")]
        names = entries[:1] if b"y\0" not in payload else [entries[0], entries[1]]
        names = [entries[0], entries[2]] if name == "symbolic" else names
        yield Case(f"link-hard-{name}", package(payload, names), problem)
    over = hard("x", "../outside/victim") + entry("x", TEXT)
    yield Case("link-hard-overwrite", package(over, [listed("x")]), "leaves its directory")
    twice = entry("y", TEXT) + hard("x", "y") + entry("x", b"other")
    entries = [listed("x"), listed("y")]
    yield Case("link-hard-then-file", package(twice, entries), "twice|info/paths.json says")
    info = hard("x", "info/index.json")
    entries = [listed("x", json.dumps(INDEX).encode())]
    yield Case("link-hard-component", package(info, entries), "no earlier file", (".conda",))
    body = entry("y", TEXT) + entry("x", TEXT, kind=b"1", link="y")
    yield Case("link-hard-with-content", package(body, entries), "with content|not listed")
    good = entry("y", TEXT) + hard("bin/x", "y") + hard("bin/z", "./bin/x")
    entries = [listed("y"), listed("bin/x"), listed("bin/z")]
    yield Case("link-hard-near-miss", package(good, entries), None)
    lie = [listed("y"), listed("bin/x", b"another"), listed("bin/z")]
    yield Case("link-hard-wrong-hash", package(good, lie), "bin/x.*info/paths.json says")


def special_files() -> Iterator[Case]:
    kinds = {
        "character-device": (b"3", "character device"),
        "block-device": (b"4", "block device"),
        "fifo": (b"6", "named pipe"),
        "sparse": (b"S", "sparse file"),
        "volume": (b"V", "kind that packages do not have"),
        "multivolume": (b"M", "kind that packages do not have"),
        "dumpdir": (b"D", "kind that packages do not have"),
        "solaris": (b"X", "kind that packages do not have"),
        "unknown": (b"\xff", "kind that packages do not have"),
    }
    for name, (kind, problem) in kinds.items():
        yield Case(f"special-{name}", package(entry("x", kind=kind), [listed("x", b"")]), problem)
    contiguous = entry("x", TEXT, kind=b"7") + entry("y", TEXT, kind=b"\0")
    yield Case("special-near-miss", package(contiguous, [listed("x"), listed("y")]), None)
    modes = {"setuid": 0o4755, "setgid": 0o2755, "sticky": 0o1777, "world-writable": 0o666}
    for name, mode in {**modes, "none": 0, "write-only": 0o222}.items():
        payload = entry("x", TEXT, mode=mode) + entry("d/", kind=b"5", mode=mode)
        yield Case(f"mode-{name}", package(payload, [listed("x")]), None)


def _good_components() -> tuple[bytes, bytes]:
    return zstd(info_tar([listed("x")]) + END), zstd(entry("x", TEXT) + END)


def zip_structure() -> Iterator[Case]:
    info, payload = _good_components()
    evil = zstd(entry("x", b"smuggled") + END)
    members = conda_members(info, payload)
    good = raw_zip(members)
    lies = [members[0], (members[1][0], evil), members[2]]
    renamed = [members[0], ("pkg-other.tar.zst", payload), members[2]]
    archives = {
        "stacked": (good + good, "bytes after|gaps|does not end|members and"),
        "stacked-other": (conda(info, evil) + good, "gaps|does not end|members and"),
        "trailing": (good + b"x", "bytes after its end"),
        "comment": (raw_zip(members, comment=b"hello"), "bytes after|comment"),
        "before": (raw_zip(members, before=b"#!/bin/sh\n"), "neither|gaps"),
        "before-zip-like": (raw_zip(members, before=b"PK\3\4 hidden"), "gaps"),
        "gap": (raw_zip(members, gap=b"hidden"), "gaps|between"),
        "local-name": (raw_zip(members, central=renamed), "contradicts"),
        "local-content": (raw_zip(lies, central=members), "contradicts"),
        "local-size": (raw_zip(members, local_size_change=-1), "contradicts"),
        "wrong-crc": (raw_zip(members, crc_change=1), "wrong checksum"),
        "encrypted": (raw_zip(members, flags=1), "encrypted"),
        "data-descriptor": (raw_zip(members, flags=8), "size behind it"),
        "strong-encryption": (raw_zip(members, flags=0x40), "encrypted"),
        "deflated": (raw_zip(members, method=8), "compressed by method 8"),
        "unicode-path": (raw_zip(members, extra=struct.pack("<HHBI", 0x7075, 5, 1, 0)), "extra"),
        "cut-extra": (raw_zip(members, extra=struct.pack("<HH", 0x5455, 9)), "extra field"),
        "count": (_with_end(good, count=2), "2 members"),
        "directory-offset": (_with_end(good, offset=1), "does not end"),
        "disk": (_with_end(good, disk=1), "several disks"),
        "overlap": (_overlapping(members), "gaps or overlaps"),
        "member-comment": (_with_member_comment(members), "broken central directory"),
    }
    for name, (data, problem) in archives.items():
        yield Case(f"zip-{name}", _fixed(data), problem, (".conda",))
    good_ones = {
        "plain": good,
        "utf8-flag": raw_zip(members, flags=0x800),
        "timestamps": raw_zip(members, extra=struct.pack("<HHBI", 0x5455, 5, 1, 0)),
        "order": raw_zip(members[::-1]),
        "zip64": _zip64(members),
    }
    for name, data in good_ones.items():
        yield Case(f"zip-near-{name}", _fixed(data), None, (".conda",))


def _fixed(data: bytes) -> Callable[[str], bytes]:
    return lambda _: data


def _with_end(data: bytes, *, count: int = 3, offset: int = 0, disk: int = 0) -> bytes:
    fields = list(struct.unpack("<4s4HIIH", data[-22:]))
    fields[1], fields[3], fields[4] = disk, count, count
    fields[6] += offset
    return data[:-22] + struct.pack("<4s4HIIH", *fields)


def _with_member_comment(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.comment = b"hidden"
            archive.writestr(info, data)
    return buffer.getvalue()


def _overlapping(members: list[tuple[str, bytes]]) -> bytes:
    """Return a zip file with two central entries for one local member."""
    data = raw_zip(members)
    first = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", first + 4)
    return data[: second + 42] + data[first + 42 : first + 46] + data[second + 46 :]


def _zip64(members: list[tuple[str, bytes]]) -> bytes:
    """Return a zip file as zipfile writes it with ``force_zip64``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as writer:
                writer.write(data)
    return buffer.getvalue()


def zip_contents() -> Iterator[Case]:
    info, payload = _good_components()
    members = conda_members(info, payload)
    meta = members[0]
    bad = {
        "no-metadata": (members[1:], "members, not 3|no metadata"),
        "no-payload": ([meta, members[2]], "2 members"),
        "no-info": ([*members[:2], (f"pkg-{STEM}-2.tar.zst", payload)], "is contained twice"),
        "extra": ([*members, ("evil.txt", b"x")], "4 members"),
        "instead": ([meta, members[1], ("evil.txt", b"x")], "does not belong"),
        "duplicate-metadata": ([meta, meta, members[2]], "is contained twice"),
        "path": ([meta, members[1], ("info-../../x.tar.zst", info)], "does not belong"),
        "version-3": (
            [("metadata.json", b'{"conda_pkg_format_version": 3}'), *members[1:]],
            "version 3",
        ),
        "version-true": (
            [("metadata.json", b'{"conda_pkg_format_version": true}'), *members[1:]],
            "version True",
        ),
        "metadata-garbage": ([("metadata.json", b"{"), *members[1:]], "no format version"),
        "metadata-list": ([("metadata.json", b"[]"), *members[1:]], "no format version"),
        "metadata-huge": ([("metadata.json", b" " * 70000), *members[1:]], "70000 bytes"),
        "tar-bz2-inside": (
            [meta, (members[1][0], bz2.compress(b"x")), members[2]],
            "not in Zstandard",
        ),
        "zstd-cut": ([meta, (members[1][0], payload[:-3]), members[2]], "cut short"),
        "zstd-trailing": ([meta, (members[1][0], payload + b"x"), members[2]], "bytes after"),
        "zstd-empty": ([meta, (members[1][0], b""), members[2]], "not in Zstandard"),
        "zstd-flipped": ([meta, (members[1][0], _flip(payload)), members[2]], "."),
    }
    for name, (parts, problem) in bad.items():
        yield Case(f"zip-{name}", _fixed(raw_zip(parts)), problem, (".conda",))
    half = len(entry("x", TEXT)) // 2
    plain = entry("x", TEXT) + END
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc"
    frames = skippable + zstd(plain[:half]) + zstd(plain[half:])
    good = {
        "empty-metadata": [("metadata.json", b""), *members[1:]],
        "more-metadata": [
            ("metadata.json", b'{"conda_pkg_format_version": 2, "x": 1}'),
            *members[1:],
        ],
        "zstd-frames": [meta, (members[1][0], frames), members[2]],
    }
    for name, parts in good.items():
        yield Case(f"zip-near-{name}", _fixed(raw_zip(parts)), None, (".conda",))


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


def tar_headers() -> Iterator[Case]:
    hidden = entry("hidden", TEXT)
    mine = [listed("x", hidden)]
    bad = {
        # A reader that ignores the PAX size finds "hidden" as a member (CVE-2025-62518).
        "size-smuggling": (
            pax({"size": str(len(hidden))}) + entry("x", hidden, size=0),
            "contradicts",
        ),
        "size-smuggling-back": (pax({"size": "0"}) + entry("x", hidden), "contradicts"),
        "size-negative": (pax({"size": "-5"}) + entry("x", hidden), "not a number"),
        "size-text": (pax({"size": "0x10"}) + entry("x", hidden), "not a number"),
        "size-twice": (pax({"size": "1"}) + pax({"size": "1"}) + entry("x", b"1"), "two headers"),
        "pax-no-newline": (pax(b"11 path=xyz") + entry("x", hidden), "malformed"),
        "pax-length-long": (pax(b"99 path=xyz\n") + entry("x", hidden), "malformed"),
        "pax-length-short": (pax(b"5 path=xyz\n") + entry("x", hidden), "malformed"),
        "pax-length-zero": (pax(b"0 path=xyz\n") + entry("x", hidden), "malformed"),
        "pax-length-none": (pax(b"path=xyz\n") + entry("x", hidden), "malformed"),
        "pax-no-key": (pax(b"6 =ab\n") + entry("x", hidden), "malformed"),
        "pax-padding": (
            pax({"mtime": "1"})[:-1] + b"" + b"\0" + entry("x", hidden, checksum=1),
            "checksum",
        ),
        "pax-repeated-key": (pax(b"9 path=x\n9 path=y\n") + entry("x", hidden), "repeated"),
        "pax-empty-path": (pax(b"8 path=\n") + entry("x", hidden), "repeated or empty"),
        "pax-charset": (pax({"hdrcharset": "BINARY"}) + entry("x", hidden), "character set"),
        "pax-sparse": (pax({"GNU.sparse.major": "1"}) + entry("x", hidden), "sparse"),
        "pax-sparse-name": (pax({"GNU.sparse.name": "y"}) + entry("x", hidden), "sparse"),
        "pax-mtime": (pax({"mtime": "yesterday"}) + entry("x", hidden), "mtime"),
        "pax-not-utf8": (pax({"path": b"\xff"}) + entry("x", hidden), "not UTF-8"),
        "global-path": (pax({"path": "y"}, kind=b"g") + entry("x", hidden), "global PAX"),
        "global-size": (pax({"size": "0"}, kind=b"g") + entry("x", hidden), "global PAX"),
        "names-disagree": (gnu_long("a") + pax({"path": "b"}) + entry("x", hidden), "disagree"),
        "long-name-twice": (gnu_long("a") + gnu_long("a") + entry("x", hidden), "two headers"),
        "checksum": (entry("x", hidden, checksum=1234), "wrong checksum"),
        "checksum-text": (
            entry("x", hidden).replace(b"\0 0", b"\0 0", 1)[:148]
            + b"zzzzzzzz"
            + entry("x", hidden)[156:],
            "checksum is not a number",
        ),
        "size-octal": (entry("x", hidden, size=b"00000000089\0"), "not a number"),
        "size-empty": (entry("x", b"", size=b"\0" * 12), "not a number"),
        "size-base256-negative": (entry("x", b"", size=b"\xff" * 12), "not a number"),
        "size-base256-huge": (entry("x", b"", size=b"\x80" + b"\xff" * 11), "absurd"),
        "magic": (entry("x", hidden, magic=b"USTAR 00"), "unknown kind"),
        "file-with-slash": (entry("x/", hidden, kind=b"0"), "ends in a slash"),
        "folder-with-content": (entry("d", hidden, kind=b"5"), "with content"),
        "link-with-content": (entry("d", hidden, kind=b"2", link="x"), "with content"),
        "pax-huge": (entry("PaxHeader", b"x" * (2 << 20), kind=b"x"), "header of 2097152 bytes"),
    }
    for name, (payload, problem) in bad.items():
        yield Case(f"tar-{name}", package(payload, mine), problem)
    alone = package(pax({"path": "x"}))
    yield Case("tar-header-without-member", alone, "describes no member", (".conda",))
    yield from _duplicates()
    good = {
        "size-equal": pax({"size": str(len(hidden))}) + entry("x", hidden),
        "pax-many": pax(
            {"path": "x", "mtime": "1.5", "uid": "1", "SCHILY.xattr.user.a": b"\xff=\n"}
        )
        + entry("y", hidden),
        "pax-old-mtime": pax({"mtime": "-1.5"}) + entry("x", hidden),
        "global-comment": pax({"comment": "hello"}, kind=b"g") + entry("x", hidden),
        "names-agree": gnu_long("x") + pax({"path": "x"}) + entry("y", hidden),
        "size-base256": entry("x", hidden, size=b"\x80" + len(hidden).to_bytes(11, "big")),
        "size-spaces": entry("x", hidden, size=b"%9o \0 " % len(hidden)),
        "v7": entry("x", hidden, magic=b"\0" * 8),
        "gnu": entry("x", hidden, magic=b"ustar  \0", prefix=b"01234567"),
    }
    for name, payload in good.items():
        yield Case(f"tar-near-{name}", package(payload, mine), None)


def _duplicates() -> Iterator[Case]:
    one, two = entry("a/x", TEXT), entry("a/x", b"other")
    bad = {
        "file": (one + two, [listed("a/x")]),
        "same": (one + one, [listed("a/x")]),
        "dotted": (one + entry("./a//x", TEXT), [listed("a/x")]),
        "link": (one + symbolic("a/x", "y"), [listed("a/x")]),
        "links": (symbolic("l", "x") + symbolic("l", "y"), [linked("l")]),
        "below-file": (entry("a", TEXT) + one, [listed("a"), listed("a/x")]),
        "file-for-folder": (one + entry("a", TEXT), [listed("a"), listed("a/x")]),
        "folder-for-file": (entry("a", TEXT) + folder("a"), [listed("a")]),
    }
    for name, (payload, paths) in bad.items():
        problem = "twice|no folder|info/paths.json says"
        yield Case(f"tar-duplicate-{name}", package(payload, paths), problem)
    good = folder("a") + one + folder("a/") + entry("A", TEXT) + entry("b/X", TEXT)
    paths = [listed("a/x"), listed("A"), listed("b/X")]
    yield Case("tar-near-duplicates", package(good, paths), None)
    case = entry("n/E", TEXT) + entry("n/e", b"other")
    yield Case("tar-near-case", package(case, [listed("n/E"), listed("n/e", b"other")]), None)


def tar_streams() -> Iterator[Case]:
    mine = [listed("x")]
    one = entry("x", TEXT)

    def ended(payload: bytes, end: bytes) -> Callable[[str], bytes]:
        return lambda kind: assemble(kind, info_tar(mine), payload, end=end)

    bad = {
        "half-end": (b"\0" * 200, "cut short"),
        "behind-end": (END + b"x", "data after its end"),
        "second-archive": (END + entry("y", TEXT) + END, "data after its end"),
        "zero-block-inside": (b"\0" * 512 + entry("y", TEXT) + END, "data after its end"),
        "padding": (b"\0" * (3 << 20), "too much padding"),
    }
    for name, (end, problem) in bad.items():
        yield Case(f"tar-{name}", ended(one, end), problem)
    cut = entry("x", TEXT + b"x" * 5000, size=8)[:515]
    yield Case("tar-cut-member", ended(cut, b""), "cut short|checksum", (".conda",))
    yield Case("tar-no-tar", ended(b"hello" * 200, b""), "checksum|number")
    ends = {"no-blocks": b"", "one-block": bytes(512), "blocking": bytes(20 * 512)}
    for name, end in ends.items():
        yield Case(f"tar-near-{name}", ended(one, end), None)
    open_ended = conda(zstd(info_tar(mine)), zstd(one))
    yield Case("tar-near-no-blocks-at-all", _fixed(open_ended), None, (".conda",))
    plain = one + info_tar(mine) + END
    streams = {
        "cut": (bz2.compress(plain)[:-5], "cut short|truncated"),
        "trailing": (bz2.compress(plain) + b"trailing", "cannot be decompressed|bytes after"),
        "flipped": (_flip(bz2.compress(plain)), "cannot be decompressed|checksum|."),
        "empty": (b"", "is empty"),
        "html": (b"<!DOCTYPE html><html>", "neither a .conda nor"),
        "conda-inside": (conda(*_good_components()), "in spite of its name"),
        "empty-stream": (bz2.compress(b""), "has no info/index.json"),
        "no-end-missing": (
            bz2.compress(info_tar([*mine, listed("y")]) + one),
            "'y' is listed in info/paths.json but is missing",
        ),
        "no-end-info": (bz2.compress(one), "has no info/index.json"),
    }
    for name, (data, problem) in streams.items():
        yield Case(f"bz2-{name}", _fixed(data), problem, (".tar.bz2",))
    parts = bz2.compress(plain[:700]) + bz2.compress(plain[700:])
    yield Case("bz2-near-streams", _fixed(parts), None, (".tar.bz2",))
    yield Case("conda-bz2-inside", _fixed(bz2.compress(plain)), "in spite of its name", (".conda",))


def components() -> Iterator[Case]:
    def split(
        info_extra: bytes, payload: bytes, paths: list[dict[str, Any]]
    ) -> Callable[[str], bytes]:
        return lambda _: conda(zstd(info_tar(paths) + info_extra + END), zstd(payload + END))

    only = (".conda",)
    for name, payload in {
        "index": entry("info/index.json", b"{}"),
        "link-json": entry("info/link.json", b"{}"),
        "dotted": entry("./info//link.json", b"{}"),
        "symbolic": symbolic("info", "lib"),
        "symbolic-below": symbolic("info/recipe", "../lib"),
        "hard": entry("y", b"{}") + hard("info/link.json", "y"),
    }.items():
        paths = [listed("y", b"{}")] if name == "hard" else []
        yield Case(
            f"info-in-pkg-{name}", split(b"", payload, paths), "comes from the payload", only
        )
    outside = split(entry("bin/x", TEXT), b"", [listed("bin/x")])
    yield Case("payload-in-info", outside, "is outside info/", only)
    prefix = split(entry("info-x", TEXT), b"", [listed("info-x")])
    yield Case("payload-in-info-prefix", prefix, "is outside info/", only)
    licenses = entry("info/licenses/LICENSE", TEXT) + entry("info-x/y", TEXT)
    good = split(folder("info") + folder("./"), licenses, [listed("info-x/y")])
    yield Case("info-near-miss", good, None, only)
    twice = package(entry("info/paths.json", b"{}"))
    yield Case("info-twice", twice, "twice|paths_version", (".tar.bz2",))
    link = package(symbolic("info/link.json", "../x"))
    yield Case("info-link", link, "symbolic link|payload")


def paths_lies() -> Iterator[Case]:
    one = entry("x", TEXT)
    lies = {
        "extra-file": (one + entry("y", TEXT), [listed("x")], "'y' is not listed"),
        "extra-link": (one + symbolic("y", "x"), [listed("x")], "'y' is not listed"),
        "missing-file": (one, [listed("x"), listed("y")], "'y' is listed .* but is missing"),
        "missing-folder": (
            one,
            [listed("x"), {"_path": "d", "path_type": "directory"}],
            "listed as a directory",
        ),
        "hash": (one, [listed("x", sha256="0" * 64)], "has sha256 .* says 0000"),
        "size": (one, [listed("x", size_in_bytes=9)], "has 8 bytes, info/paths.json says 9"),
        "file-as-link": (one, [linked("x")], "listed as a softlink|says 0"),
        "link-as-file": (symbolic("x", "y"), [listed("x")], "listed as a hardlink"),
        "twice": (one, [listed("x"), listed("x")], "listed twice"),
        "no-path": (one, [{"path_type": "hardlink"}], "has no _path"),
        "type": (one, [listed("x", path_type="socket")], "unknown path_type"),
        "sha-text": (one, [listed("x", sha256="")], "invalid sha256"),
        "size-text": (one, [listed("x", size_in_bytes="8")], "not a number"),
        "size-negative": (one, [listed("x", size_in_bytes=-8)], "not a number"),
        "placeholder-empty": (
            one,
            [listed("x", prefix_placeholder="", file_mode="text")],
            "empty prefix",
        ),
        "placeholder-slash": (
            one,
            [listed("x", prefix_placeholder="/", file_mode="text")],
            "placeholder that is not an absolute path",
        ),
        "placeholder-letter": (
            one,
            [listed("x", prefix_placeholder="e", file_mode="text")],
            "placeholder that is not an absolute path",
        ),
        "file-mode": (
            one,
            [listed("x", prefix_placeholder="/opt/p", file_mode="evil")],
            "unknown file_mode",
        ),
        "entry-text": (one, ["x"], "has no _path"),
    }
    for name, (payload, paths, problem) in lies.items():
        yield Case(f"paths-{name}", package(payload, paths), problem)  # type: ignore[arg-type]
    documents = {
        "garbage": (b"{", "cannot be read"),
        "list": (b"[]", "not an object"),
        "version": (b'{"paths_version": 2, "paths": []}', "paths_version 1"),
        "not-utf8": (b"\xff\xfe", "cannot be read"),
        "deep": (b"[" * 100_000, "cannot be read"),
    }
    for name, (data, problem) in documents.items():
        yield Case(f"paths-{name}", package(b"", [], {"paths.json": data}), problem)
    index = json.dumps({**INDEX, "name": "other"}).encode()
    yield Case("index-other", package(b"", [], {"index.json": index}), "another package")
    yield Case("index-garbage", package(b"", [], {"index.json": b"nul"}), "cannot be read")
    missing = lambda kind: assemble(kind, entry("info/paths.json", b"{}"), b"")  # noqa: E731
    yield Case("index-missing", missing, "no info/index.json|paths_version")
    good = one + folder("d") + symbolic("l", "d")
    paths = [
        listed("x", sha256=None, size_in_bytes=...),
        linked("l"),
        {"_path": "d", "path_type": "directory"},
    ]
    yield Case("paths-near-miss", package(good, paths), None)


def entry_points() -> Iterator[Case]:
    bad = {
        "traversal": "../../x = m:f",
        "slash": "a/b = m:f",
        "absolute": "/bin/x = m:f",
        "hidden": ".x = m:f",
        "space": "a b = m:f",
        "newline": "a\nb = m:f",
        "empty": " = m:f",
        "no-function": "x = m",
        "no-module": "x = :f",
        "code-in-module": "x = os;import sys:f",
        "code-in-function": "x = m:f()",
        "dots": "x = a..b:f",
        "no-target": "x",
        "windows": "a\\b = m:f",
        "nul": "a\0 = m:f",
    }
    for name, text in bad.items():
        link = {"noarch": {"type": "python", "entry_points": [text]}}
        extra = {"link.json": json.dumps(link).encode()}
        yield Case(f"entry-{name}", package(b"", [], extra), "entry point")
    old = {"noarch.json": json.dumps({"type": "python", "entry_points": ["../x = m:f"]}).encode()}
    yield Case("entry-old-format", package(b"", [], old), "entry point")
    no_list = {"link.json": b'{"noarch": {"type": "python", "entry_points": "x = m:f"}}'}
    yield Case("entry-no-list", package(b"", [], no_list), "not a list")
    texts = ["my-tool.py = a.b:c.d", "x=a:b", "_y = ü:ü", "z = a:b [extra,more]"]
    good = {"link.json": json.dumps({"noarch": {"type": "python", "entry_points": texts}}).encode()}
    yield Case("entry-near-miss", package(b"", [], good), None)


def bombs() -> Iterator[Case]:
    """Yield cases for limits of 4 MiB, 50 times the size and 200 members; see the test."""
    zeros = bytes(6 << 20)
    bomb = package(entry("x", zeros), [listed("x", zeros)])
    yield Case("bomb-one-file", bomb, "unpacks to more than 50 times")
    lie = package(entry("x", zeros), [listed("x", b"")])
    yield Case("bomb-not-listed", lie, "unpacks to more than 50 times|info/paths.json says")
    piece = bytes(1 << 20)
    many = b"".join(entry(f"f{n}", piece) for n in range(6))
    paths = [listed(f"f{n}", piece) for n in range(6)]
    yield Case("bomb-many-files", package(many, paths), "unpacks to more than 50 times")
    members = b"".join(folder(f"d{n}") for n in range(220))
    yield Case("bomb-members", package(members), "more than 200 members")
    announced = entry("x", b"", size=b"%011o\0" % (8 << 30))
    yield Case("bomb-announced", package(announced, [listed("x", b"")]), "unpacks|paths.json says")
    info = package(b"", [], {"about.json": zeros})
    yield Case("bomb-info", info, "unpacks to more than 50 times")
    window = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"
    asks = lambda _: conda(zstd(info_tar([]) + END), window)  # noqa: E731
    yield Case("bomb-window", asks, "needs 2048 MiB of memory", (".conda",))
    frame = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\x01\x00\x00"
    asks = lambda _: conda(zstd(info_tar([]) + END), frame)  # noqa: E731
    yield Case("bomb-content-size", asks, "MiB of memory", (".conda",))
    near = bytes(3 << 20)
    yield Case("bomb-near-miss", package(entry("x", near), [listed("x", near)]), None)
    yield Case("bomb-near-window", _wide_window, None, (".conda",))


def _wide_window(_: str) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    payload = stream.compress(entry("x", TEXT) + END) + stream.flush()
    return conda(zstd(info_tar([listed("x")]) + END), payload)
