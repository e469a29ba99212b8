"""The manifest of a cached package has the facts of paths.json, or is not used."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.packages import PackageBuilder

from minicon.models.package_files import EntryPoint, PackageFiles, PathsEntry, PathType
from minicon.package.cache.package_cache import PackageCache
from minicon.package.manifest import MANIFEST_FILE, Manifest, read_manifest
from minicon.package.prepare.preparation import prepare_package

PARTS = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
ENTRIES = st.builds(
    PathsEntry,
    PATHS,
    st.sampled_from([PathType.HARDLINK] * 4 + [PathType.SOFTLINK, PathType.DIRECTORY]),
    sha256=st.none() | HASHES,
    size_in_bytes=st.none() | st.integers(0, 1 << 40),
    no_link=st.sampled_from([False] * 5 + [True]),
    prefix_placeholder=st.sampled_from([None] * 5 + ["/opt/x"]),
    file_mode=st.sampled_from([None] * 5 + ["text"]),
)
FILES = st.builds(
    PackageFiles,
    paths=st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.path).map(tuple),
    entry_points=st.sampled_from([(), (EntryPoint("x", "m", "f"),)]),
    noarch=st.sampled_from([None, "python"]),
)


def entries_of(manifest):
    """Return every entry, plain ones from the columns."""
    plain = [entry for folder in manifest.folders for entry in folder.entries(folder.path)]
    return plain, [*plain, *manifest.others]


def facts_of(manifest):
    return (
        sorted(map(repr, (entry.to_json() for entry in entries_of(manifest)[1]))),
        manifest.entry_points,
        manifest.noarch,
        manifest.files_text(),
        b"".join(manifest.paths_text()),
    )


@given(FILES)
def test_a_manifest_has_the_entries_of_the_list(files):
    manifest = Manifest.of(files)
    plain, entries = entries_of(manifest)
    assert sorted(e.path for e in entries) == sorted(e.path for e in files.paths)
    assert {e.path: e.to_json() for e in entries} == {e.path: e.to_json() for e in files.paths}
    assert json.loads(b"[%s]" % manifest.files_text()) == [entry.path for entry in plain]
    in_prefix = [{"sha256_in_prefix": e.sha256} if e.sha256 else {} for e in plain]
    recorded = [{**e.to_json(), **more} for e, more in zip(plain, in_prefix, strict=True)]
    assert b"".join(manifest.paths_text()).decode() == json.dumps(recorded)[1:-1]
    for entry in files.paths:
        assert manifest.has(entry.path)
    assert not manifest.has("not/there")


@given(FILES)
def test_a_manifest_is_read_as_written(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("package")
    manifest = Manifest.of(files)
    write(folder, manifest)
    again = read_manifest(folder)
    assert again is not None
    assert facts_of(again) == facts_of(manifest)


def write(folder, manifest):
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info/paths.json").write_text("{}")
    data = b"".join(manifest.to_pieces(os.stat(folder / "info/paths.json")))
    (folder / MANIFEST_FILE).write_bytes(data)
    return data


@pytest.fixture
def sample(tmp_path):
    entries = (
        PathsEntry("a", sha256="0" * 64, size_in_bytes=1),
        PathsEntry("d/b", sha256="1" * 64, size_in_bytes=2),
        PathsEntry("d/l", PathType.SOFTLINK),
    )
    return tmp_path, write(tmp_path, Manifest.of(PackageFiles(paths=entries)))


def test_a_truncated_or_corrupt_manifest_is_ignored(sample):
    folder, data = sample
    for size in range(len(data)):
        (folder / MANIFEST_FILE).write_bytes(data[:size])
        assert read_manifest(folder) is None, size


@pytest.mark.parametrize(
    "change",
    [
        (b'{"manifest": 2', b'{"manifest": 3'),
        (b'"d", "b"', b'"d", "b/c"'),
        (b'"d", "b"', b'"d", 7'),
        (b'"others": [{', b'"others": [[{'),
        (b'"manifest"', b'"manifesto"'),
        (b'"2", "111', b'"2", "11'),
        (b'"2", "111', b'"x 2", "111'),
    ],
)
def test_a_foreign_manifest_is_ignored(sample, change):
    folder, data = sample
    assert change[0] in data
    (folder / MANIFEST_FILE).write_bytes(data.replace(*change))
    assert read_manifest(folder) is None


def test_the_manifest_of_another_list_is_ignored(sample):
    folder, _ = sample
    (folder / "info/paths.json").write_text("{ }")
    assert read_manifest(folder) is None
    (folder / "info/paths.json").unlink()
    assert read_manifest(folder) is None


def test_the_cache_writes_a_manifest_and_works_without(tmp_path):
    archive = (
        PackageBuilder("demo").file("bin/x", b"x").file("lib/y", b"yy").link("bin/z", "x")
    ).build(tmp_path)
    cache = PackageCache([tmp_path / "pkgs"])
    record = PackageBuilder("demo").file("bin/x", b"x").record(archive)
    prepare = prepare_package(lambda _, target: target.write_bytes(archive.read_bytes()), record)
    made = cache.ensure(record, prepare)
    found = cache.find(record)
    assert (made.directory / MANIFEST_FILE).is_file()
    assert read_manifest(made.directory) is not None
    assert facts_of(found.manifest) == facts_of(made.manifest) == facts_of(Manifest.of(found.files))
    (made.directory / MANIFEST_FILE).unlink()
    assert facts_of(cache.find(record).manifest) == facts_of(made.manifest)


def test_a_manifest_in_the_archive_is_replaced(tmp_path):
    builder = PackageBuilder("demo").file("bin/x", b"x").info("minicon-manifest", "{}\n\n")
    archive = builder.build(tmp_path)
    record = builder.record(archive)
    prepare = prepare_package(lambda _, target: target.write_bytes(archive.read_bytes()), record)
    made = PackageCache([tmp_path / "pkgs"]).ensure(record, prepare)
    again = read_manifest(made.directory)
    assert again is not None
    assert facts_of(again) == facts_of(Manifest.of(made.files))
