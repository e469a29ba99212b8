"""Files of environments for other paths: scripts, records, links, and the list of conda-unpack."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from minicon.archive.writers.archive_writer import TarWriter
from minicon.archive.writers.compressors import open_compressor
from minicon.errors import PackageError
from minicon.fs.hashing import sha256_of
from minicon.prefix.environment.prefix import Prefix
from minicon.travel.conda_unpack import python_unpack_script, read_placeholders, shell_unpack_script
from minicon.travel.contents import Selection
from minicon.travel.packing import PackOptions, pack_environment
from minicon.travel.portable import Placeholder, PortableContent, relocatable_script

PLACEHOLDER = "/opt/placeholder_of_a_package"


def test_records_contain_no_path_of_this_machine(environment: Path) -> None:
    prefix = Prefix(environment)
    content = PortableContent(prefix, None)
    assert content.rewritten("bin/hello", 100) is not None
    record = b"".join(content.record(prefix.readable_records()[0], frozenset()))
    assert b"/home/me" not in record
    assert str(environment).encode() not in record
    left_out = b"".join(content.record(prefix.readable_records()[0], frozenset({"bin/hello"})))
    assert json.loads(left_out)["files"] == []
    assert json.loads(left_out)["paths_data"]["paths"] == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("bin/a", "b", "b"),
        ("bin/a", "../lib/b", "../lib/b"),
        ("bin/a", "{}/lib/b", "../lib/b"),
        ("bin/a", "../../source/lib/b", "../lib/b"),
        ("a", "{}", "."),
        ("bin/a", "../../b", None),
        ("bin/a", "/usr/bin/b", None),
        ("bin/a", "{}-other/b", None),
    ],
)
def test_links(environment: Path, path: str, text: str, expected: str | None) -> None:
    content = PortableContent(Prefix(environment), None)
    assert content.link(path, text.format(environment)) == expected


@pytest.mark.parametrize(
    "start",
    [
        "#!{}/bin/python3\n",
        "#! {}/bin/python3\n",
        "#!/bin/sh\n'''exec' \"{}/bin/python3\" \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_python_scripts_find_their_interpreter(tmp_path: Path, start: str) -> None:
    """Through links, in paths with spaces, with their arguments."""
    script = f"{start.format(PLACEHOLDER)}# comment\nimport sys\nprint(sys.argv[1:])\n".encode()
    folder = tmp_path / "an environment" / "bin"
    folder.mkdir(parents=True)
    (folder / "python3").symlink_to(sys.executable)
    for name in ("bin/script", "libexec/deep/script"):
        path = folder.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(relocatable_script(script, PLACEHOLDER, name))
        path.chmod(0o755)
        link = tmp_path / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        done = subprocess.run([link, "a b", "c"], capture_output=True, text=True, check=True)
        assert done.stdout == "['a b', 'c']\n"


@pytest.mark.parametrize(
    "script",
    [
        "#!/usr/bin/env python\n",
        f"#!{PLACEHOLDER}/bin/perl\n",
        f"#!{PLACEHOLDER}/bin/python\n# -*- coding: latin-1 -*-\n",
        f"import {PLACEHOLDER}\n",
    ],
)
def test_other_scripts_stay(script: str) -> None:
    assert relocatable_script(script.encode(), PLACEHOLDER, "bin/x") == script.encode()


LISTED = [
    Placeholder("bin/it's", PLACEHOLDER, "text"),
    Placeholder("lib/library ☃.so", PLACEHOLDER, "binary"),
]


@pytest.mark.parametrize("kind", ["python", "shell"])
def test_scripts_list_their_files(kind: str) -> None:
    if kind == "python":
        script = python_unpack_script(LISTED, "linux-64")
    else:
        script = shell_unpack_script(LISTED, lambda _: PLACEHOLDER.encode())
    assert read_placeholders(script, "x") == LISTED


@pytest.mark.parametrize("kind", ["python", "shell"])
def test_scripts_complete_their_files(tmp_path: Path, kind: str) -> None:
    """In a path with characters that sed and shells treat specially."""
    prefix = tmp_path / "a & b | 'c' $d \\e"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib").mkdir()
    text = f"#!/bin/sh\n{PLACEHOLDER} {PLACEHOLDER}/x\nno end"
    long = PLACEHOLDER + "_" * 200
    binary = f"\0{long}/a:{long}\0{long}/b\0\0end".encode()
    listed = [LISTED[0], Placeholder(LISTED[1].path, long, "binary")]
    (prefix / listed[0].path).write_text(text)
    (prefix / listed[1].path).write_bytes(binary)
    if kind == "python":
        script = python_unpack_script(listed, "linux-64")
        (prefix / "bin" / "python").symlink_to(sys.executable)
    else:
        script = shell_unpack_script(listed, lambda _: binary)
    program = prefix / "bin" / "conda-unpack"
    program.write_bytes(script)
    program.chmod(0o755)
    for _ in range(2):
        subprocess.run([program], check=True, env={"PATH": os.environ["PATH"]})
    assert (prefix / listed[0].path).read_text() == text.replace(PLACEHOLDER, str(prefix))
    new, pad = str(prefix).encode(), len(long) - len(str(prefix).encode())
    assert (prefix / listed[1].path).read_bytes() == (
        b"\0" + new + b"/a:" + new + bytes(2 * pad + 1) + new + b"/b" + bytes(pad + 2) + b"end"
    )
    too_long = ("--dest-prefix", "/" + "x" * 300)
    (prefix / listed[1].path).write_bytes(binary)
    done = subprocess.run([program, *too_long], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "room" in done.stderr


@pytest.mark.parametrize("rows", [b"('a',),", b"1", b"('a', 'b', 'other'),", b"open('x')"])
def test_damaged_lists(rows: bytes) -> None:
    with pytest.raises(PackageError, match="no valid list"):
        read_placeholders(b"\n_prefix_records = [\n" + rows + b"\n]\n", "x")


def test_selections() -> None:
    slim = Selection(slim=("headers", "static", "bytecode", "tests"))
    left_out = (
        "include/a.h", "lib/liba.a", "lib/python3.11/__pycache__/a.pyc",
        "lib/python3.11/test/test_a.py", "lib/python3.13t/site-packages/a/b/tests/c.txt",
        "lib/python3.11/site-packages/a/test/x.py",
    )  # fmt: skip
    kept = (
        "lib/liba.so", "share/tests/a", "lib/python3.11/unittest/mock.py", "conda-meta/a.json",
        "lib/python3.11/site-packages/tests/a.py", "lib/python3.11/site-packages/testing/a.py",
    )  # fmt: skip
    assert not any(map(slim.includes, left_out))
    assert all(map(slim.includes, kept))
    assert Selection(filters=((False, "*"),)).includes("conda-meta/history")


def test_gzip_does_not_depend_on_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(100) * 180_000  # several blocks of each format
    found = []
    for cores in (1, 5):
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False
        )
        for name in ("gz", "zst"):
            out: list[bytes] = []
            compressor = open_compressor(name, out.append)
            for start in range(0, len(data), 300_001):
                compressor.write(data[start : start + 300_001])
            compressor.close()
            found.append(b"".join(out))
    assert found[:2] == found[2:]
    assert zlib.decompress(found[0], 31) == data


def test_files_are_compared_with_their_packages_while_they_are_packed(environment: Path) -> None:
    record = environment / "conda-meta" / "hello-1.0-0.json"
    data = json.loads(record.read_text())
    for name in ("one", "two"):
        (environment / name).write_text(name)
        entry = {"_path": name, "path_type": "hardlink", "sha256": sha256_of(name.encode())}
        data["paths_data"]["paths"].append(entry)
        data["files"].append(name)
    record.write_text(json.dumps(data))

    def is_changed() -> bool:
        with TarWriter(lambda _: None) as writer:
            return pack_environment(Prefix(environment), writer, PackOptions()).is_changed

    assert not is_changed()
    (environment / "two").write_text("owt")
    assert is_changed()
    (environment / "two").unlink()
    (environment / "two").hardlink_to(environment / "one")
    assert is_changed()


def test_what_is_alike_is_packed_together(environment: Path) -> None:
    names = ["b.py", "__pycache__/b.cpython-313.pyc", "a.so", "c.py", "b.txt", "d.so"]
    for name in names:
        path = environment / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    written = io.BytesIO()
    with TarWriter(written.write) as writer:
        pack_environment(Prefix(environment), writer, PackOptions())
        writer.finish()
    written.seek(0)
    with tarfile.open(fileobj=written) as archive:
        found = [name.removeprefix("lib/") for name in archive.getnames() if "lib/" in name]
    assert found == ["b.txt", "b.py", "__pycache__/b.cpython-313.pyc", "c.py", "a.so", "d.so"]
