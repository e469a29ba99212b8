"""Wheels as packages: the result of valid ones, and errors for invalid ones."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.wheels import WheelBuilder, record_hash

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import HashMismatch, MiniconError, PackageError, UnsafeArchive
from minicon.models.package_files import EntryPoint
from minicon.models.records import RepodataRecord
from minicon.models.reporter import SilentReporter
from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.preparation import prepare_package
from minicon.package.prepare.wheel import prepare_wheel
from minicon.package.validate import verify_package


def record_of(wheel: WheelBuilder, content: bytes, **changes: object) -> RepodataRecord:
    data = {
        "name": wheel.name.lower(),
        "version": wheel.version,
        "build": "pypi_0",
        "build_number": 0,
        "depends": ["python >=3.11,<3.12.0a0"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        **changes,
    }
    return RepodataRecord(
        data, channel="pypi", subdir="noarch", fn=wheel.filename, url="", source="pypi"
    )


def unpack(wheel: WheelBuilder, folder: Path, content: bytes | None = None) -> Path:
    content = wheel.content() if content is None else content
    archive = folder / "archive.whl"
    archive.write_bytes(content)
    target = folder / "package"
    target.mkdir()
    prepare_wheel(archive, record_of(wheel, content), target)
    return target


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def demo() -> WheelBuilder:
    return (
        WheelBuilder("Demo", "1.0").file("demo/__init__.py", "x = 1\n").file("demo/data.bin", b"\0")
    )


def test_package_form(tmp_path: Path) -> None:
    wheel = (
        demo()
        .file("demo/tool.sh", "#!/bin/sh\n", executable=True)
        .data("purelib", "pure.py", "1")
        .data("platlib", "plat.py", "2")
        .data("scripts", "run-demo", "#!python\nprint(1)\n")
        .data("scripts", "native", b"\x7fELF")
        .data("headers", "demo.h", "//")
        .data("data", "share/demo/x.txt", "shared")
        .entry_point("demo = demo:main [extra]")
        .entry_point("demo-gui = demo.gui:App.run", "gui_scripts")
        .requires("numpy>=1")
        .header("License-Expression: MIT")
    )
    folder = unpack(wheel, tmp_path)
    files = tree(folder)
    assert {name for name in files if not name.startswith("info/")} == {
        "site-packages/demo/__init__.py",
        "site-packages/demo/data.bin",
        "site-packages/demo/tool.sh",
        "site-packages/pure.py",
        "site-packages/plat.py",
        "site-packages/Demo-1.0.dist-info/METADATA",
        "site-packages/Demo-1.0.dist-info/WHEEL",
        "site-packages/Demo-1.0.dist-info/entry_points.txt",
        "python-scripts/run-demo",
        "python-scripts/native",
        "python-headers/Demo/demo.h",
        "share/demo/x.txt",
    }
    script = files["python-scripts/run-demo"].decode()
    assert script == f"#!{PREFIX_PLACEHOLDER}/bin/python\nprint(1)\n"
    modes = {
        name: stat.S_IMODE((folder / name).stat().st_mode) & 0o111 != 0
        for name in files
        if not name.startswith("info/")
    }
    assert {name for name, executable in modes.items() if executable} == {
        "site-packages/demo/tool.sh",
        "python-scripts/run-demo",
        "python-scripts/native",
    }
    link = json.loads(files["info/link.json"])
    assert link["noarch"]["type"] == "python"
    assert link["noarch"]["entry_points"] == ["demo = demo:main", "demo-gui = demo.gui:App.run"]
    index = json.loads(files["info/index.json"])
    assert index["name"] == "demo"
    assert index["depends"] == ["python >=3.11,<3.12.0a0"]
    paths = {entry["_path"]: entry for entry in json.loads(files["info/paths.json"])["paths"]}
    assert set(paths) == {name for name in files if not name.startswith("info/")}
    for name, entry in paths.items():
        assert entry["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert entry["size_in_bytes"] == len(files[name])
    assert paths["python-scripts/run-demo"]["prefix_placeholder"] == PREFIX_PLACEHOLDER
    assert paths["python-scripts/run-demo"]["file_mode"] == "text"


def test_gives_the_list_of_verified_files(tmp_path: Path) -> None:
    content = demo().entry_point("demo = demo:main").content()
    (tmp_path / "x.whl").write_bytes(content)
    (tmp_path / "out").mkdir()
    files = prepare_wheel(tmp_path / "x.whl", record_of(demo(), content), tmp_path / "out")
    assert files.entry_points == (EntryPoint("demo", "demo", "main"),)
    assert files.noarch == "python"
    assert [entry.path for entry in files.paths] == sorted(entry.path for entry in files.paths)


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [
        (b"#!python\n", True),
        (b"#!pythonw\r\n", True),
        (b"#!python3\n", True),
        (b"#!python -E\n", True),
        (b"#!python\r\n", True),
        (b"#!python3 -O\n", True),
        (b"#!/usr/bin/env python\n", False),
        (b"#! python\n", False),
    ],
)
def test_script_lines(tmp_path: Path, first_line: bytes, expected: bool) -> None:
    folder = unpack(demo().data("scripts", "tool", first_line + b"pass"), tmp_path)
    text = (folder / "python-scripts/tool").read_bytes()
    new = f"#!{PREFIX_PLACEHOLDER}/bin/python\n".encode()  # the whole line, as pip does
    assert text == (new if expected else first_line) + b"pass"


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warn(self, text: str) -> None:
        self.texts.append(text)


def renamed(content: bytes, changes: dict[str, str], edit: Callable[[str], str]) -> bytes:
    """A wheel with other names of its folders and another RECORD."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            first, slash, rest = name.partition("/")
            data = old.read(name)
            data = edit(data.decode()).encode() if rest == "RECORD" else data
            new.writestr(f"{changes.get(first, first)}{slash}{rest}", data)
    return stream.getvalue()


