"""Prefix: reading environments that any tool of the family made, whole or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.packages import PackageBuilder
from tests.support.prefixes import MINOR, NOW, apply, extract, python_package

from minicon.errors import NotAnEnvironment, PrefixError
from minicon.models.package_files import PathsEntry
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.link.conda_meta import prefix_record_text


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / "envs" / "data"
    tool = extract(PackageBuilder("tool").file("bin/tool", "1"), tmp_path / "pkgs")
    apply(path, extract(python_package(), tmp_path / "pkgs"), tool, update_specs=["tool"])
    return path


def test_a_whole_environment(env: Path) -> None:
    prefix = Prefix(env)
    assert prefix.is_environment
    assert prefix.require() is prefix
    assert [record.name for record in prefix.records()] == ["python", "tool"]
    assert prefix.python_version() == __import__("platform").python_version()
    assert prefix.site_packages == env / f"lib/python{MINOR}/site-packages"
    assert prefix.requested_specs() == {"tool": "tool"}
    assert prefix.created_at == NOW
    assert prefix.last_modified is not None
    assert prefix.subdir == "linux-64"
    assert prefix.is_writable
    assert "bin/tool" in prefix.owned_files()
    assert prefix.record("nothing") is None
    assert prefix.broken_records() == ()
    assert prefix.frozen_message() is None


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("")])
def test_what_is_no_environment(tmp_path: Path, make: object) -> None:
    path = tmp_path / "x"
    make(path)  # type: ignore[operator]
    prefix = Prefix(path)
    assert not prefix.is_environment
    assert prefix.records() == ()
    assert prefix.revisions() == ()
    assert prefix.python_version() is None
    assert prefix.site_packages is None
    assert prefix.created_at is None
    with pytest.raises(NotAnEnvironment):
        prefix.require()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"name": 1, "version": "1"}', "\0"])
def test_records_that_cannot_be_read_are_named(env: Path, text: str) -> None:
    (env / "conda-meta/tool-1.0-0.json").unlink()
    (env / "conda-meta/tool-1.0-0.json").write_text(text)
    prefix = Prefix(env)
    with pytest.raises(PrefixError, match=r"tool-1\.0-0\.json") as caught:
        prefix.records()
    assert caught.value.reference == "corrupt-record"
    assert [r.name for r in prefix.readable_records()] == ["python"]
    assert [p.name for p in prefix.broken_records()] == ["tool-1.0-0.json"]


def test_variables(env: Path) -> None:
    folder = env / "etc/conda/env_vars.d"
    folder.mkdir(parents=True)
    (folder / "b.json").write_text('{"A": "later", "B": "b", "PATH": "/evil"}')
    (folder / "a.json").write_text('{"A": "first", "D": "d"}')
    (folder / "c.json").write_text("{broken")
    state = {"version": 1, "env_vars": {"B": "state", "C": "***unset***", "D": "***unset***"}}
    (env / "conda-meta/state").write_text(json.dumps(state))
    prefix = Prefix(env)
    assert prefix.environment_variables() == {"A": "later", "B": "state"}
    assert prefix.state_variables()["C"] == "***unset***"


def test_pins_and_frozen(env: Path) -> None:
    (env / "conda-meta/pinned").write_text("# comment\n\nnumpy 1.26.*  # why\npython=3.11\n")
    assert Prefix(env).pinned_specs() == ("numpy 1.26.*", "python=3.11")
    frozen = env / "conda-meta/frozen"
    for text, message in [
        ("", "the environment is frozen"),
        ('{"message": "ask Ann"}', "ask Ann"),
        ("{", "the environment is frozen"),
        ("[]", "the environment is frozen"),
    ]:
        frozen.write_text(text)
        assert Prefix(env).frozen_message() == message


def test_channels_with_and_without_subdir(env: Path) -> None:
    path = env / "conda-meta/tool-1.0-0.json"
    data = json.loads(path.read_bytes())
    for channel in ("https://h.test/c/linux-64", "https://h.test/c", "https://h.test/c/linux-64/"):
        path.unlink()
        path.write_text(json.dumps({**data, "channel": channel, "requested_spec": "None"}))
        record = Prefix(env).record("tool")
        assert record is not None
        assert record.record.channel == "https://h.test/c"


def test_relative_and_home_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Prefix("a/../b").path == tmp_path / "b"
    assert Prefix("~/env").path == tmp_path / "home/env"


ENTRIES = st.builds(
    lambda path, kind, fields: PathsEntry(path, kind, **fields),
    st.text(min_size=1),
    st.sampled_from(["hardlink", "softlink", "pyc_file", "unix_python_entry_point"]),
    st.fixed_dictionaries(
        {},
        optional={
            "sha256": st.just("ab" * 32),
            "size_in_bytes": st.integers(0, 10**12),
            "sha256_in_prefix": st.just("cd" * 32),
            "no_link": st.booleans(),
            "prefix_placeholder": st.text(min_size=1),
            "file_mode": st.sampled_from(["text", "binary"]),
        },
    ),
)


@given(st.lists(ENTRIES, max_size=6), st.lists(st.text(max_size=9), max_size=3))
def test_the_text_of_a_record_is_its_json(entries: list[PathsEntry], specs: list[str]) -> None:
    data = {"name": "x", "version": "1", "build": "0", "unknown": {"kept": ["@@paths@@x"]}}
    record = PrefixRecord(
        RepodataRecord(data, channel="c", subdir="noarch", fn="x.conda", url="u"),
        files=[entry.path for entry in entries],
        paths=entries,
        requested_specs=specs,
        link={"source": "s", "type": 1},
    )
    text = b"".join(prefix_record_text(record))
    assert text.decode() == json.dumps(record.to_json())
    again = PrefixRecord.from_json(json.loads(text))
    expected = [entry.to_prefix_json() for entry in entries]
    assert [entry.to_json() for entry in again.paths] == expected
