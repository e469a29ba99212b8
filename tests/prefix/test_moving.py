"""Renaming and cloning: the result equals a newly linked environment."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.support.faults import counting, every_kill, failing_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import MINOR, Extracted, apply, extract, python_package, snapshot

from minicon.api.plan.solutions.exact_solutions import clone_solution
from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError, PrefixError, PrefixLocked
from minicon.fs.hashing import sha256_of_file
from minicon.lean_dataclasses import replace
from minicon.models import package_files
from minicon.models.package_files import PathsEntry
from minicon.models.prefix_record import PrefixRecord
from minicon.prefix import moving
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.change import locked
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.link.path_replacement import Relocation, relocate_again, replace_path
from minicon.prefix.link.relocate import relocate
from minicon.prefix.moving import MoveOptions, clone_environment, move_environment
from minicon.prefix.repair import verify_prefix
from minicon.prefix.rollback import undo

SITE = f"lib/python{MINOR}/site-packages/"
LONG = "/opt/" + "placeholder_" * 20


@pytest.fixture
def packages(fast_path: Path) -> list[Extracted]:
    cache = fast_path / "pkgs"
    binary = b"\x7fELF" + f"{LONG}/lib:{LONG}/share".encode() + b"\0tail\0" + LONG.encode() + b"\0"
    tool = (
        PackageBuilder("tool")
        .file("bin/tool", f"#!{PREFIX_PLACEHOLDER}/bin/sh\necho {PREFIX_PLACEHOLDER}\n",
              prefix=PREFIX_PLACEHOLDER)
        .file("lib/tool.so", binary, prefix=LONG, mode="binary")
        .file("share/data", b"data" * 100)
        .link("lib/tool.so.1", "tool.so")
    )  # fmt: skip
    pure = (
        PackageBuilder("pure")
        .noarch("python")
        .file("site-packages/pure/__init__.py", b"def main(): print('pure')\n")
        .entry_point("pure = pure:main")
    )
    return [extract(builder, cache) for builder in (python_package(), tool, pure)]


def no_finish(stage: Path, final: Path) -> None:
    """Nothing depends on the whole tree here."""


OPTIONS = MoveOptions(command="", version="0", now=1.0, finish=no_finish, durable=False)


def move(old: Path, new: Path) -> None:
    move_environment(old, new, replace(OPTIONS, command="minicon rename"))


def clone(old: Path, new: Path) -> None:
    clone_environment(old, new, replace(OPTIONS, command="minicon clone"))


def contents(path: Path) -> dict[str, tuple[str, int, str]]:
    """Files without times and history, and the records' own content."""
    found = snapshot(path, metadata=False)
    return {name: value for name, value in found.items() if not name.endswith(".pyc")}


def records(path: Path) -> dict[str, list[dict[str, object]]]:
    return {
        record.name: json.loads((path / "conda-meta" / record.file_name).read_bytes())["paths_data"]
        for record in Prefix(path).records()
    }


@pytest.mark.parametrize("name", ["b", "a-much-longer-name-than-before", "with space"])
def test_a_moved_environment_equals_a_newly_linked_one(
    fast_path: Path, packages: list[Extracted], name: str
) -> None:
    old, new = fast_path / "x" / "old", fast_path / "y" / name
    apply(old, *packages)
    move(old, new)
    assert not old.exists()
    moved, moved_records = contents(new), records(new)
    shutil.rmtree(new)
    apply(new, *packages)
    assert moved == contents(new)
    assert moved_records == records(new)


def test_hashes_of_rewritten_files_are_recorded(fast_path: Path, packages: list[Extracted]) -> None:
    apply(fast_path / "a", *packages)
    move(fast_path / "a", fast_path / "b")
    for record in Prefix(fast_path / "b").records():
        for entry in record.paths:
            if entry.sha256_in_prefix:
                assert sha256_of_file(fast_path / "b" / entry.path) == entry.sha256_in_prefix


def as_recorded_by_conda(env: Path) -> None:
    """Give entries the paths that files have in their package, as conda records them."""
    for path in (env / "conda-meta").glob("script-*.json"):
        data = json.loads(path.read_text())
        for entry in data["paths_data"]["paths"]:
            for own, moved in (("bin/", "python-scripts/"), (SITE, "site-packages/")):
                if entry["_path"].startswith(own):
                    entry["_path"] = moved + entry["_path"].removeprefix(own)
        path.write_text(json.dumps(data))


def test_records_of_conda_have_the_hashes_of_moved_scripts(fast_path: Path) -> None:
    script = (
        PackageBuilder("script")
        .noarch("python")
        .file("site-packages/s.py", b"x = 1\n")
        .file(
            "python-scripts/script",
            f"#!{PREFIX_PLACEHOLDER}/bin/python\n",
            prefix=PREFIX_PLACEHOLDER,
        )
    )
    cache = fast_path / "pkgs"
    linked = [extract(python_package(), cache), extract(script, cache)]
    for change in (move, clone):
        apply(fast_path / "a", *linked)
        as_recorded_by_conda(fast_path / "a")
        change(fast_path / "a", fast_path / "b")
        (record,) = (fast_path / "b" / "conda-meta").glob("script-*.json")
        entries = {e["_path"]: e for e in json.loads(record.read_text())["paths_data"]["paths"]}
        assert entries["python-scripts/script"]["sha256_in_prefix"] == sha256_of_file(
            fast_path / "b" / "bin/script"
        )
        assert verify_prefix(Prefix(fast_path / "b")) == ()
        shutil.rmtree(fast_path / "b")