def spaced(text: str) -> str:
    """RECORD with ``./`` before its paths, as some tools wrote it."""
    return "".join(f"./{line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("changes", "record", "warning"),
    [
        ({"demo_x-1.0.dist-info": "Demo.X-1.0.dist-info"}, str, ""),
        ({"demo_x-1.0.dist-info": "demo_x-1.0.0.dist-info"}, str, ""),
        ({"demo_x-1.0.dist-info": "demo_x-1.0-1.dist-info"}, str, ""),
        ({}, lambda text: text.replace("demo_x-1.0.dist", "Demo.X-1.0.dist"), ""),
        ({}, spaced, ""),
        ({}, lambda text: text.replace("\n", ",,,\n"), "more than 3 columns"),
        ({}, lambda text: re.sub("METADATA,sha256=.{4}", "METADATA,sha256=AAAA", text), "METADATA"),
    ],
)
def test_odd_wheels_that_pip_installs(
    tmp_path: Path, changes: dict[str, str], record: Callable[[str], str], warning: str
) -> None:
    wheel = WheelBuilder("demo-x").file("demo_x.py", "x = 1\n")
    content = renamed(wheel.content(), changes, record)
    (tmp_path / "x.whl").write_bytes(content)
    (tmp_path / "out").mkdir()
    seen = Warnings()
    prepare_wheel(tmp_path / "x.whl", record_of(wheel, content), tmp_path / "out", reporter=seen)
    folder = changes.get("demo_x-1.0.dist-info", "demo_x-1.0.dist-info")
    assert (tmp_path / "out/site-packages" / folder / "METADATA").is_file()
    assert bool(seen.texts) == bool(warning)
    assert warning in "".join(seen.texts)


def test_a_data_folder_may_be_spelled_differently(tmp_path: Path) -> None:
    wheel = WheelBuilder("demo-x").file("Demo.X-1.0.data/purelib/demo_x.py", "x = 1\n")
    assert "site-packages/demo_x.py" in tree(unpack(wheel, tmp_path))


@pytest.mark.parametrize("folder", ["demo_x_more-1.0.dist-info", "demo_x-2.0.dist-info"])
def test_the_dist_info_of_another_release(tmp_path: Path, folder: str) -> None:
    wheel = WheelBuilder("demo-x").file("demo_x.py", "x = 1\n")
    content = renamed(wheel.content(), {"demo_x-1.0.dist-info": folder}, str)
    with pytest.raises(PackageError, match=folder):
        unpack(wheel, tmp_path, content)


def test_installation_files_and_cached_bytecode_are_left_out(tmp_path: Path) -> None:
    wheel = demo()
    for name in ("INSTALLER", "REQUESTED", "direct_url.json"):
        wheel.file(f"{wheel.dist_info}/{name}", "x")
    wheel.file("demo/__pycache__/__init__.cpython-311.pyc", b"pyc")
    wheel.file("demo/sourceless.pyc", b"pyc")
    names = set(tree(unpack(wheel, tmp_path)))
    assert not {n for n in names if n.endswith(("INSTALLER", "REQUESTED", "direct_url.json"))}
    assert not any("__pycache__" in name for name in names)
    assert "site-packages/demo/sourceless.pyc" in names


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_strong_hashes(tmp_path: Path, algorithm: str) -> None:
    big = os.urandom(1 << 10) * (5 << 10)
    folder = unpack(demo().file("demo/big.bin", big).hashed_by(algorithm), tmp_path)
    paths = json.loads((folder / "info/paths.json").read_bytes())["paths"]
    found = {entry["_path"]: entry["sha256"] for entry in paths}
    assert found["site-packages/demo/big.bin"] == hashlib.sha256(big).hexdigest()


