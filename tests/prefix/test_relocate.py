"""Prefix replacement: text, binaries, first lines; against an independent, obvious oracle."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, extract

from minicon.errors import PackageError, PrefixError
from minicon.models.package_files import PathsEntry
from minicon.package.info_files import parse_paths
from minicon.prefix.link.prefix_bytes import ENCODINGS, python_shebang, replace_in_text
from minicon.prefix.link.relocate import GROWTH_LIMIT, codesign_command, growth_of, relocate
from minicon.prefix.plan.reserved_paths import check_prefix_fits

OLD = "/placeholder" + "_holder" * 20


def entry(mode: str) -> PathsEntry:
    return PathsEntry("lib/x", prefix_placeholder=OLD, file_mode=mode)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_replaced_in_each_encoding(encoding: str) -> None:
    data = f"a={OLD}/b;{OLD}".encode(encoding)
    assert relocate(data, entry("text"), "/env", "linux-64") == "a=/env/b;/env".encode(encoding)


def test_windows_text_has_forward_slashes() -> None:
    data = f"home={OLD}/x".encode()
    assert relocate(data, entry("text"), "C:\\Users\\me", "win-64") == b"home=C:/Users/me/x"


def c_strings(data: bytes) -> list[bytes]:
    """What a C program would read at the start of each string."""
    return [part for part in data.split(b"\0") if part]


PIECES = st.lists(
    st.one_of(
        st.just(OLD.encode()),
        st.sampled_from([b"/lib", b":", b"\0", b"\0\0", b"\xff\xfe", b"placeholder", b""]),
        st.binary(max_size=6),
    ),
    max_size=12,
)


@given(PIECES, st.sampled_from(["/e", "/home/me/env", "/" + "x" * (len(OLD) - 1)]))
def test_binary_keeps_its_length_and_its_strings(pieces: list[bytes], prefix: str) -> None:
    data = b"".join(pieces)
    result = relocate(data, entry("binary"), prefix, "linux-64")
    assert len(result) == len(data)
    expected = [text.replace(OLD.encode(), prefix.encode()) for text in c_strings(data)]
    assert c_strings(result) == expected
    # Strings without the placeholder stay at their offsets.
    position = 0
    for text in data.split(b"\0"):
        if OLD.encode() not in text:
            assert result[position : position + len(text)] == text
        position += len(text) + 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be"])
def test_wide_strings_of_binaries_are_replaced(encoding: str) -> None:
    data = b"head" + f"{OLD}/share\0tail".encode(encoding)
    result = relocate(data, entry("binary"), "/env", "linux-64")
    text = result[4:].decode(encoding)
    assert len(result) == len(data)
    assert text.startswith("/env/share\0")
    assert text.endswith("\0tail")


def test_a_binary_without_room_is_refused_before_linking() -> None:
    too_long = "/" + "x" * len(OLD)
    with pytest.raises(PrefixError, match=r"too long for tool-1\.0") as caught:
        check_prefix_fits(entry("binary"), too_long, "tool-1.0")
    assert caught.value.hint
    check_prefix_fits(entry("text"), too_long, "tool-1.0")
    with pytest.raises(PrefixError, match="no room"):
        relocate(OLD.encode() + b"\0", entry("binary"), too_long, "linux-64")


def test_windows_binaries_are_unchanged_except_launchers() -> None:
    plain = OLD.encode() + b"\0"
    assert relocate(plain, entry("binary"), "C:\\env", "win-64") == plain
    archive = b"zip content" + b"PK\x05\x06" + b"\0" * 8 + struct.pack("<LL", 11, 0) + b"\0\0"
    launcher = b"MZ launcher" + f"#!{OLD}\\python.exe\r\n".encode() + archive
    result = relocate(launcher, entry("binary"), "C:\\env", "win-64")
    assert result == b"MZ launcher#!C:\\env\\python.exe\r\n" + archive


LONG = "/" + "x" * 140


@pytest.mark.parametrize(
    ("line", "prefix", "expected"),
    [
        (f"#!{OLD}/bin/perl -w", "/env", "#!/env/bin/perl -w"),
        (f"#! {OLD}/bin/sh", "/env", "#! /env/bin/sh"),
        (f"#!{OLD}/bin/perl", LONG, "#!/usr/bin/env perl"),
        (f"#!{OLD}/bin/perl -w", LONG, "#!/usr/bin/env -S perl -w"),
        (f"#!{OLD}/bin/bash", "/my env", "#!/usr/bin/env bash"),
        (
            f"#!{OLD}/bin/python3.11",
            "/my env",
            "#!/bin/sh\n'''exec' \"/my env/bin/python3.11\" \"$0\" \"$@\"\n' '''",
        ),
        ("#!/bin/sh", LONG, "#!/bin/sh"),
    ],
)
def test_first_lines_can_be_run(line: str, prefix: str, expected: str) -> None:
    rest = f"\npath={OLD}\n"
    result = replace_in_text((line + rest).encode(), OLD, prefix, "linux-64").decode()
    assert result == f"{expected}\npath={prefix}\n"


def test_a_long_first_line_that_is_not_ours_is_kept() -> None:
    data = ("#!/usr/bin/perl " + "-w " * 50 + "\n").encode()
    assert replace_in_text(data, OLD, "/env", "linux-64") == data


def test_python_scripts_that_declare_an_encoding_keep_their_second_line() -> None:
    data = f"#!{OLD}/bin/python\n# -*- coding: latin-1 -*-\n".encode()
    result = replace_in_text(data, OLD, LONG, "linux-64")
    assert result == b"#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n"


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
@pytest.mark.parametrize("folder", ["a b", "x" * 150, 'it\'s $HOME `x` "q"'])
def test_a_script_in_an_awkward_folder_runs(tmp_path: Path, folder: str) -> None:
    bin_folder = tmp_path / folder / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python3").symlink_to(sys.executable)
    script = bin_folder / "tool"
    start = python_shebang(str(bin_folder / "python3"), "linux-64")
    script.write_text(start + "import sys\nprint(sys.argv[1:])\n")
    script.chmod(0o755)
    answer = subprocess.run([script, "a b", "c"], capture_output=True, text=True, check=True)
    assert answer.stdout == "['a b', 'c']\n"


def test_only_apples_arm64_needs_a_signature() -> None:
    assert codesign_command("/env/x", "osx-arm64", "darwin") == (
        "/usr/bin/codesign",
        "-s",
        "-",
        "-f",
        "/env/x",
    )
    assert codesign_command("/env/x", "osx-64", "darwin") is None
    assert codesign_command("/env/x", "osx-arm64", "linux") is None


@pytest.mark.parametrize("times", [3_000_000, 300])
def test_growth_is_bounded(times: int) -> None:
    entry = PathsEntry("share/x", prefix_placeholder="/opt", file_mode="text")
    data = b"/opt" * times
    prefix = "/home/someone/envs/data"
    grown = growth_of(data, entry, prefix)
    assert grown == times * (len(prefix) - 4)
    if grown > GROWTH_LIMIT / 2:
        with pytest.raises(PackageError, match=r"share/x .* would grow by \d+ MiB") as caught:
            relocate(data * 3, entry, prefix, "linux-64")
        assert caught.value.reference == "unsafe-growth"
    else:
        assert relocate(data, entry, prefix, "linux-64") == prefix.encode() * times


def test_growth_is_bounded_for_all_files_of_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minicon.prefix.link.relocate.GROWTH_LIMIT", 1000)
    builder = PackageBuilder("growing")
    for number in range(8):
        builder = builder.file(f"share/{number}", "/opt " * 5, prefix="/opt")
    env = tmp_path / "envs" / ("x" * 60)
    with pytest.raises(PackageError, match=r"growing-1\.0-0: share/\d .* would grow"):
        apply(env, extract(builder, tmp_path / "pkgs"))
    assert not env.exists()


@pytest.mark.parametrize(
    ("placeholder", "good"),
    [
        ("/", False), ("//", False), ("/a", False), ("e", False), ("opt/anaconda", False),
        ("C:", False),
        ("/opt/anaconda1anaconda2anaconda3", True), ("/install", True), ("/usr", True),
        ("C:\\bld\\pkg_1\\_h_env", True), ("C:/bld/pkg_1/_h_env", True), ("D:\\\\bld", True),
        ("/home/conda/feedstock_root/build_artifacts/x_1/_h_env_placehold_placehold_p", True),
    ],
)  # fmt: skip
def test_placeholders_are_absolute_paths(placeholder: str, good: bool) -> None:
    entry = {"_path": "x", "path_type": "hardlink", "prefix_placeholder": placeholder}
    entry |= {"file_mode": "text", "size_in_bytes": 0}
    paths = json.dumps({"paths_version": 1, "paths": [entry]}).encode()
    legacy = {"files": b"x", "has_prefix": f'"{placeholder}" text "x"'.encode()}
    for info in ({"paths.json": paths}, legacy):
        if good:
            (found,) = parse_paths(info, "x")
            assert found.prefix_placeholder == placeholder
        else:
            with pytest.raises(PackageError):
                parse_paths(info, "x")