def test_changed_scripts_of_conda_are_kept_when_they_are_removed(fast_path: Path) -> None:
    script = PackageBuilder("script").noarch("python").file("python-scripts/script", b"#!/bin/sh\n")
    env, cache = fast_path / "a", fast_path / "pkgs"
    python = extract(python_package(), cache)
    apply(env, python, extract(script, cache))
    as_recorded_by_conda(env)
    (env / "bin/script").unlink()
    (env / "bin/script").write_text("mine\n")
    apply(env, python)
    assert (env / "bin/script.minicon-saved").read_text() == "mine\n"


def test_user_files_pins_and_variables_move_along(
    fast_path: Path, packages: list[Extracted]
) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    (old / "conda-meta" / "pinned").write_text("tool 1.*\n")
    (old / "notes.txt").write_text(f"my notes on {old}\n")
    (old / "bin" / "mine").write_text(f"#!{old}/bin/python\nprint('{old}b')\n")
    (old / "here").symlink_to(old / "share")
    move(old, new)
    assert Prefix(new).pinned_specs() == ("tool 1.*",)
    assert (new / "notes.txt").read_text() == f"my notes on {old}\n"
    assert (new / "bin" / "mine").read_text() == f"#!{new}/bin/python\nprint('{old}b')\n"
    assert os.readlink(new / "here") == str(new / "share")


def test_undo_works_after_a_move(fast_path: Path, packages: list[Extracted]) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    apply(old, packages[0])
    move(old, new)
    assert {r.name for r in Prefix(new).records()} == {"python"}
    undo(new, durable=False)
    assert {r.name for r in Prefix(new).records()} == {"python", "pure", "tool"}
    assert str(new) in (new / "bin" / "tool").read_text()
    assert not GenerationStore(old).folder.exists()


def generations(path: Path) -> dict[int, dict[str, tuple[str, int, str]]]:
    """The environment, if there is one, and its kept generations, once they are recovered."""
    recover(path)
    found = {each.number: contents(each.path) for each in GenerationStore(path).generations()}
    return found if Prefix(path).is_environment else {}


@pytest.mark.parametrize("can_be_renamed", [True, False])
def test_killed_at_any_step_either_environment_is_complete(
    fast_path: Path,
    packages: list[Extracted],
    monkeypatch: pytest.MonkeyPatch,
    can_be_renamed: bool,
) -> None:
    if not can_be_renamed:
        monkeypatch.setattr(moving, "_is_movable", lambda *_: False)
    pristine = fast_path / "pristine"
    apply(pristine / "a", *packages)
    apply(pristine / "a", packages[0], packages[1])
    work = fast_path / "work"

    def prepare() -> None:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(pristine, work, symlinks=True)

    prepare()
    at_old = generations(work / "a")
    move(work / "a", work / "b")
    at_new = generations(work / "b")
    assert set(at_old) == set(at_new) == {1, 2}
    prepare()
    step = 1 if can_be_renamed else 3
    for _ in every_kill(lambda: move(work / "a", work / "b"), step=step):
        new, old = generations(work / "b"), generations(work / "a")
        assert at_old == old or at_new == new
        if new:
            assert new == at_new
        else:
            move(work / "a", work / "b")
            assert generations(work / "b") == at_new
        prepare()


def test_a_rename_links_and_copies_no_file(fast_path: Path, packages: list[Extracted]) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    with counting() as counter:
        move(old, new)
    done = Counter(name for name, _ in counter.calls)
    assert not done.keys() & {"hard_link", "copy_file", "clone_file"}
    written = {os.path.basename(path) for name, path in counter.calls if name == "create_file"}
    records = {"tool-1.0-0.json", "pure-1.0-0.json", "history", "generation"}
    assert written >= {"tool", "pure", "tool.so", *records}
    assert done["create_file"] < 20


