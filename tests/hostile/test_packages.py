"""Mutated metadata of packages, caches and interpreters."""

from __future__ import annotations

import json
import platform
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mutations import fuzz, mutated_json, mutated_text
from tests.support.packages import PackageBuilder

from minicon.api.plan.solutions.exact_solutions import described_record
from minicon.errors import MiniconError, PackageError, SpecError
from minicon.machine.host_packages.host_index import HostIndex
from minicon.machine.interpreters import probe as interpreter_probe
from minicon.machine.interpreters.discovery import CACHE_FILE, FactsCache
from minicon.machine.interpreters.probe import ProbeError, probe_interpreter
from minicon.models.package_files import PackageFiles
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json
from minicon.net.schemes.oci_artifact import Artifact
from minicon.net.schemes.oci_login import _read_token
from minicon.package.cache.cache_folder import read_record
from minicon.package.info_files import parse_package_files, read_package_files
from minicon.package.manifest import Manifest, read_manifest
from minicon.prefix.environment.python_layout import PythonLayout
from minicon.publish.reading.package_entry import read_entry
from minicon.repodata.cache import RepodataCache

BUILDER = (
    PackageBuilder("demo")
    .noarch("python")
    .depends("python >=3.8")
    .index(license="MIT", timestamp=1_700_000_000_000)
    .file("site-packages/demo.py", "x = 1\n")
    .file("bin/demo", "#!/opt/x/bin/python\n", prefix="/opt/x")
    .link("bin/d", "demo")
    .entry_point("demo = demo.cli:main")
)
INDEX = BUILDER.index_json()
PATHS = BUILDER.paths_json()
LINK = {"noarch": {"entry_points": ["demo = demo.cli:main"], "type": "python"}}
LEGACY = {
    "files": b"bin/demo\nsite-packages/demo.py\n",
    "has_prefix": b"/opt/x text bin/demo\n",
    "no_link": b"bin/demo\n",
    "noarch.json": b'{"entry_points":["d = demo:main"],"type":"python"}',
}
RECORD = RepodataRecord(
    {"name": "demo", "version": "1.0", "build": "0"},
    channel="c",
    subdir="noarch",
    fn="demo-1.0-0.conda",
    url="file:///c/noarch/demo-1.0-0.conda",
)


def text(value) -> bytes:
    return json.dumps(value).encode()


def check(info: dict[str, bytes]) -> None:
    try:
        files = parse_package_files(info, "demo-1.0-0")
    except PackageError as error:
        error.message.encode()
        return
    assert isinstance(files, PackageFiles)
    for entry in files.paths:
        assert not entry.path.startswith("/")
        assert ".." not in entry.path.split("/")
        assert (entry.size_in_bytes or 0) >= 0
        json.dumps(entry.to_json(), ensure_ascii=False).encode()
    for point in files.entry_points:
        assert "/" not in point.command
    Manifest.of(files)


@fuzz(150)
@given(mutated_json(PATHS))
def test_paths(data):
    check({"index.json": text(INDEX), "paths.json": data, "link.json": text(LINK)})


@fuzz(75)
@given(mutated_json(LINK))
def test_links(data):
    check({"index.json": text(INDEX), "paths.json": text(PATHS), "link.json": data})


@pytest.mark.parametrize("name", LEGACY)
@fuzz(40)
@given(st.data())
def test_legacy_formats(name, data):
    check({"index.json": text(INDEX), **LEGACY, name: data.draw(mutated_text(LEGACY[name]))})


@pytest.fixture
def package(tmp_path):
    info = tmp_path / "demo-1.0-0" / "info"
    info.mkdir(parents=True)
    for name, value in (("index", INDEX), ("paths", PATHS), ("link", LINK)):
        (info / f"{name}.json").write_bytes(text(value))
    return info.parent


@fuzz(125)
@given(mutated_json({**INDEX, "python_site_packages_path": "lib/x", "track_features": "slow"}))
def test_indexes_of_packages(package, data):
    (package / "info" / "index.json").write_bytes(data)
    try:
        record = described_record(RECORD, package)
        read_package_files(package)
        PythonLayout.from_record(record, "linux-64")
    except PackageError as error:
        error.message.encode()
        return
    assert (record.name, record.version, record.build) == ("demo", "1.0", "0")
    json.dumps(record.to_json(), allow_nan=False, ensure_ascii=False).encode()


@fuzz(100)
@given(mutated_json({**INDEX, "fn": "demo-1.0-0.conda", "channel": "c/noarch", "url": "file:///x"}))
def test_records_of_caches(package, data):
    (package / "info" / "repodata_record.json").write_bytes(data)
    record = read_record(package)
    if record is not None:
        assert (record.size or 0) >= 0
        "".join((record.name, *record.depends, *record.track_features, record.fn)).encode()


