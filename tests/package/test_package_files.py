"""Old and new formats of a package's list of files."""

from __future__ import annotations

import json

import pytest

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import PackageError, UnsafeArchive
from minicon.models.package_files import EntryPoint
from minicon.package.info_files import parse_entry_point, parse_package_files


def parse(index=None, **info):
    files = {name.replace("__", "."): data for name, data in info.items()}
    return parse_package_files({"index.json": json.dumps(index or {}).encode(), **files}, "p-1-0")


def test_has_prefix_lines():
    lines = [
        "bin/plain",
        f"{PREFIX_PLACEHOLDER} binary bin/program",
        '"/a b" text "bin/with space"',
        "'/quoted' binary 'lib/x'",
    ]
    files = b"bin/plain\nbin/program\nbin/with space\nlib/x\nshare/none\n"
    found = parse(files=files, has_prefix="\n".join(lines).encode(), no_link=b"share/none\n# x\n")
    seen = {e.path: (e.prefix_placeholder, e.file_mode, e.no_link) for e in found.paths}
    assert seen == {
        "bin/plain": (PREFIX_PLACEHOLDER, "text", False),
        "bin/program": (PREFIX_PLACEHOLDER, "binary", False),
        "bin/with space": ("/a b", "text", False),
        "lib/x": ("/quoted", "binary", False),
        "share/none": (None, None, True),
    }


@pytest.mark.parametrize("line", ["a b", "/p evil bin/x", "'unclosed", '"" text bin/x', "a b c d"])
def test_malformed_has_prefix_is_refused(line):
    with pytest.raises(PackageError, match="has_prefix"):
        parse(files=b"bin/x\n", has_prefix=line.encode())


@pytest.mark.parametrize(
    ("index", "info", "noarch"),
    [
        ({}, {}, None),
        ({"noarch": True}, {}, "generic"),
        ({"noarch": "python"}, {}, "python"),
        ({"noarch": "generic"}, {"link__json": b'{"noarch": {"type": "python"}}'}, "python"),
        ({}, {"package_metadata__json": b'{"noarch": {"type": "python"}}'}, "python"),
        ({}, {"noarch__json": b'{"type": "generic"}'}, "generic"),
        ({"noarch": "python"}, {"link__json": b'{"package_metadata_version": 1}'}, "python"),
    ],
)
def test_noarch_in_all_formats(index, info, noarch):
    assert parse(index, files=b"", **info).noarch == noarch


def test_entry_points_of_old_packages():
    data = {"noarch": {"type": "python", "entry_points": ["x = m.n:f.g", "y=a:b[z]"]}}
    found = parse(files=b"", package_metadata__json=json.dumps(data).encode())
    assert found.entry_points == (EntryPoint("x", "m.n", "f.g"), EntryPoint("y", "a", "b"))
    assert parse_entry_point("ä" * 0 + "2to3 = lib2to3.main:main").command == "2to3"


def test_windows_packages_need_paths_valid_on_windows():
    paths = {"paths": [{"_path": "Library/aux.h"}], "paths_version": 1}
    assert parse({"subdir": "linux-64"}, paths__json=json.dumps(paths).encode()).paths
    with pytest.raises(UnsafeArchive, match="Windows reserves"):
        parse({"subdir": "win-64"}, paths__json=json.dumps(paths).encode())


def test_a_package_without_a_list_is_refused():
    with pytest.raises(PackageError, match=r"neither info/paths\.json nor info/files"):
        parse()
