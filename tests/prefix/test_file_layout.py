"""Plans work with whole folders; each file by itself is the oracle."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import MiniconError
from minicon.models.package_files import EntryPoint, PackageFiles, PathsEntry, PathType
from minicon.models.records import RepodataRecord
from minicon.package.manifest import Manifest
from minicon.prefix.environment.python_layout import PythonLayout, entry_point_path
from minicon.prefix.plan.clobber import resolve_clobbers
from minicon.prefix.plan.file_layout import plan_package

LAYOUT = PythonLayout(
    version="3.11",
    cache_tag="cpython-311",
    site_packages="lib/python3.11/site-packages",
    scripts="bin",
    headers="include/python3.11",
    executable="bin/python3.11",
    subdir="linux-64",
)
FOLDERS = st.sampled_from(
    (
        *("", "lib/", "bin/", "site-packages/", "site-packages/p/", "python-scripts/"),
        *("python-headers/", "x/site-packages/", "site-packages/p-1.dist-info/"),
        'q"site-packages/',
    )
)
NAMES = st.sampled_from(["a", "b.py", "RECORD", "tool", "é", 'n"', "back-slash", "c d", "n\t"])
PATHS = st.tuples(FOLDERS, NAMES).map("".join)


def entry(path, kind=PathType.HARDLINK, size=3):
    return PathsEntry(path, kind, sha256="ab" * 32, size_in_bytes=size)


def record(name, source="conda"):
    data = {"name": name, "version": "1", "build": "0", "build_number": 0}
    return RepodataRecord(data, channel="c", subdir="noarch", fn=name, url="", source=source)


def plan(name, paths, *, layout=LAYOUT, noarch="python", commands=(), source="conda"):
    points = tuple(EntryPoint(command, "m", "f") for command in commands)
    entries = tuple(path if isinstance(path, PathsEntry) else entry(path) for path in paths)
    files = PackageFiles(paths=entries, entry_points=points, noarch=noarch)
    package = SimpleNamespace(manifest=Manifest.of(files), directory=Path("/pkgs") / name)
    return plan_package(record(name, source), package, layout, "/env")


@given(
    paths=st.lists(PATHS, max_size=10, unique=True),
    links=st.lists(PATHS, max_size=2, unique=True),
    noarch=st.sampled_from([None, "python"]),
    source=st.sampled_from(["conda", "pypi"]),
    commands=st.sampled_from([(), ("tool",), ("tool", "a")]),
)
def test_folders_go_where_each_of_their_files_goes(paths, links, noarch, source, commands):
    entries = [*map(entry, paths)]
    entries += [entry(path, PathType.SOFTLINK) for path in links if path not in paths]
    made = plan("p", entries, noarch=noarch, source=source, commands=commands)
    is_python = noarch == "python" or source == "pypi"
    generated = [entry_point_path(EntryPoint(c, "m", "f"), LAYOUT) for c in commands]
    expected = {}
    for one in entries:
        target = LAYOUT.target(one.path) if is_python else one.path
        if is_python and target in generated:
            continue
        if source == "pypi" and one.path == "site-packages/p-1.dist-info/RECORD":
            continue
        expected[one.path] = target
    assert {p.source: p.target for p in made.files} == expected
    assert all(p.entry.path == p.target for p in made.files)
    assert Counter(made.targets) == Counter([*expected.values(), *(generated * is_python)])
    assert made.file_count == len(expected)
    assert made.target_folders() == {path.rpartition("/")[0] for path in made.targets}
    assert all(made.has_target(path) for path in expected.values())
    files, paths_data = made.record_texts()
    plain = [p.entry for p in made.files if p.entry.path_type == PathType.HARDLINK]
    assert json.loads(b"[%s]" % files) == [e.path for e in plain]
    recorded = [{**e.to_json(), "sha256_in_prefix": e.sha256} for e in plain]
    assert b"".join(paths_data).decode() == json.dumps(recorded)[1:-1]


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/x", "a/../x", "a//x", "./x", "a/./x", "a/..", "", "a/", "a\\b", "a\0b"),
        *("conda-meta/x", "Conda-Meta/x", "conda-meta", "a\nb", "conda-meta\nb/x", "x\n"),
    ],
)
@pytest.mark.parametrize("kind", [PathType.HARDLINK, PathType.SOFTLINK])
def test_no_package_writes_where_it_must_not(path, kind):
    with pytest.raises(MiniconError) as caught:
        plan("p", [entry("lib/fine"), entry(path, kind)], layout=None, noarch=None)
    assert caught.value.reference == "unsafe-path"


@pytest.mark.parametrize("path", ["a/conda-meta", "lib/conda-meta/x", "..a/x", ".x", "a..", "é"])
def test_what_only_looks_like_it_is_fine(path):
    assert plan("p", [path], layout=None, noarch=None).targets == (path,)


PACKAGES = st.lists(
    st.lists(st.one_of(PATHS, st.tuples(PATHS).map(lambda t: entry(t[0], PathType.SOFTLINK)))),
    max_size=4,
)


@given(PACKAGES, st.sampled_from([(), ("tool",)]))
def test_each_path_that_two_packages_claim_is_found(packages, commands):
    plans = []
    for number, paths in enumerate(packages):
        unique = {getattr(path, "path", path): path for path in paths}
        plans.append(plan(f"p{number}", unique.values(), noarch=None, commands=commands))
    order = [made.record.name for made in plans]
    found = resolve_clobbers(plans, (), order, {}, prefix=None)
    hidden = {(name, path) for name, paths in found.redirects.items() for path in paths}
    expected = set()
    used: list[tuple[str, bool]] = []
    for made in reversed(plans):
        links = {p.target for p in made.files if p.entry.path_type == PathType.SOFTLINK}
        claims = [(path, path not in links) for path in set(made.targets)]
        lost = [c for c in claims if any(_exclude(c, other) for other in used)]
        expected |= {(made.record.name, path) for path, _ in lost}
        used += [c for c in claims if c not in lost]
    assert hidden == expected


def _exclude(one: tuple[str, bool], two: tuple[str, bool]) -> bool:
    """Whether two paths are the same, or one is a file and the other one below it."""
    (outer, is_file), (inner, _) = sorted((one, two))
    return outer == inner or (is_file and inner.startswith(f"{outer}/"))
