"""Mutated pages of package indexes and mutated wheels: a reported error, or a result."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from tests.support.mutations import fuzz, mutated_bytes, mutated_json, mutated_text
from tests.support.wheels import WheelBuilder

from minicon.errors import MiniconError, PackageError
from minicon.models.indexes.wheel_index import DistributionFile
from minicon.models.records import RepodataRecord
from minicon.package.prepare.wheel import prepare_wheel
from minicon.package.prepare.wheel_layout import needs_digest, package_path, read_dist_info
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages
from minicon.pypi.index.page_cache import CachedPage, Freshness, PageCache
from minicon.pypi.index.project_page import parse_page
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.metadata_cache import MetadataCache
from minicon.pypi.wheels.wheel_tags import WheelTags
from minicon.solver.joint.markers import applies, marker_environment

URL = "https://index.example/simple/demo/"
TAGS = WheelTags("linux-64", ())
FILE = {
    "filename": "demo-1.0-py3-none-any.whl",
    "url": "../../files/demo-1.0-py3-none-any.whl",
    "hashes": {"sha256": "a" * 64},
    "requires-python": ">=3.8",
    "size": 1000,
    "yanked": False,
    "upload-time": "2024-01-01T00:00:00.123Z",
    "core-metadata": {"sha256": "b" * 64},
}
OTHER = {"filename": "demo-0.9.tar.gz", "url": "https://f.example/demo-0.9.tar.gz", "hashes": {}}
PAGE = {
    "meta": {"api-version": "1.1", "project-status": "active"},
    "name": "demo",
    "files": [FILE, OTHER],
    "project-status": {"status": "archived"},
}
HTML = b"""<html><head><meta name="pypi:project-status" content="active"></head><body>
<a href="../../files/demo-1.0-py3-none-any.whl#sha256=%b" data-requires-python="&gt;=3.8"
   data-core-metadata="sha256=%b" data-yanked="">demo-1.0-py3-none-any.whl</a>
<a href="../../files/demo-1.1-py3-none-any.whl" data-requires-python="&lt;4">demo</a>
<!-- nothing --></body></html>
""" % (b"a" * 64, b"b" * 64)


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    return tmp_path_factory.mktemp("yard")


def use_page(body: bytes, kind: str, yard) -> None:
    """Read a page and all that a solve needs of it; it is unchanged by the cache."""
    try:
        page = parse_page(body, kind, URL, "demo", "linux-64")
    except MiniconError as error:
        error.message.encode()
        return
    for release in page.releases:
        assert release.name == "demo"
        for file in release.files:
            use_file(file, yard)
    cache = PageCache(yard, URL, "linux-64")
    cache.store("demo", CachedPage(page, Freshness(fetched=0, expires=1)))
    assert cache.load("demo").page == page


def use_file(file: DistributionFile, yard) -> None:
    file.filename.encode()
    file.url.encode()
    urlsplit(file.url)
    assert isinstance(file.size, int | None)
    assert (file.size or 0) >= 0
    TAGS.accepts_python(file.requires_python, "3.11.7")
    if file.requires_python:
        SpecifierSet(file.requires_python).contains("3.11.7")
    cache = MetadataCache(yard)
    assert cache.load(file) is None
    folder = cache._folder.resolve()
    assert folder in cache._path(file, "").resolve().parents


@fuzz(200)
@given(mutated_json(PAGE))
def test_pages_in_json(yard, body):
    use_page(body, "application/vnd.pypi.simple.v1+json", yard)


@fuzz(100)
@given(mutated_json(FILE, whole=True))
def test_one_bad_file_does_not_hide_the_others(yard, file):
    good = json.dumps({**FILE, "filename": "demo-2.0-py3-none-any.whl"}).encode()
    body = b'{"meta":{"api-version":"1.0"},"files":[%b,%b]}' % (file, good)
    use_page(body, "application/vnd.pypi.simple.v1+json", yard)


@fuzz(150)
@given(mutated_text(HTML))
def test_pages_in_html(yard, body):
    use_page(body, "text/html", yard)


METADATA = b"""Metadata-Version: 2.1
Name: demo
Version: 1.0
Summary: a demonstration
License: MIT
Requires-Python: >=3.8
Requires-Dist: other>=1.0,<2
Requires-Dist: numpy[extra] (>=1.26); python_version >= "3.9" and extra == "x"
Requires-Dist: third @ https://example.org/third-1.0.tar.gz
Provides-Extra: x

