"""Inputs that once ended in an internal error, each in its smallest form."""

from __future__ import annotations

import json

import pytest
from packaging.requirements import InvalidRequirement
from packaging.specifiers import InvalidSpecifier
from tests.support.channels import ChannelBuilder, make_record, write_shards
from tests.support.command_line import CommandLine
from tests.support.mutations import Deep, Raw, json_bytes

from minicon.errors import MiniconError, PackageError, SpecError
from minicon.models.indexes.wheel_index import DistributionFile
from minicon.models.record_checks import check_record_fields
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json
from minicon.prefix.environment.python_layout import PythonLayout
from minicon.pypi.index.project_page import parse_page
from minicon.pypi.requirement_syntax import parse_requirement, parse_specifiers
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.metadata_cache import MetadataCache
from minicon.pypi.wheels.wheel_tags import WheelTags
from minicon.solver.joint.markers import applies, marker_environment

DIGITS = "9" * 6000


@pytest.mark.parametrize(
    "text",
    [
        json_bytes(Deep(100_000)),
        json_bytes(Deep(100_000, objects=True)),
        b"NaN",
        b"[-Infinity]",
        b"1e400",
        b"9" * 5000,
        b'"\\ud800"',
        b'"\\uDFFF\\uD800"',
        b'"\xed\xa0\x80"',
        b"\xff",
        b'{"a":1',
        b"",
    ],
)
def test_strict_json_refuses(text):
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_strict_json_accepts():
    text = '\ufeff{"a": "\\ud83d\\ude00", "b": "\\\\ud800", "c": 1e300, "d": "日本"}'.encode()
    assert read_json(text) == {"a": "😀", "b": "\\ud800", "c": 1e300, "d": "日本"}


BAD_FIELDS = [
    {"size": -1},
    {"size": 1 << 70},
    {"size": Raw("9" * 5000)},
    {"size": Raw("1e400")},
    {"size": True},
    {"timestamp": Raw("NaN")},
    {"timestamp": 1 << 60},
    {"timestamp": -1},
    {"track_features": 7},
    {"track_features": {"a": 1}},
    {"features": [["mkl"]]},
    {"flags": 3},
    {"depends": "python"},
    {"depends": [7]},
    {"depends": {"python": ">=3"}},
    {"constrains": 7},
    {"extra_depends": {"docs": "sphinx"}},
    {"noarch": 7},
    {"md5": 7},
    {"sha256": ["a"]},
    {"python_site_packages_path": 7},
    {"name": None},
    {"build": "", "build_string": "../../x"},
    {"about": Deep(100_000)},
    {"about": Deep(100)},
    {"about": "\ud800"},
]


@pytest.fixture
def minicon(tmp_path, monkeypatch, capsys):
    (tmp_path / "x").mkdir()
    return CommandLine(tmp_path / "x", monkeypatch, capsys)


def solved(minicon, url: str) -> dict[str, str]:
    """Return name and version of the solution for ``good``."""
    found = minicon(
        "create", "--dry-run", "--json", "--override-channels", "--platform", "linux-64",
        "-c", url, "-n", "e", "good",
    ).ok()  # fmt: skip
    return {each["name"]: each["version"] for each in found.json["actions"]["LINK"]}


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("good-1.0-0", depends=["bad >=1"])
    builder.add("bad-1.0-0")
    return builder


def test_a_bad_record_is_ignored_by_the_solve(builder, minicon):
    section = builder.subdir("linux-64")["packages.conda"]
    texts = {fn: json_bytes(record) for fn, record in section.items()}
    for number, fields in enumerate(BAD_FIELDS, 2):
        fn, record = make_record(f"bad-{number}.0-0")
        texts[fn] = json_bytes({**record, **fields})
    builder.write()
    members = b",".join(b'"%b":%b' % (fn.encode(), text) for fn, text in texts.items())
    path = builder.directory / "linux-64" / "repodata.json"
    path.write_bytes(b'{"packages.conda":{%b},"repodata_version":1}' % members)
    assert solved(minicon, builder.url) == {"good": "1.0", "bad": "1.0"}


def test_a_bad_record_of_a_shard_is_ignored(builder, minicon):
    section = builder.subdir("linux-64")["packages.conda"]
    numbers = [{key: float("nan")} for key in ("size", "timestamp", "about")]
    for number, fields in enumerate([*BAD_FIELDS, *numbers, {"about": b"bytes"}], 2):
        fn, record = make_record(f"bad-{number}.0-0")
        if is_packable(fields):
            section[fn] = {**record, **fields}
    assert len(section) > 20
    write_shards(builder.directory / "linux-64", builder.subdir("linux-64"))
    assert solved(minicon, builder.url) == {"good": "1.0", "bad": "1.0"}


def is_packable(fields) -> bool:
    (value, *_) = fields.values()
    is_large = type(value) is int and value >= 1 << 64
    return not (isinstance(value, Raw | Deep) or is_large or value in ("\ud800", None))


@pytest.mark.parametrize("version", [3, 99, "2", True, -1, 1.5])
def test_an_index_of_a_newer_version_is_refused(builder, minicon, version):
    builder.subdir("linux-64")["repodata_version"] = version
    builder.write()
    search = ("search", "--json", "--override-channels", "--platform", "linux-64")
    found = minicon(*search, "-c", builder.url, "good")
    assert found.code == 1
    assert found.json["reference"] == "repodata-version"
    assert repr(str(version)) in found.json["message"]


