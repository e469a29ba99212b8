"""Kept revisions of an environment: listed, compared, restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.api_world import Notes, make_services
from tests.support.command_line import small_channel

import minicon
from minicon.api.change.revision_list import listed_revisions
from minicon.api.change.revisions import difference, find_revision, roll_back
from minicon.api.services import Services
from minicon.errors import PrefixError


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def services(tmp_path: Path, channel: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    return make_services(tmp_path, Notes(), channels=(str(channel),))


@pytest.fixture
def path(services: Services) -> Path:
    """hello 1.0; then lone; then hello 2.0 and no lone."""
    path = minicon.create("a", ["hello=1.0"], settings=services.settings).prefix
    minicon.install("a", ["lone"], settings=services.settings)
    minicon.update("a", ["hello=2.0"], settings=services.settings)
    return path


def history_entries(path: Path) -> list[dict[str, Any]]:
    return [revision.to_json() for revision in listed_revisions(path)]


def names(path: Path) -> set[str]:
    return {f"{r.name}-{r.record.version}" for r in minicon.Prefix(path).records()}


def test_entries_list_what_each_change_did(path: Path) -> None:
    first, second, third = history_entries(path)
    assert [entry["revision"] for entry in (first, second, third)] == sorted(
        entry["revision"] for entry in (first, second, third)
    )
    assert [entry["current"] for entry in (first, second, third)] == [False, False, True]
    assert [entry["packages"] for entry in (first, second, third)] == [2, 3, 3]
    assert len(first["added"]) == first["packages"]
    assert first["removed"] == []
    assert [name.split("-")[0] for name in second["added"]] == ["lone"]
    assert [name.rsplit("-", 1)[0] for name in third["added"]] == ["hello-2.0"]
    assert [name.rsplit("-", 1)[0] for name in third["removed"]] == ["hello-1.0"]
    assert second["command"] == "minicon install lone"


def test_differences_go_both_ways(path: Path) -> None:
    first, _, third = (entry["revision"] for entry in history_entries(path))
    forth, back = difference(path, first, third), difference(path, third, first)
    assert forth.added == back.removed
    assert forth.removed == back.added
    assert difference(path, first, first).packages == {"added": [], "removed": []}
    with pytest.raises(PrefixError) as caught:
        difference(path, first, 99)
    assert caught.value.reference == "no-such-generation"
    assert str(first) in str(caught.value.hint)


def test_going_back_and_forth(services: Services, path: Path) -> None:
    first, second, third = (entry["revision"] for entry in history_entries(path))
    states = {first: {"hello-1.0", "greeting-1.5"}}
    states[second] = states[first] | {"lone-0.1"}
    states[third] = {"hello-2.0", "greeting-1.5", "lone-0.1"}
    assert names(path) == states[third]
    for step, revision in (
        ("undo", second),
        ("undo", first),
        ("redo", second),
        ("redo", third),
        (first, first),
        (third, third),
    ):
        assert find_revision(path, step) == revision
        roll_back(services, path, revision, command_line=(str(step),))
        assert names(path) == states[revision]
    with pytest.raises(PrefixError) as caught:
        find_revision(path, "redo")
    assert caught.value.reference == "nothing-to-redo"
    roll_back(services, path, second, command_line=("undo",))
    minicon.install("a", ["hello=2.0"], settings=services.settings)
    fourth = history_entries(path)[-1]["revision"]
    assert find_revision(path, "undo") == second
    roll_back(services, path, second, command_line=("undo",))
    assert find_revision(path, "redo") == fourth, "the newest change is made again"
    kept = {entry["revision"] for entry in history_entries(path)}
    assert {first, second, third} <= kept


def test_revisions_that_are_not_kept(services: Services, path: Path) -> None:
    with pytest.raises(PrefixError) as caught:
        find_revision(path, 99)
    assert caught.value.reference == "no-such-generation"
    alone = minicon.create("alone", ["lone"], settings=services.settings).prefix
    with pytest.raises(PrefixError) as caught:
        find_revision(alone, "undo")
    assert caught.value.reference == "nothing-to-undo"
    assert "has no earlier revision" in caught.value.message


def test_the_command_is_kept_without_credentials(services: Services, path: Path) -> None:
    second = history_entries(path)[1]["revision"]
    roll_back(
        services, path, second, command_line=("rollback", "-c", "https://me:s3cret@host.example/x")
    )
    texts = [each.read_text() for each in (path / "conda-meta").glob("history")]
    assert not [text for text in texts if "s3cret" in text]
    assert not [entry for entry in history_entries(path) if "s3cret" in str(entry["command"])]