def test_streamed_and_zip64_wheels_are_read(tmp_path: Path) -> None:
    source = zipfile.ZipFile(io.BytesIO(demo().content()))

    class Pipe(io.RawIOBase):
        """Cannot seek, so that zipfile writes data descriptors."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            with archive.open(info.filename, "w", force_zip64=True) as member:
                member.write(source.read(info))
    assert tree(unpack(demo(), tmp_path, pipe.data))["site-packages/demo/__init__.py"] == b"x = 1\n"


# -- refused: the archive --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/etc/evil",
        "demo/../../evil",
        "demo//evil.py",
        "./evil.py",
        "demo/./evil.py",
        "demo\\evil.py",
        "C:/evil.py",
        "demo/ev\x1b[2Jil.py",
        "demo/ev\nil.py",
        "demo/\u202egnp.py",
        "x" * 300,
    ],
)
def test_bad_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeArchive):
        unpack(demo().member(name, b"evil"), tmp_path)
    assert not [p for p in tmp_path.rglob("*") if "evil" in p.name]


@pytest.mark.parametrize(
    "mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644, stat.S_IFDIR | 0o755]
)
def test_links_and_devices(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UnsafeArchive):
        unpack(demo().member("demo/link", b"/etc/passwd", mode), tmp_path)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="is contained twice"):
        unpack(demo().file("demo/__init__.py", "evil = 1\n"), tmp_path)


def test_a_file_that_is_also_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="both a file and a folder"):
        unpack(demo().file("demo/data.bin/x", "1"), tmp_path)


def test_two_files_with_one_target_path(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="two of its files"):
        unpack(demo().data("purelib", "demo/__init__.py", "x = 2\n"), tmp_path)


def patched(content: bytes, signature: bytes, offset: int, value: bytes, which: int = 0) -> bytes:
    position = -1
    for _ in range(which + 1):
        position = content.index(signature, position + 1)
    start = position + offset
    return content[:start] + value + content[start + len(value) :]


CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


def lies() -> dict[str, bytes]:
    good = demo().content()
    stored = demo()
    stored.compression = zipfile.ZIP_STORED
    bzip2 = demo()
    bzip2.compression = zipfile.ZIP_BZIP2
    for info, _ in bzip2._members:
        info.compress_type = zipfile.ZIP_BZIP2
    second = WheelBuilder("Demo", "1.0").file("demo/__init__.py", "evil = 1\n").content()
    comment = good[:-2] + struct.pack("<H", len(second)) + second
    return {
        "empty": b"",
        "no zip": b"hello" * 100,
        "cut": good[:-1],
        "cut in the middle": good[: len(good) // 2],
        "something before": b"#!/bin/sh\n" + good,
        "something behind": good + b"\0",
        "another zip behind": good + second,
        "another zip in the comment": comment,
        "encrypted": patched(patched(good, CENTRAL, 8, b"\1\0"), LOCAL, 6, b"\1\0"),
        "other name in the local header": patched(good, LOCAL, 30, b"demo/__evil__.py"),
        "other method in the local header": patched(good, LOCAL, 8, b"\0\0"),
        "other size in the local header": patched(good, LOCAL, 22, b"\1\0\0\0"),
        "wrong crc": patched(patched(good, CENTRAL, 16, b"\1\2\3\4"), LOCAL, 14, b"\1\2\3\4"),
        "wrong size": patched(patched(good, CENTRAL, 24, b"\1\0\0\0"), LOCAL, 22, b"\1\0\0\0"),
        "two entries with one offset": patched(good, CENTRAL, 42, struct.pack("<L", 0), which=1),
        "an offset after the end": patched(good, CENTRAL, 42, struct.pack("<L", 1 << 30)),
        "fewer files than the directory lists": patched(good, END, 8, b"\2\0\2\0"),
        "several disks": patched(good, END, 4, b"\1\0\1\0"),
        "bzip2": bzip2.content(),
        "a gap": _with_gap(good),
    }


def _with_gap(content: bytes) -> bytes:
    """Ten bytes that belong to no entry, between the last file and the directory."""
    end = content.index(END)
    _, offset = struct.unpack_from("<LL", content, end + 12)
    moved = content[:offset] + b"\0" * 10 + content[offset:]
    return patched(moved, END, 16, struct.pack("<L", offset + 10))


@pytest.mark.parametrize("what", sorted(lies()))
def test_zip_lies(tmp_path: Path, what: str) -> None:
    with pytest.raises(UnsafeArchive):
        unpack(demo(), tmp_path, lies()[what])


def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minicon.archive.wheel_archive.ROOM", 1 << 20)
    wheel = demo()
    for number in range(4):
        wheel.member(f"demo/{number}.bin", bytes(1 << 20))
    with pytest.raises(UnsafeArchive, match="would grow"):
        unpack(wheel, tmp_path)
    assert not tree(tmp_path / "package")


@given(position=st.integers(0, 10_000), value=st.integers(1, 255))
def test_any_flipped_byte_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    good = demo().entry_point("demo = demo:main").content()
    position %= len(good)
    bad = bytearray(good)
    bad[position] ^= value
    folder.joinpath("good").mkdir()
    expected = tree(unpack(demo(), folder / "good", good))
    try:
        found = tree(unpack(demo(), folder, bytes(bad)))
    except MiniconError:
        return
    assert found == expected


NAMES = st.lists(
    st.text("abcé ._-+", min_size=1, max_size=8).filter(lambda t: t not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


@given(files=st.dictionaries(NAMES, st.binary(max_size=200), max_size=6))
def test_files_come_out_as_zipfile_sees_them(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("oracle")
    wheel = WheelBuilder("Demo")
    for name, data in files.items():
        wheel.file(f"demo/{name}", data)
    folders = {name.rpartition("/")[0] for name in files}
    folders |= {f.rpartition("/")[0] for f in folders}
    content = wheel.content()
    if folders & set(files):
        with pytest.raises(UnsafeArchive):
            unpack(wheel, folder, content)
        return
    found = tree(unpack(wheel, folder, content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        oracle = {
            f"site-packages/{name}": archive.read(name)
            for name in archive.namelist()
            if not name.endswith("RECORD")
        }
    assert {n: d for n, d in found.items() if not n.startswith("info/")} == oracle


# -- refused: the contents -------------------------------------------------------------------


def test_archive_must_be_the_listed_one(tmp_path: Path) -> None:
    content = demo().content()
    archive = tmp_path / "x.whl"
    archive.write_bytes(content)
    for changes in ({"sha256": "0" * 64}, {"size": len(content) + 1}):
        with pytest.raises(HashMismatch, match=r"Demo-1\.0-py3-none-any\.whl"):
            prepare_wheel(archive, record_of(demo(), content, **changes), tmp_path)


@pytest.mark.parametrize(
    ("wheel", "error"),
    [
        (demo().record_row("demo/__init__.py", record_hash(b"other")), UnsafeArchive),
        (demo().record_row("demo/__init__.py", ""), UnsafeArchive),
        (demo().record_row("demo/__init__.py", "md5=rL0Y20zC-Fzt72VPzMSk2A"), UnsafeArchive),
        (demo().record_row("demo/__init__.py", "sha256=!"), UnsafeArchive),
        (demo().without("RECORD"), PackageError),
        (demo().without("METADATA"), PackageError),
        (demo().without("WHEEL"), PackageError),
        (demo().wheel_version("2.0"), PackageError),
        (demo().file("other-1.0.dist-info/METADATA", "x"), PackageError),
        (demo().data("mystery", "x", "1"), PackageError),
        (demo().file("other-2.data/data/x", "1"), PackageError),
        (demo().data("data", "info/index.json", "{}"), UnsafeArchive),
        (demo().data("data", "conda-meta/history", ""), UnsafeArchive),
        (demo().data("data", "site-packages/x.py", ""), UnsafeArchive),
        (demo().file("Demo-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n"), PackageError),
        (demo().file("Demo-1.0.dist-info/METADATA", "Name: Demo\nVersion: 2\n"), PackageError),
    ],
)
def test_wheels_that_contradict_themselves(
    tmp_path: Path, wheel: WheelBuilder, error: type[PackageError]
) -> None:
    with pytest.raises(error, match=r"Demo-1\.0-py3-none-any\.whl"):
        unpack(wheel, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "../evil = demo:main",
        "/tmp/evil = demo:main",
        ".evil = demo:main",
        "a/b = demo:main",
        "a\\b = demo:main",
        "evil = os;system:main",
        "evil = demo:main()",
        "evil = demo",
        "evil = demo:",
        "evil = :main",
        "evil = demo:main\x00",
    ],
)
def test_entry_points_that_are_no_commands(tmp_path: Path, text: str) -> None:
    with pytest.raises(PackageError):
        unpack(demo().entry_point(text), tmp_path)


def test_another_wheel_under_this_name(tmp_path: Path) -> None:
    content = demo().content()
    (tmp_path / "x.whl").write_bytes(content)
    for changes in ({"name": "other"}, {"version": "1.1"}):
        with pytest.raises(PackageError, match=r"is not (other-1\.0|demo-1\.1)"):
            prepare_wheel(tmp_path / "x.whl", record_of(demo(), content, **changes), tmp_path)


@pytest.mark.slow
def test_same_files_as_pip_installs(tmp_path: Path) -> None:
    """pip is the oracle: every file, its bytes and its executable bits."""
    wheel = (
        demo()
        .file("demo/tool.sh", "#!/bin/sh\n", executable=True)
        .data("purelib", "pure.py", "1")
        .data("scripts", "run-demo", "#!python\nprint(1)\n", executable=True)
        .data("scripts", "native", b"\x7fELF", executable=True)
        .data("headers", "sub/demo.h", "//")
        .data("data", "share/demo/x.txt", "shared")
        .entry_point("demo-cli = demo:main")
    )
    prefix = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    before = set(tree(prefix))
    command = [sys.executable, "-m", "pip", "--python", str(prefix / "bin/python"), "install"]
    options = ["--no-deps", "--no-index", "--no-compile", "--quiet"]
    path = wheel.build(tmp_path)
    subprocess.run([*command, *options, str(path)], check=True, capture_output=True)
    theirs = {name: data for name, data in tree(prefix).items() if name not in before}
    # Files that an installer generates are not in the package.
    theirs = {
        name: data
        for name, data in theirs.items()
        if not name.endswith(("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", "-cli"))
    }
    package = unpack(wheel, tmp_path)
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    targets = {
        "site-packages": f"lib/{minor}/site-packages",
        "python-scripts": "bin",
        "python-headers": f"include/site/{minor}",
    }
    ours = {}
    for name, data in tree(package).items():
        first, _, rest = name.partition("/")
        if first == "info":
            continue
        target = f"{targets[first]}/{rest}" if first in targets else name
        if not (
            prefix / target
        ).exists():  # newer versions of pip normalize the directory of headers
            target = target.replace("/Demo/", "/demo/")
        ours[target] = data.replace(PREFIX_PLACEHOLDER.encode(), str(prefix).encode())
        installed = (prefix / target).stat().st_mode & 0o111 != 0
        assert ((package / name).stat().st_mode & 0o111 != 0) == installed, name
    assert ours == theirs


# -- for the package cache -------------------------------------------------------------------


def test_prepare_downloads_and_drops_the_archive(tmp_path: Path) -> None:
    content = demo().content()
    record = record_of(demo(), content)
    work = tmp_path / "work"
    work.mkdir()
    prepare = prepare_package(lambda _, path: path.write_bytes(content) and None, record)
    prepare(work)
    assert (work / "site-packages/demo/__init__.py").is_file()
    assert list(tmp_path.iterdir()) == [work]


def test_the_package_cache_takes_it(tmp_path: Path) -> None:
    content = demo().entry_point("demo = demo:main").content()
    record = record_of(demo(), content)
    cache = PackageCache([tmp_path / "pkgs"], durable=False)
    prepare = prepare_package(lambda _, path: path.write_bytes(content) and None, record)
    package = cache.ensure(record, prepare)
    assert package.files.entry_points == (EntryPoint("demo", "demo", "main"),)
    assert verify_package(package.directory) == []
    again = PackageCache([tmp_path / "pkgs"]).find(record)
    assert again is not None
    assert again.files == package.files


def test_prepare_reads_local_wheels_without_a_copy(tmp_path: Path) -> None:
    path = demo().build(tmp_path / "wheels")
    record = record_of(demo(), path.read_bytes())
    local = RepodataRecord(
        record.data,
        channel="pypi",
        subdir="noarch",
        fn=record.fn,
        url=path.as_uri(),
        source="pypi",
    )
    work = tmp_path / "work"
    work.mkdir()

    def never(*_: object) -> None:
        raise AssertionError

    prepare_package(never, local)(work)
    assert path.is_file()


def test_prepare_wants_a_hash(tmp_path: Path) -> None:
    record = record_of(demo(), b"", sha256=None)
    with pytest.raises(PackageError, match="no SHA-256"):
        prepare_package(lambda *_: None, record)(tmp_path)