A long text.
"""


@fuzz(300)
@given(mutated_text(METADATA))
def test_metadata(data):
    environment = marker_environment("3.11.7", "linux-64")
    try:
        metadata = CoreMetadata.from_text(data.decode("utf-8", "replace"))
        metadata.check_belongs_to(FILE["filename"])
        requirements = metadata.requirements()
    except PackageError as error:
        error.message.encode()
        return
    for requirement in requirements:
        assert isinstance(requirement, Requirement)
        applies(requirement, environment)
        applies(requirement, environment, "x")
        requirement.specifier.contains("1.0", prereleases=True)
        str(requirement).encode()
    assert CoreMetadata.from_json(json.loads(json.dumps(metadata.to_json()))) == metadata


WHEEL = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
RECORD = b"""demo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
demo-1.0.dist-info/METADATA,sha384=OLBgp1GsljhM2TJ-sbHjaiH9txEUvgdDTAzHv2P24donTt6_529l-9Ua0vFImLlb,0
demo-1.0.dist-info/WHEEL,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
"demo/a, b.py",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
demo-1.0.dist-info/RECORD,,
"""
ENTRY_POINTS = b"[console_scripts]\ndemo = demo.cli:main [x]\n\n[gui_scripts]\nd = demo:run\n"
CHOSEN = RepodataRecord(
    {"name": "demo", "version": "1.0", "build": "pypi_0"},
    channel="pypi",
    subdir="noarch",
    fn=FILE["filename"],
    url=URL,
)


class Archive:
    """The interface that reading dist-info needs."""

    def __init__(self, **changed: bytes) -> None:
        files = {"METADATA": METADATA, "WHEEL": WHEEL, "RECORD": RECORD}
        files |= {"entry_points.txt": ENTRY_POINTS}
        files |= {name.replace("_txt", ".txt"): data for name, data in changed.items()}
        self.entries = {f"demo-1.0.dist-info/{name}": data for name, data in files.items()}

    def read(self, name: str) -> bytes:
        return self.entries[name]


def read(**changed: bytes) -> None:
    try:
        info = read_dist_info(Archive(**changed), CHOSEN)
        for path in info.digests:
            needs_digest(path, info)
            package_path(path, info)
    except PackageError as error:
        error.message.encode()
        return
    for digest in info.digests.values():
        hashlib.new(digest.algorithm)
    for point in info.entry_points:
        assert "/" not in point.command


def test_the_wheel_that_is_mutated_is_good():
    info = read_dist_info(Archive(), CHOSEN)
    assert len(info.digests) == 4
    assert [point.command for point in info.entry_points] == ["demo", "d"]


@fuzz(100)
@given(mutated_text(RECORD))
def test_lists_of_files(data):
    read(RECORD=data)


@fuzz(50)
@given(mutated_text(WHEEL))
def test_wheel_files(data):
    read(WHEEL=data)


@fuzz(100)
@given(mutated_text(ENTRY_POINTS))
def test_entry_points(data):
    read(entry_points_txt=data)


SMALL = WheelBuilder("demo").file("demo/__init__.py", "x = 1\n").entry_point("demo = demo:x")


@fuzz(75)
@given(mutated_bytes(SMALL.content()))
def test_wheels(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("wheel")
    archive = folder / SMALL.filename
    archive.write_bytes(data)
    record = RepodataRecord(
        {"name": "demo", "version": "1.0", "build": "pypi_0"},
        channel="pypi",
        subdir="noarch",
        fn=SMALL.filename,
        url=archive.as_uri(),
    )
    try:
        prepare_wheel(archive, record, folder / "in", verify=False)
    except PackageError as error:
        error.message.encode()
    assert {path.name for path in folder.iterdir()} <= {"in", SMALL.filename}


@fuzz(100)
@given(mutated_text(METADATA), mutated_text(RECORD))
def test_installed_distributions(tmp_path_factory, metadata, record):
    prefix = tmp_path_factory.mktemp("prefix")
    python = {"name": "python", "version": "3.11.7", "build": "0", "files": []}
    meta = prefix / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("")
    (meta / "python-3.11.7-0.json").write_text(json.dumps({**python, "subdir": "linux-64"}))
    folder = prefix / "lib" / "python3.11" / "site-packages" / "demo-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_bytes(metadata)
    (folder / "RECORD").write_bytes(record)
    for package in installed_packages(Prefix(prefix)):
        package.file_name.encode()
        assert "/" not in package.file_name
        assert not any(path.startswith(("/", "..")) for path in package.files)
