"""Revisions of environments that conda made or changed, by conda's numbers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.prefix.environment.history import parse_history
from minicon.prefix.generations.store_entries import GENERATION_FILE


def as_made_by_conda(prefix: Path) -> None:
    """Remove what only minicon writes."""
    history = prefix / "conda-meta/history"
    history.write_text(re.sub(r"# minicon .*\n", "", history.read_text()))
    (prefix / GENERATION_FILE).unlink()


def change_as_conda(prefix: Path, donor: Path, *, link: str = "", unlink: str = "") -> None:
    """Link and unlink packages in place, and write the history as conda does."""
    lines = ""
    for name, sign, tree in ((unlink, "-", prefix), (link, "+", donor)):
        for record in (tree / "conda-meta").glob(f"{name}-*.json") if name else ():
            (text,) = (
                text
                for block in parse_history((tree / "conda-meta/history").read_text())
                for text in block.added
                if text.endswith(f"::{record.stem}")
            )
            lines += f"{sign}{text}\n"
            if sign == "+":
                shutil.copy(record, prefix / "conda-meta")
                shutil.copytree(donor / "share", prefix / "share", dirs_exist_ok=True)
            else:
                record.unlink()
    command = f"conda install {link}" if link else f"conda remove {unlink}"
    with open(prefix / "conda-meta/history", "a") as history:
        history.write(f"==> 2026-01-02 03:04:05 <==\n# cmd: {command}\n# conda version: 26.7.1\n")
        history.write(lines)


def packages(minicon: CommandLine) -> list[str]:
    listed = minicon("list -n a --json").ok().json
    return sorted(f"{each['name']}-{each['version']}" for each in listed)


@pytest.fixture
def shared(minicon: CommandLine, channel: Path) -> Path:
    """Rev 0 by conda: hello 1.0; 1 by minicon: hello 2.0; 2 by conda: lone; 3: no greeting."""
    minicon.set(MINICON_OVERRIDE_CHANNELS="true", CONDA_CHANNELS=str(channel))
    minicon("create -y -q -n donor lone").ok()
    minicon("create -y -q -n a hello=1.0").ok()
    prefix = minicon.environment("a")
    as_made_by_conda(prefix)
    minicon("install -y -q -n a hello=2.0").ok()
    change_as_conda(prefix, minicon.environment("donor"), link="lone")
    change_as_conda(prefix, minicon.environment("donor"), unlink="greeting")
    return prefix


FIRST = ["greeting-1.5", "hello-1.0"]
SECOND = ["greeting-1.5", "hello-2.0"]
THIRD = ["greeting-1.5", "hello-2.0", "lone-0.1"]


def test_numbers_are_those_of_conda(minicon: CommandLine, shared: Path) -> None:
    last = ["hello-2.0", "lone-0.1"]
    assert packages(minicon) == last
    entries = minicon("history -n a --json").ok().json
    assert [entry["conda_revision"] for entry in entries] == [0, 1, 2, 3]
    assert [entry["revision"] for entry in entries] == [0, None, None, 1]
    assert [entry["current"] for entry in entries] == [False, False, False, True]
    assert [entry["packages"] for entry in entries] == [2, 2, 3, 2]
    assert entries[2]["added"] == ["lone-0.1-0"]
    assert entries[3]["removed"] == ["greeting-1.5-0"]
    for number, state in ((1, SECOND), (2, THIRD), (0, FIRST), (3, last), (1, SECOND)):
        minicon(f"install -y -q -n a --revision {number}").ok()
        assert packages(minicon) == state, number
    assert (shared / "share/greeting").exists()
    failed = minicon("install -y -n a --revision 99")
    assert failed.code == 1
    assert "has no revision 99" in failed.err


def test_list_prints_revisions_as_conda(minicon: CommandLine, shared: Path, channel: Path) -> None:
    minicon("install -y -q -n a --force-reinstall lone").ok()
    noarch, linux = (f"{channel.as_uri()}/{subdir}" for subdir in ("noarch", "linux-64"))
    text = minicon("list --revisions -n a").ok().out
    assert [line for line in text.splitlines() if line.startswith("  ")] == [
        f"    +greeting-1.5 ({noarch})",
        f"    +hello-1.0 ({linux})",
        f"     hello  {{1.0 ({linux}) -> 2.0 ({linux})}}",
        f"    +lone-0.1 ({noarch})",
        f"    -greeting-1.5 ({noarch})",
        f"    +greeting-1.5 ({noarch})",  # hello needs it; lone is only linked again
    ]
    assert text.count("(rev ") == 5
    document = minicon("list --revisions -n a --json").ok().json
    assert [each["rev"] for each in document] == [0, 1, 2, 3, 4]
    assert document[1]["upgrade"] == [
        {"old": f"hello-1.0-0-{linux}", "new": f"hello-2.0-0-{linux}"}
    ]
    assert document[3]["remove"] == [f"greeting-1.5-0-{noarch}"]
    assert document[2]["install"] == [f"lone-0.1-0-{noarch}"]


def test_undo_names_what_conda_did_since(minicon: CommandLine, shared: Path) -> None:
    done = minicon("undo -y -n a").ok()
    assert "this also undoes 'conda install lone': +lone-0.1" in done.err
    assert "this also undoes 'conda remove greeting': -greeting-1.5" in done.err
    assert packages(minicon) == FIRST
    assert "also undoes" not in minicon("rollback -y -n a 0").ok().err


def test_an_environment_does_not_inherit_revisions_of_one_that_conda_removed(
    minicon: CommandLine, shared: Path
) -> None:
    store = shared.parent / ".minicon-generations" / "a"
    assert (store / "0").is_dir()
    shutil.rmtree(shared)
    shutil.copytree(minicon.environment("donor"), shared)  # a backup, with another mark
    assert [each["revision"] for each in minicon("history -n a --json").ok().json] == [1]
    assert minicon("rollback -y -n a 0").code == 1
    shutil.rmtree(shared)
    shutil.copytree(minicon.environment("donor"), shared)
    as_made_by_conda(shared)
    assert [each["revision"] for each in minicon("history -n a --json").ok().json] == [0]
    minicon("install -y -q -n a hello=1.0").ok()
    assert packages(minicon) == ["greeting-1.5", "hello-1.0", "lone-0.1"]
    minicon("undo -y -n a").ok()
    assert packages(minicon) == ["lone-0.1"]
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == ["1"]


def test_renamed_and_cloned_environments_keep_the_numbers(
    minicon: CommandLine, shared: Path
) -> None:
    minicon("rename -n a b").ok()
    minicon("create -y -q -n a --clone b").ok()
    for name, kept in (("b", [0, None, None, None, 1]), ("a", [None] * 4 + [1, 1])):
        entries = minicon(f"history -n {name} --json").ok().json
        assert [entry["revision"] for entry in entries] == kept
        assert entries[-1]["current"]
        assert (entries[-1]["added"], entries[-1]["removed"]) == ([], [])
        assert "also undoes" not in minicon(f"rollback -y -n {name} 1").ok().err
    assert packages(minicon) == ["hello-2.0", "lone-0.1"]


def rows(minicon: CommandLine, *, words: int) -> list[list[str]]:
    """The first words of each row of ``history``, without date and time."""
    lines = minicon("history -n a").ok().out.splitlines()
    return [re.sub(r"\S+ \d\d:\d\d:\d\d", "", line).split()[:words] for line in lines[1:]]


def test_history_has_one_number_a_revision(minicon: CommandLine, channel: Path) -> None:
    minicon.set(MINICON_OVERRIDE_CHANNELS="true", CONDA_CHANNELS=str(channel))
    minicon("create -y -q -n a hello=1.0").ok()
    minicon("install -y -q -n a lone").ok()
    minicon("undo -y -q -n a").ok()
    assert rows(minicon, words=3) == [["1", "2", "+2"], ["2", "3", "+1"], ["→", "1", "*"]]
    assert minicon("history -n a").err == ""
    minicon("install -y -q -n a hello=2.0").ok()
    assert [row[0] for row in rows(minicon, words=1)] == ["1", "2", "→", "3"]
    for number, state in ((2, [*FIRST, "lone-0.1"]), (1, FIRST), (3, SECOND)):
        minicon(f"rollback -y -q -n a {number}").ok()
        assert packages(minicon) == state
    minicon("gc -y --keep 1").ok()
    done = minicon("history -n a").ok()
    assert sum(line.split()[0] == "-" for line in done.out.splitlines()) > 1
    assert "- is not kept any more: 'minicon install --revision R'" in done.err
    assert "Conda" not in done.out
    assert minicon("history -n a -v").ok().out.splitlines()[0].split()[:3] == ["#", "N", "Conda"]


def test_diff_shows_the_last_change(minicon: CommandLine, shared: Path) -> None:
    shown = minicon("diff -n a").ok().out
    assert shown.startswith("last change, to revision 1: conda remove greeting\n\nremoved:\n")
    minicon("undo -y -q -n a").ok()
    document = minicon("diff -n a --json").ok().json
    assert (document["from"], document["to"]) == (1, 0)
    assert document["removed"] == ["hello-2.0-0", "lone-0.1-0"]
    assert [each["name"] for each in document["changed"]] == ["hello"]
    assert minicon("diff 1 -n a").ok().out.startswith("revision 1 → 0\n")
    (shared / "conda-meta" / "history").write_text("")
    assert "has no history" in minicon("diff -n a").err


@pytest.mark.parametrize("setting", ["MINICON_DOWNLOAD_ONLY", "MINICON_DRY_RUN"])
def test_commands_that_download_nothing_change_nothing_then(
    minicon: CommandLine, channel: Path, setting: str
) -> None:
    minicon.set(MINICON_OVERRIDE_CHANNELS="true", CONDA_CHANNELS=str(channel))
    minicon("create -y -q -n a hello=1.0").ok()
    minicon("install -y -q -n a lone").ok()
    minicon.set(**{setting: "true"})
    before = packages(minicon)
    assert "Would go to revision 1." in minicon("undo -y -n a").ok().out
    assert "would move" in minicon("rename a b").ok().out
    assert "would remove" in minicon("env remove -y -n a").ok().out
    assert packages(minicon) == before