def test_a_clone_links_each_file_of_a_package_once_and_reads_records_once(
    fast_path: Path, packages: list[Extracted], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    reads = []
    original = PrefixRecord.from_bytes
    monkeypatch.setattr(
        PrefixRecord,
        "from_bytes",
        lambda text, **how: reads.append(text) or original(text, **how),
    )
    with counting() as counter:
        clone(old, new)
    linked = [path for name, path in counter.calls if name == "hard_link"]
    files = [path for path in contents(new) if (new / path).is_file()]
    assert len(linked) == len({*linked}) <= len(files)
    assert len(reads) == len(packages)


def test_the_plan_of_a_clone_parses_no_entries_of_files(
    fast_path: Path, packages: list[Extracted], monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(fast_path / "a", *packages)
    parsed: list[bytes] = []
    original = package_files.parse_items
    monkeypatch.setattr(
        package_files, "parse_items", lambda text: original(parsed.append(bytes(text)) or text)
    )
    solution = clone_solution(fast_path / "a")
    assert len(solution.records) == len(packages)
    assert not any(parsed)


def test_an_environment_with_a_record_that_cannot_be_read_is_not_cloned(
    fast_path: Path, packages: list[Extracted]
) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    (record,) = old.glob("conda-meta/tool-*.json")
    record.write_text(record.read_text().replace('"_path"', "_path"))
    with pytest.raises(PrefixError) as error:
        clone(old, new)
    assert error.value.reference == "corrupt-record"
    assert not new.exists()


def test_an_error_after_the_rename_is_repaired_by_the_next_command(
    fast_path: Path, packages: list[Extracted]
) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    with counting() as counter:
        move(old, new)
    expected = contents(new)
    renamed = next(n for n, call in enumerate(counter.calls, 1) if call == ("rename", str(new)))
    move(new, old)
    with failing_at(renamed + 3, OSError(errno.EIO, "I/O error")), pytest.raises(FileError):
        move(old, new)
    assert not old.exists()
    recover(new)
    assert contents(new) == expected


def test_an_environment_that_cannot_be_renamed_is_copied(
    fast_path: Path, packages: list[Extracted]
) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    with counting() as counter:
        move(old, new)
    expected = contents(new)
    renamed = next(n for n, call in enumerate(counter.calls, 1) if call == ("rename", str(new)))
    move(new, old)
    with failing_at(renamed, OSError(errno.EXDEV, "Invalid cross-device link")):
        move(old, new)
    assert not old.exists()
    assert contents(new) == expected
    assert os.listdir(GenerationStore(new).folder) == ["lock"]


def test_a_clone_is_independent(fast_path: Path, packages: list[Extracted]) -> None:
    old, new = fast_path / "a", fast_path / "b"
    apply(old, *packages)
    (old / "notes.txt").write_text("mine\n")
    before = snapshot(old)
    clone(old, new)
    assert snapshot(old) == before
    (new / "notes.txt").write_text("changed\n")
    assert (old / "notes.txt").read_text() == "mine\n"
    assert str(new) in (new / "bin" / "tool").read_text()
    assert str(old) not in (new / "bin" / "pure").read_text()
    assert [g.number for g in GenerationStore(new).generations()] == [1]


def test_refused_paths(fast_path: Path, packages: list[Extracted]) -> None:
    old = fast_path / "a"
    apply(old, *packages)
    (fast_path / "taken").mkdir()
    (fast_path / "taken" / "file").write_text("")
    for path in (fast_path / "taken", old / "inside", old):
        with pytest.raises(PrefixError):
            move(old, path)
    with pytest.raises(PrefixError, match=r"too long|no room"):
        move(old, fast_path / ("n" * 250))
    assert contents(old)
    assert not (fast_path / ("n" * 250)).exists()


def test_an_environment_inside_is_not_broken(fast_path: Path, packages: list[Extracted]) -> None:
    apply(fast_path / "a", *packages)
    apply(fast_path / "a" / "inner", packages[1])
    for change in (move, clone):
        with pytest.raises(PrefixError, match="inner"):
            change(fast_path / "a", fast_path / "b")
    assert contents(fast_path / "a" / "inner")
    assert not (fast_path / "b").exists()


def test_a_pipe_is_no_obstacle(fast_path: Path, packages: list[Extracted]) -> None:
    apply(fast_path / "a", packages[1])
    os.mkfifo(fast_path / "a" / "pipe")
    clone(fast_path / "a", fast_path / "b")
    assert (fast_path / "b" / "pipe").is_fifo()


def test_changed_binary_keeps_its_length_and_its_changes() -> None:
    original = b"AB" + LONG.encode() + b"/lib\0C"
    entry = PathsEntry("lib/x", prefix_placeholder=LONG, file_mode="binary", sha256="0" * 64)
    linked = relocate(original, entry, "/envs/a", "linux-64").replace(b"AB", b"XY")
    moved = relocate_again(linked, entry, relocation("/envs/a", "/envs/other"))
    assert moved == relocate(original, entry, "/envs/other", "linux-64").replace(b"AB", b"XY")


def test_only_the_whole_path_is_replaced() -> None:
    data = b"/envs/a /envs/a/bin /envs/ab '/envs/a' /envs/a.bak"
    assert replace_path(data, relocation("/envs/a", "/x")) == (
        b"/x /x/bin /envs/ab '/x' /envs/a.bak"
    )


def relocation(old: str, new: str) -> Relocation:
    return Relocation(old=old, new=new, subdir="linux-64", share=True)


def test_waits_for_other_processes_until_the_timeout(
    fast_path: Path, packages: list[Extracted]
) -> None:
    old, new = fast_path / "envs" / "old", fast_path / "envs" / "new"
    apply(old, *packages)
    for held in (old, new):
        with locked(GenerationStore(held), 0.0):
            for change in (move_environment, clone_environment):
                with pytest.raises(PrefixLocked, match="is being changed"):
                    change(old, new, replace(OPTIONS, lock_timeout=0.01))
