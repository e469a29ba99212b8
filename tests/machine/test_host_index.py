from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.interpreters import machine, make_facts

from minicon.lean_dataclasses import replace
from minicon.machine.host_packages.host_index import (
    HostIndex,
    interpreter_for,
    layout_of,
    record_for_interpreter,
)
from minicon.models.indexes.record_index import RecordIndex
from minicon.models.prefix_record import PrefixRecord


def versions(*facts, platform: str = "linux-64", variants: tuple[str, ...] = ()) -> list[str]:
    index = HostIndex(facts, platform=platform, variants=variants)
    return [record.version for record in index.records_for("python")]


def test_record() -> None:
    record = record_for_interpreter(make_facts())
    assert record.dist_name == "python-3.11.7-h01234567_host_portable"
    assert (record.channel, record.subdir, record.source) == ("host", "linux-64", "interpreter")
    assert record.url == "file:///home/me/.pyenv/versions/3.11.7/bin/python3.11"
    assert record.depends == ("__unix",)
    assert record.data["python_site_packages_path"] == "lib/python3.11/site-packages"
    assert record.data["purls"] == ["pkg:generic/python@3.11.7"]
    assert record.timestamp == 0
    assert not record.build.endswith("_cpython")


def test_windows_record() -> None:
    facts = make_facts(platform="win-64", prefix="/P311", executable="/P311/python.exe")
    record = record_for_interpreter(facts)
    assert record.depends == ("__win",)
    assert record.data["python_site_packages_path"] == "Lib/site-packages"


def test_index_is_a_record_index() -> None:
    index: RecordIndex = HostIndex([make_facts()], platform="linux-64")
    index.prefetch(["python"])
    assert (index.channel, index.subdir) == ("host", "linux-64")
    assert list(index.names()) == ["python"]
    assert list(index.records_for("numpy")) == []
    assert list(HostIndex([], platform="linux-64").names()) == []


def test_self_contained_build_is_preferred_to_the_distributions() -> None:
    ours, systems = make_facts(), make_facts(prefix="/usr", identity="f" * 64)
    records = HostIndex([systems, ours], platform="linux-64").records_for("python")
    best = max(records, key=lambda record: record.build_number)
    assert best.url.startswith("file:///home/me/")
    assert len(records) == 2


def test_linked_interpreters_are_other_builds_that_both_settings_find() -> None:
    facts = make_facts()
    (linked,) = HostIndex([facts], platform="linux-64", linked=True).records_for("python")
    (copied,) = HostIndex([facts], platform="linux-64").records_for("python")
    assert linked.build == "h01234567_host_venv"
    assert (layout_of(linked), layout_of(copied)) == ("venv", "portable")
    assert interpreter_for(linked, [facts]) is interpreter_for(copied, [facts])


def test_first_of_equals_is_listed() -> None:
    first, second = make_facts(), make_facts(prefix="/opt/other", identity="e" * 64)
    records = HostIndex([first, second], platform="linux-64").records_for("python")
    assert [record.data["interpreter"] for record in records] == [first.executable]


def test_what_is_not_offered() -> None:
    assert versions(make_facts("3.7.16"), make_facts("3.8.1"), make_facts("2.7.18")) == ["3.8.1"]
    assert versions(make_facts(platform="linux-aarch64")) == []
    assert versions(make_facts(platform="win-64", in_conda_prefix=True), platform="win-64") == []


@pytest.mark.parametrize(
    ("variant", "facts"),
    [
        ("pypy", make_facts(implementation="pypy")),
        ("free-threaded", make_facts("3.13.1", is_free_threaded=True, abiflags="t")),
        ("debug", make_facts(is_debug=True, abiflags="d")),
        ("pre-release", make_facts("3.15.0a1")),
    ],
)
def test_variants_are_listed_on_request(variant: str, facts) -> None:
    assert versions(facts) == []
    assert versions(facts, variants=(variant,)) == [facts.version]


def test_build_string_follows_the_interpreter() -> None:
    facts = make_facts()
    changed = replace(facts, identity="f" * 64)
    assert record_for_interpreter(facts).build != record_for_interpreter(changed).build


def test_installed_record_is_read_by_rattler(tmp_path: Path) -> None:
    rattler = pytest.importorskip("rattler")
    for facts in (*machine().interpreters, make_facts()):
        record = record_for_interpreter(facts)
        installed = PrefixRecord(record, files=[], paths=[], link={"source": "/x", "type": 1})
        path = tmp_path / installed.file_name
        path.write_text(json.dumps(installed.to_json()))
        theirs = rattler.PrefixRecord.from_path(path)
        assert (str(theirs.version), str(theirs.build)) == (record.version, record.build)
        assert PrefixRecord.from_json(json.loads(path.read_bytes())).record == record
