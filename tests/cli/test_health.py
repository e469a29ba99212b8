"""``verify``, ``doctor`` and ``status`` on environments that were damaged in real ways."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.explained_world import (
    explained_channel,
    explained_workspace,
    install_by_hand,
)
from tests.support.prefixes import snapshot


@pytest.fixture
def damaged(alone: QuickWorkspace) -> QuickWorkspace:
    """``e`` with app, lib, pure and python; nothing is damaged yet."""
    alone.run("create", "-y", "-n", "e", "app", "pure").ok()
    return alone


def kinds(workspace: QuickWorkspace, *arguments: str) -> list[tuple[str, str]]:
    findings = workspace.run("doctor", "-n", "e", "--json", *arguments).json["findings"]
    return [(f["kind"], f["package"]) for f in findings if f["is_problem"]]


def test_an_undamaged_environment_has_no_problems(damaged: QuickWorkspace) -> None:
    said = damaged.run("verify", "-n", "e").ok().out
    assert said == f"{damaged.environment('e')}: no problems found\n"
    assert "no problems found" in damaged.run("doctor", "-n", "e").ok().out
    assert "no differences found" in damaged.run("status", "-n", "e", "--exit-code").ok().out
    assert damaged.run("verify", "-n", "e", "--json").ok().json["problems"] == []


def test_damage_is_found_and_fixed_and_can_be_undone(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    (prefix / "bin/app").unlink()
    library = prefix / "lib/lib.txt"
    library.write_text("TWO\n")  # in place: the cached copy is the same file
    found = damaged.run("verify", "-n", "e", "--json")
    assert found.code == 1
    problems = [(p["package"], p["kind"]) for p in found.json["problems"]]
    assert problems == [("app", "missing"), ("lib", "changed")]
    assert damaged.run("doctor", "-n", "e").code == 1

    done = damaged.run("doctor", "-n", "e", "--fix", "--json").ok().json["done"]
    assert done == ["linked lib-2.0-0 again", "linked app-2.0-0 again"]
    assert library.read_text() == "two\n"
    assert os.access(prefix / "bin/app", os.X_OK)
    damaged.run("verify", "-n", "e").ok()
    assert (prefix / "lib/lib.txt.minicon-saved").read_text() == "TWO\n"
    damaged.run("create", "-y", "-n", "second", "lib").ok()
    assert (damaged.environment("second") / "lib/lib.txt").read_text() == "two\n"
    damaged.run("undo", "-y", "-n", "e").ok()


@pytest.mark.parametrize("command", ["doctor --fix", "install -y old"])
def test_a_package_with_two_records(damaged: QuickWorkspace, command: str) -> None:
    prefix = damaged.environment("e")
    meta = prefix / "conda-meta"
    record = next(meta.glob("lib-2.0-*.json"))
    older = json.loads(record.read_text()) | {"version": "0.5", "files": ["lib/lib.txt", "lib/old"]}
    path = meta / record.name.replace("2.0", "0.5")
    path.write_text(json.dumps(older))
    (prefix / "lib/old").touch()
    os.utime(path, (1, 1))
    assert ("duplicate-record", "lib") in kinds(damaged)
    listed = damaged.run("list", "-n", "e", "--json").ok().json
    assert [each["version"] for each in listed if each["name"] == "lib"] == ["2.0"]
    damaged.run(*command.split(), "-n", "e").ok()
    assert len(list(meta.glob("lib-*.json"))) == 1
    assert not (prefix / "lib/old").exists()
    assert (prefix / "lib/lib.txt").exists()
    damaged.run("verify", "-n", "e").ok()


def test_projects_that_the_user_installed_with_pip(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")

    def requested() -> str:
        return damaged.run("export", "-n", "e", "--from-history").ok().out

    for name in ("visitor", "pure"):
        folder = install_by_hand(prefix, name, "9.0")
        (folder / "REQUESTED").touch()
        with (folder / "RECORD").open("a") as record:
            record.write(f"{folder.name}/REQUESTED,,\n")
    damaged.run("install", "-y", "-n", "e", "base").ok()
    assert "- visitor==9.0\n" in requested()
    plan = damaged.run("install", "-y", "-n", "e", "visitor").ok().out
    assert "record what pip installed:\n  +  visitor  9.0" in plan
    assert "visitor" not in damaged.run("status", "-n", "e").ok().out
    assert "- visitor\n" in requested()
    assert "pure 1.0 was replaced by pip with 9.0" in damaged.run("status", "-n", "e").ok().out
    damaged.run("install", "-y", "-n", "e", "pure").ok()
    assert "no differences found" in damaged.run("status", "-n", "e").ok().out
    damaged.run("remove", "-y", "-n", "e", "visitor").ok()
    assert not list(prefix.glob("lib/python*/site-packages/visitor*"))


def test_plans_record_what_pip_installed_and_removal_ends_what_pip_uninstalled(
    damaged: QuickWorkspace,
) -> None:
    prefix, file = damaged.environment("e"), damaged.folder / "plan.json"
    folder = install_by_hand(prefix, "visit_or", "9.0")
    file.write_text(damaged.run("plan", "install", "-n", "e", "visit_or").ok().out)
    assert "record what pip installed" in damaged.run("apply", str(file)).ok().out
    assert "- visit-or\n" in damaged.run("export", "-n", "e", "--from-history").ok().out
    shutil.rmtree(folder)
    ended = damaged.run("remove", "-y", "-n", "e", "visit_or").ok().err
    assert "visit-or 9.0 was uninstalled by pip: it is no longer requested" in ended
    assert "no differences found" in damaged.run("status", "-n", "e").ok().out
    assert damaged.run("remove", "-y", "-n", "e", "visit_or").code == 1


def test_damage_of_the_same_size_is_found_only_by_reading(damaged: QuickWorkspace) -> None:
    library = damaged.environment("e") / "lib/lib.txt"
    before = library.stat()
    library.write_text("TWO\n")
    os.utime(library, ns=(before.st_atime_ns, before.st_mtime_ns))
    damaged.run("verify", "-n", "e", "--quick").ok()
    assert damaged.run("verify", "-n", "e").code == 1


def test_a_truncated_record_is_found_and_rewritten(damaged: QuickWorkspace) -> None:
    record = damaged.environment("e") / "conda-meta" / "lib-2.0-0.json"
    whole = json.loads(record.read_text())
    record.unlink()
    record.write_text('{"name": "lib", "ver')
    assert ("corrupt-record", "") in kinds(damaged)
    assert damaged.run("list", "-n", "e").code == 1
    damaged.run("doctor", "-n", "e", "--fix").ok()
    mended = json.loads(record.read_text())
    assert (mended["files"], mended["sha256"]) == (whole["files"], whole["sha256"])
    damaged.run("verify", "-n", "e").ok()


def test_a_record_without_a_package_is_left_to_the_user(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    (prefix / "bin/app").unlink()
    (prefix / "conda-meta/stranger-1.0-0.json").write_text("{")
    tried = damaged.run("doctor", "-n", "e", "--fix")
    assert tried.code == 1
    assert "stranger-1.0-0.json cannot be read and its package is unknown" in tried.out
    (prefix / "conda-meta/stranger-1.0-0.json").unlink()
    damaged.run("doctor", "-n", "e", "--fix").ok()
    assert (prefix / "bin/app").exists()


def test_requested_specs_are_kept_by_a_fix(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    (prefix / "bin/app").unlink()
    damaged.run("doctor", "-n", "e", "--fix").ok()
    record = json.loads((prefix / "conda-meta/app-2.0-0.json").read_text())
    assert record["requested_specs"] == ["app"]
    assert "app (requested)" in damaged.run("why", "app", "-n", "e").ok().out


def test_an_unavailable_package_leaves_the_environment_unchanged(tmp_path: Path) -> None:
    channel = explained_channel(tmp_path / "own")
    workspace = explained_workspace(tmp_path / "work", channel, tmp_path / "pkgs")
    workspace.run("create", "-y", "-n", "e", "app").ok()
    prefix = workspace.environment("e")
    (prefix / "bin/app").unlink()
    for folder in (tmp_path / "pkgs").glob("app-*"):
        shutil.rmtree(folder)
    os.rename(channel, tmp_path / "moved")
    before = snapshot(prefix)
    failed = workspace.run("doctor", "-n", "e", "--fix")
    assert failed.code == 1
    assert "app-2.0-0" in failed.err
    assert snapshot(prefix) == before
    os.rename(tmp_path / "moved", channel)
    workspace.run("doctor", "-n", "e", "--fix").ok()


def test_a_missing_dependency_is_found(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    (prefix / "conda-meta/lib-2.0-0.json").unlink()
    (prefix / "lib/lib.txt").unlink()
    assert kinds(damaged) == [("unmet-dependency", "app")]
    said = damaged.run("doctor", "-n", "e")
    assert f"hint: minicon install -p {prefix} 'lib >=2'" in said.out
    damaged.run("install", "-y", "-n", "e", "lib >=2").ok()
    damaged.run("doctor", "-n", "e").ok()


def test_changes_by_pip_are_reported_and_kept(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    install_by_hand(prefix, "visitor", "0.1", requires=("pure", "stranger>=2"))
    document = damaged.run("doctor", "-n", "e", "--json").json
    changes = [f["text"] for f in document["findings"] if f["kind"] == "pip-change"]
    assert changes == ["visitor 0.1 was installed by pip"]
    assert kinds(damaged) == [("unmet-dependency", "visitor")]
    status = damaged.run("status", "-n", "e", "--json").ok().json
    assert status["pip"]["installed"] == ["visitor-0.1-pypi_0"]
    assert status["drifted"] is True
    assert "it was installed with pip" in damaged.run("why", "visitor", "-n", "e").ok().out


def test_leftovers_and_outdated_lines_are_removed(damaged: QuickWorkspace) -> None:
    work = damaged.root / "pkgs" / ".work" / "half-made"
    work.mkdir(parents=True)
    stage = damaged.root / "envs" / ".minicon-generations" / "e" / "stage-0123456789abcdef"
    stage.mkdir(parents=True)
    listed = damaged.home / ".conda" / "environments.txt"
    listed.write_text(listed.read_text() + "/gone/away\n")
    named = damaged.run("doctor", "-n", "e", "--json").ok().json["findings"]
    assert {f["kind"] for f in named if not f["is_problem"]} >= {"leftover", "stale-registration"}
    everything = damaged.run("doctor", "--all", "--json")
    assert everything.code == 1
    found = {f["kind"] for f in everything.json["findings"] if f["is_problem"]}
    assert found == {"leftover", "stale-registration"}
    damaged.run("doctor", "--all", "--fix").ok()
    assert not work.exists()
    assert not stage.exists()
    assert "/gone/away" not in listed.read_text()
    assert str(damaged.environment("e")) in listed.read_text()


def test_a_vanished_interpreter_is_found(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    record = prefix / "conda-meta" / "python-3.11.9-0.json"
    data = json.loads(record.read_text())
    data["channel"] = "host"  # as if python were an interpreter of this machine
    record.unlink()
    record.write_text(json.dumps(data))
    (prefix / "bin/python3.11").unlink()
    (prefix / "bin/python3.11").symlink_to("/gone/bin/python3.11")
    assert ("vanished-interpreter", "python") in kinds(damaged, "--quick")


def test_status_looks_at_times_and_sizes(damaged: QuickWorkspace) -> None:
    prefix = damaged.environment("e")
    (prefix / "bin/app").unlink()
    library = prefix / "lib/lib.txt"
    later = time.time_ns() + 10**9
    os.utime(library, ns=(later, later))  # touched, and the same: no change
    status = damaged.run("status", "-n", "e", "--json").ok().json
    assert status["missing"] == [{"path": "bin/app", "package": "app"}]
    assert status["changed"] == []
    library.write_text("TWO\n")
    os.utime(library, ns=(later, later))
    status = damaged.run("status", "-n", "e", "--exit-code", "--json")
    assert status.code == 1
    assert status.json["changed"] == [{"path": "lib/lib.txt", "package": "lib"}]


def test_status_against_pins_and_a_file(
    damaged: QuickWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "visitor")
    prefix = damaged.environment("e")
    (prefix / "conda-meta/pinned").write_text("lib <2\n")
    file = tmp_path / "environment.yml"
    file.write_text(
        "name: e\ndependencies:\n  - app <2\n  - base\n  - pip:\n    - ${NAME}==1\n"
        "variables:\n  COLOUR: blue\n"
    )
    said = damaged.run("status", "-n", "e", "-f", str(file)).ok().out
    assert said.splitlines()[1:] == [
        "pins that are not satisfied:",
        "  lib <2: lib 2.0 is installed",
        "in the file, but not installed:",
        "  app <2: app 2.0 is installed",
        "  visitor==1 is not installed",
        "requested, but not in the file:",
        "  pure",
        "variables that differ from the file:",
        "  COLOUR=blue (not set)",
    ]


def test_a_path_that_is_not_an_environment_is_an_error(
    alone: QuickWorkspace, tmp_path: Path
) -> None:
    for command in ("verify", "doctor", "status", "tree"):
        failed = alone.run(command, "-p", str(tmp_path))
        assert failed.code == 1
        assert "error:" in failed.err
