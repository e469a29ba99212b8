"""Plans, tables and sizes as text; whole plans are golden files."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minicon.cli.console import Console
from minicon.cli.render.difference import difference_counts, difference_text
from minicon.cli.render.listing import human_size, short_channel, table
from minicon.cli.render.plan import done_text, not_newest_text, plan_text
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.records import RepodataRecord

GOLDEN = Path(__file__).parent.parent.parent / "fixtures" / "golden" / "cli"
LONG_CHANNEL = "https://packages.example.org/a/very/long/path/to/the/department/channel/main"


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("MINICON_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def record(name: str, version: str, build: str = "0", **fields: Any) -> RepodataRecord:
    channel = fields.pop("channel", "conda-forge")
    data = {"name": name, "version": version, "build": build, "build_number": 0, **fields}
    fn = f"{name}-{version}-{build}.conda"
    return RepodataRecord(data, channel=channel, subdir="linux-64", fn=fn, url=f"{channel}/{fn}")


def installed(each: RepodataRecord) -> Any:
    return SimpleNamespace(record=each, name=each.name)


def plan(**changes: Any) -> Any:
    parts = ("link", "unlink", "changes", "reinstalls", "unchanged")
    transaction: dict[str, Any] = {**dict.fromkeys(parts, ()), "requested": {}}
    transaction |= {k: changes.pop(k) for k in list(changes) if k in transaction}
    fetch = changes.get("fetch", ())
    fields = {
        "prefix": Path("/envs/data"),
        "transaction": SimpleNamespace(**transaction),
        "solution": SimpleNamespace(hold_backs=changes.pop("hold_backs", {})),
        "fetch": fetch,
        "downloads": changes.pop("downloads", fetch),
        "by_pip": (),
        "adopted": (),
        "replaces_environment": False,
        "download_size": sum(r.size or 0 for r in fetch),
        "unpacked_size": sum(4.5 * (r.size or 0) for r in fetch),
        "request": SimpleNamespace(
            variables=changes.pop("variables", {}),
            packages=SimpleNamespace(names=changes.pop("names", ())),
            action=changes.pop("action", "install"),
        ),
        **changes,
    }
    return SimpleNamespace(**fields)


def text_of(subject: Any) -> str:
    return plan_text(subject, Console(color=False)) + "\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 1024**2, "5.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (4000 * 1024**3, "4000.0 GiB"),
    ],
)
def test_sizes(size: float | None, text: str) -> None:
    assert human_size(size) == text


def test_tables_line_up() -> None:
    assert table([]) == ""
    assert table([("a", "bb"), ("ccc", "")]) == "a    bb\nccc"
    assert table([("a", "b")], indent=2) == "  a  b"


def test_channels_are_shortened() -> None:
    assert short_channel("conda-forge") == "conda-forge"
    assert short_channel(LONG_CHANNEL) == "main"
    assert short_channel("file:///srv/channel/") == "channel"


def test_a_new_environment() -> None:
    link = (
        record("python", "3.11.9", "h955ad1f_0", size=32_000_000, channel="host"),
        record("numpy", "2.1.0", "py311h1", size=8_500_000),
        record("in-house", "1.0", size=512, channel=LONG_CHANNEL),
        record("rich", "13.7.1", "py3_none_any_0", channel="pypi"),
    )
    check_golden("plan-create.txt", text_of(plan(link=link, fetch=link[1:3])))


def test_a_change_of_everything() -> None:
    changes = (
        (installed(record("numpy", "1.26.4", "py311h0")), record("numpy", "2.1.0", "py311h1")),
        (installed(record("openssl", "3.3.2", "h0")), record("openssl", "3.3.2", "h1")),
        (installed(record("scipy", "1.14.0")), record("scipy", "1.13.1")),
    )
    again = record("zlib", "1.3.1")
    gone = installed(record("left-pad", "1.0"))
    new = record("fresh", "0.1", size=2048)
    subject = plan(
        link=(new, again, *(new for _, new in changes)),
        unlink=(gone, installed(again), *(old for old, _ in changes)),
        changes=changes,
        reinstalls=(again,),
        fetch=(new,),
        by_pip=[
            PipRequirement(text=each) for each in ("./project", "git+https://example.org/tool")
        ],
        hold_backs={
            "scipy": "scipy 1.13.1, not 1.14.0: numba 0.60 needs scipy <1.14",
            "pandas": "pandas 2.1.4, not 2.3.0: pinned to 2.1.*",
        },
    )
    check_golden("plan-change.txt", text_of(subject))


def test_reasons_are_folded_in_a_terminal() -> None:
    subject = plan(hold_backs={f"p{n}": f"p{n} 1, not 2: old needs p{n} 1" for n in range(12)})
    assert "p11" in not_newest_text(subject)
    folded = not_newest_text(subject, fold=True).split("\n")
    assert len(folded) == 10
    assert folded[-1] == "  … and 4 more (-v lists them)"


def test_differences_have_the_signs_of_plans() -> None:
    found = {
        "removed": ["up-1.9-0", "down-2-0", "same-1-h1_0", "gone-1-0", "odd-1-0"],
        "added": ["up-1.10-0", "down-1-0", "same-1-h2_0", "fresh-1-0", "odd-1..2-0"],
    }
    assert difference_counts(found) == "+1 ↑2 ↓1 ~1 -1"
    assert difference_counts({"removed": [], "added": []}) == ""
    check_golden("difference.txt", difference_text(found, Console(color=False), past=True) + "\n")


def test_removals_alone() -> None:
    gone = (installed(record("hello", "1.0")), installed(record("greeting", "1.5")))
    check_golden("plan-remove.txt", text_of(plan(unlink=gone, names=("hello",))))


def test_builds_that_minicon_makes_up_are_not_shown() -> None:
    found = {
        "removed": ["old-1-pypi_0", "same-1-pypi_0"],
        "added": ["python-3.11.7-he37cf01a_host_portable", "same-1-py_0"],
    }
    shown = difference_text(found, Console(color=False))
    assert "pypi_0" not in shown
    assert "host" not in shown


def test_an_environment_without_packages() -> None:
    assert text_of(plan(action="create")).endswith("\n\nno packages: the environment is empty\n")
    assert "no packages" not in text_of(plan(unlink=(installed(record("a", "1")),)))


def test_a_narrow_terminal_shows_no_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    named = record("numpy", "2.1.0", "py311h1", size=10)
    others = [record(f"a-dependency-with-a-long-name-{n}", "1") for n in range(30)]
    subject = plan(link=(named, *others), requested={"numpy": ("numpy",)}, fetch=(named,))
    monkeypatch.setattr("minicon.cli.render.plan.terminal_width", lambda: 60)
    assert "py311h1" not in text_of(subject)
    folded = plan_text(subject, Console(color=False), fold=True)
    assert "  +  numpy  2.1.0  py311h1  conda-forge  10 B\n" in folded
    assert "… and 30 dependencies" in folded
    changed = (installed(record("b", "1", "h0")), record("b", "1", "h1"))
    rebuilt = plan(link=(*others, changed[1]), changes=(changed,), unlink=(changed[0],))
    assert "h0 → h1" in text_of(rebuilt)


def test_totals_that_have_one_source() -> None:
    first, second = record("a", "1", size=10), record("b", "1", size=10)
    assert "2 packages to link, all from the cache\n" in text_of(plan(link=(first, second)))
    assert "1 package to link, from the cache\n" in text_of(plan(link=(first,)))
    copied = text_of(plan(link=(first, second), fetch=(first, second), downloads=()))
    assert "2 packages to link, all from this machine\n" in copied


def test_what_was_done_is_counted_by_kind() -> None:
    changes = (
        (installed(record("a", "2")), record("a", "1")),
        (installed(record("b", "1")), record("b", "2")),
    )
    link = (record("c", "1"), *(new for _, new in changes))
    done = done_text(plan(link=link, unlink=[old for old, _ in changes], changes=changes), 1.25)
    assert done == "Installed 1, updated 1 and downgraded 1 package in 1.2 s."


def test_colours_carry_no_meaning_alone() -> None:
    subject = plan(link=(record("a", "1"),), unlink=(installed(record("b", "1")),))
    coloured = plan_text(subject, Console(color=True))
    assert "\x1b[32minstall\x1b[0m" in coloured
    bare = coloured
    for code in ("0", "31", "32", "33"):
        bare = bare.replace(f"\x1b[{code}m", "")
    assert bare + "\n" == text_of(subject)
    assert "+  a" in bare
    assert "-  b" in bare


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1_000_000, "(976.6 KiB)"),
        (20_000_000, "(19.1 MiB, about 90 MiB on disk)"),
        (800_000_000, "(762.9 MiB, about 3 GiB on disk)"),
    ],
)
def test_downloads_need_more_space_on_disk(size: int, words: str) -> None:
    large = record("large", "1.0", size=size)
    shown = text_of(plan(link=(large,), fetch=(large,)))
    assert f"1 to download {words}" in shown


def test_local_packages_are_not_downloaded() -> None:
    python, wheel = record("python", "3.11.9"), record("mine", "1.0", size=2048)
    shown = text_of(plan(link=(python, wheel), fetch=(python, wheel), downloads=(wheel,)))
    assert "2 packages to link, 1 to download (2.0 KiB), 1 from this machine" in shown


def test_sizes_that_are_not_known_are_not_zero() -> None:
    known, unknown = record("known", "1.0", size=2048), record("unknown", "1.0")
    assert "1 to download (of unknown size)" in text_of(plan(link=(unknown,), fetch=(unknown,)))
    both = (known, unknown)
    assert "2 to download (at least 2.0 KiB)" in text_of(plan(link=both, fetch=both))


def test_variables_are_part_of_a_plan() -> None:
    shown = text_of(plan(variables={"GONE": None, "NEW": "a b"}))
    assert "variables:\n  -  GONE\n  +  NEW   a b" in shown