def check_texts(entry):
    """Require strict JSON of all that goes into index files."""
    for text in (entry.record, entry.run_exports, entry.facts):
        read_json(text.encode())


@fuzz(50)
@given(mutated_json({"weak": ["demo >=1"], "strong": ["x"]}))
def test_published_packages(tmp_path, exports):
    builder = BUILDER.info("run_exports.json", exports)
    path = tmp_path / f"{builder.dist_name}.conda"
    path.write_bytes(builder.archive_bytes(".conda"))
    try:
        entry = read_entry(path, "noarch", 0, 0)
    except MiniconError as error:
        error.message.encode()
        return
    check_texts(entry)


@fuzz(50)
@given(mutated_json({**INDEX, "subdir": "noarch"}))
def test_indexes_of_published_packages(tmp_path, index):
    builder = BUILDER.info("index.json", index)
    path = tmp_path / f"{builder.dist_name}.conda"
    path.write_bytes(builder.archive_bytes(".conda"))
    try:
        entry = read_entry(path, "noarch", 0, 0)
    except (PackageError, SpecError) as error:
        error.message.encode()
        return
    check_texts(entry)


@fuzz(50)
@given(st.binary(max_size=40), st.integers(0, 500))
def test_manifests(package, data, length):
    files = read_package_files(package)
    path = package / "info" / "minicon-manifest"
    good = b'{"manifest": 1}\n' + data
    path.write_bytes(good[:length])
    assert read_manifest(package) is None
    assert files.paths


ANSWER = {
    "executable": sys.executable,
    "implementation": "cpython",
    "version": platform.python_version(),
    "prefix": sys.base_prefix,
    "stdlib": "/usr/lib/python3.11",
    "platstdlib": "/usr/lib/python3.11",
    "include": "/usr/include/python3.11",
    "schemes": ["posix_prefix"],
    "platform_tag": "linux-x86_64",
    "machine": "x86_64",
    "pointer_bits": 64,
    "cache_tag": "cpython-311",
    "abiflags": "",
    "is_debug": False,
    "is_free_threaded": False,
    "is_shared": False,
    "library_directory": "/usr/lib",
    "shared_library": "",
    "framework": "",
}


@fuzz(75)
@given(mutated_json(ANSWER))
def test_output_of_interpreters(monkeypatch, tmp_path, data):
    monkeypatch.setattr(interpreter_probe, "_run", lambda *_: data.decode("utf-8", "replace"))
    try:
        facts = probe_interpreter(sys.executable, environ={})
    except ProbeError as error:
        str(error).encode()
        return
    for record in HostIndex([facts], platform="linux-64").records_for("python"):
        json.dumps(record.to_json(), ensure_ascii=False).encode()
    (tmp_path / CACHE_FILE).write_bytes(
        text({"entries": {sys.executable: {"stamp": [1, 2], "facts": facts.to_json()}}})
    )


@fuzz(50)
@given(mutated_json({"entries": {sys.executable: {"stamp": [1, 2], "failure": "x", "at": 1.0}}}))
def test_cached_facts_of_interpreters(tmp_path, data):
    (tmp_path / CACHE_FILE).write_bytes(data)
    with FactsCache.opened(tmp_path, lambda: 2.0) as cache:
        cache.get(sys.executable)


@fuzz(50)
@given(mutated_json({"token": "abc", "access_token": "d", "expires_in": 300}))
def test_responses_of_registries(data):
    try:
        _read_token(data, "https://registry.example/token", 0.0)
    except MiniconError as error:
        error.message.encode()


LAYER = {"mediaType": "x", "digest": f"sha256:{'a' * 64}", "size": 10, "annotations": {"t": "x"}}


@fuzz(50)
@given(mutated_json({"schemaVersion": 2, "layers": [LAYER]}, whole=True))
def test_manifests_of_registries(data):
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(manifest, dict) and isinstance(manifest.get("layers"), list):
        artifact = Artifact.of("oci://registry.example/c/linux-64/x.json")
        layer = artifact.layer_in(manifest)
        assert layer is None or layer.size >= 0


STATE = {
    "url": "https://example.org/c/linux-64",
    "file_name": "repodata.json",
    "body_sha256": "a" * 64,
    "etag": "x",
    "last_modified": "",
    "max_age": 10.0,
    "checked_at": 1.0,
    "absent": {"repodata.json.zst": 1.0},
}


@fuzz(75)
@given(mutated_json(STATE))
def test_metadata_of_cached_indexes(tmp_path, data):
    cache = RepodataCache(tmp_path)
    cache.directory.mkdir(exist_ok=True)
    (cache.directory / "key.json").write_bytes(data)
    state = cache.load_state("key", STATE["url"])
    if state is not None:
        state.is_fresh(5.0, 1)
        cache.open_index(state.body_sha256)
        assert all(isinstance(5.0 - since, float) for since in state.absent.values())
    cache.sweep()