def test_a_build_string_cannot_be_a_path():
    with pytest.raises(SpecError, match="build"):
        check_record_fields(
            {"name": "a", "version": "1", "build": "", "build_string": "../x"}, fn="a-1-.conda"
        )


@pytest.mark.parametrize("text", ["a>=", "a[", f"a>={DIGITS}", f"a; python_version > '{DIGITS}'",
                                  "a==1.*.*", f"a; {'(' * 3000}", "a" * 10_000])  # fmt: skip
def test_invalid_requirements(text):
    with pytest.raises(InvalidRequirement):
        parse_requirement(text)
    metadata = f"Name: demo\nVersion: 1.0\nRequires-Dist: {text}\n"
    with pytest.raises(PackageError):
        CoreMetadata.from_text(metadata).requirements()


def test_metadata_with_a_giant_version_does_not_match_the_wheel():
    metadata = CoreMetadata.from_text(f"Name: demo\nVersion: {DIGITS}\n")
    with pytest.raises(PackageError):
        metadata.check_belongs_to("demo-1.0-py3-none-any.whl")


def test_a_marker_that_cannot_be_evaluated_excludes_nothing():
    requirement = parse_requirement("a; os_name ~= 'x'")
    assert applies(requirement, marker_environment("3.11.7", "linux-64"))


@pytest.mark.parametrize("text", ["garbage", f">={DIGITS}", ">=" * 3000])
def test_an_invalid_requires_python_is_ignored(text):
    with pytest.raises(InvalidSpecifier):
        parse_specifiers(text)
    assert WheelTags("linux-64").accepts_python(text, "3.11.7")
    page = f'<a href="demo-1.0-py3-none-any.whl" data-requires-python="{text}">x</a>'.encode()
    found = parse_page(page, "text/html", "https://i.example/demo/", "demo", "linux-64")
    assert [file.requires_python for file in found.releases[0].files] == [None]


def json_page(**changes):
    file = {"filename": "demo-1.0-py3-none-any.whl", "url": "demo-1.0-py3-none-any.whl"}
    body = json_bytes({"meta": {"api-version": "1.0"}, "files": [{**file, **changes}]})
    return parse_page(body, "application/json", "https://i.example/demo/", "demo", "linux-64")


@pytest.mark.parametrize("value", [7, [], {"a": 1}, "garbage", "9" * 5000])
def test_requires_python_of_another_type(value):
    assert json_page(**{"requires-python": value}).releases[0].files[0].requires_python is None


@pytest.mark.parametrize("value", [-1, True, 1 << 70, 3.5, "7"])
def test_invalid_sizes_of_files(value):
    assert json_page(size=value).releases[0].files[0].size is None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-23:00", "x", 7])
def test_times_out_of_range(moment):
    assert json_page(**{"upload-time": moment}).releases


@pytest.mark.parametrize("digest", ["../../../outside", "a" * 63, "g" * 64, 7])
def test_a_hash_cannot_be_a_path(tmp_path, digest):
    assert not json_page(hashes={"sha256": digest}).releases
    file = DistributionFile(filename="x.whl", url="https://i.example/x.whl", sha256=str(digest))
    path = MetadataCache(tmp_path)._path(file, "")
    assert tmp_path in path.resolve().parents
    assert ".." not in path.parts


def test_a_file_name_of_very_many_dashes_costs_nothing():
    assert not json_page(filename="-".join("a" * 40_000) + ".tar.gz").releases


@pytest.mark.parametrize("path", [7, ["x"], {"a": 1}, "../x", "/x"])
def test_site_packages_is_a_relative_directory(path):
    data = {"name": "python", "version": "3.11.7", "build": "0", "python_site_packages_path": path}
    record = RepodataRecord(data, channel="c", subdir="linux-64", fn="x", url="u")
    with pytest.raises(PackageError):
        PythonLayout.from_record(record, "linux-64")


@pytest.mark.parametrize("field", ["files", "depends", "paths_data", "build", "subdir", "size"])
@pytest.mark.parametrize("value", [7, {"a": 1}, [[]], Raw("NaN"), Deep(100_000)], ids=str)
def test_invalid_records_of_environments(tmp_path, field, value):
    from minicon.prefix.environment.prefix import Prefix

    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "history").touch()
    record = {"name": "a", "version": "1", "build": "0", "subdir": "noarch", "fn": "a-1-0.conda"}
    (meta / "a-1-0.json").write_bytes(json_bytes({**record, field: value}))
    prefix = Prefix(tmp_path)
    if (field, value) in (("size", 7), ("paths_data", {"a": 1})):
        assert len(prefix.records()) == 1
        return
    assert prefix.broken_records()
    with pytest.raises(MiniconError, match="unreadable record"):
        prefix.records()


def test_a_deeply_nested_state_file(tmp_path):
    from minicon.prefix.environment.prefix import Prefix

    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "state").write_bytes(json_bytes(Deep(100_000, objects=True)))
    assert Prefix(tmp_path).state_variables() == {}
    (meta / "frozen").write_bytes(json_bytes(Deep(100_000)))
    assert Prefix(tmp_path).frozen_message() == "the environment is frozen"
    (meta / "state").write_text(json.dumps({"env_vars": {"A": "1"}}))
    assert Prefix(tmp_path).state_variables() == {"A": "1"}
