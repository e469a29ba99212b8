"""conda-meta/history: every variant that tools of the family have written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import CHANNEL, apply, executor, extract, python_package

from minicon.models.records import RepodataRecord
from minicon.prefix.environment.history import (
    change_lines,
    dist_text,
    format_block,
    parse_history,
    requested_specs,
    spec_name,
    states,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "prefix"

CONDA = """\
==> 2026-11-22 06:30:20 <==
# cmd: /opt/conda/bin/conda create -y -n s1 pure 'python>=3'
# conda version: 26.7.1
+conda-forge/linux-64::python-3.11.7-h1_0_cpython
+conda-forge/noarch::pure-1.0-pyhd_0
# update specs: ['pure', 'python[version=">=3,<4"]']
==> 2026-11-22 06:31:00 <==
# cmd: conda install pure=2
# conda version: 26.7.1
-conda-forge/noarch::pure-1.0-pyhd_0
+conda-forge/noarch::pure-2.0-pyhd_0
# update specs: ['pure=2']
# neutered specs: ['python']
==> 2026-11-22 06:32:00 <==
# cmd: conda remove pure
-conda-forge/noarch::pure-2.0-pyhd_0
# remove specs: ['pure']
"""


def test_conda_as_of_today() -> None:
    revisions = parse_history(CONDA)
    assert [r.number for r in revisions] == [0, 1, 2]
    assert revisions[0].command.endswith("'python>=3'")
    assert revisions[1].removed == ("conda-forge/noarch::pure-1.0-pyhd_0",)
    assert requested_specs(revisions[:1]) == {"pure": "pure", "python": 'python[version=">=3,<4"]'}
    assert requested_specs(revisions[:2]) == {"pure": "pure=2", "python": "python"}
    assert requested_specs(revisions) == {"python": "python"}
    assert requested_specs(revisions, {"other"}) == {}


def test_mamba_quotes_and_old_commas() -> None:
    text = (
        "stray line\n"
        '==> 2020-01-01 00:00:00 <==\n# cmd: mamba\n# update specs: ["numpy>=1,<2", "x@"]\n'
        "==> 2017-01-01 00:00:00 <==\n# install specs: python >=3,<4,scipy,pandas 0.2*\n"
        "==> 2017-01-02 00:00:00 <==\nfirst-1.0-0\nsecond-2.0-0\n"
        "==> 2017-01-03 00:00:00 <==\n# uninstall specs: scipy\n"
        "==> 2017-01-04 00:00:00 <==\n# update specs: [unreadable\n# bogus specs: ['zzz']\n"
    )
    revisions = parse_history(text)
    assert requested_specs(revisions) == {
        "numpy": "numpy>=1,<2",
        "python": "python >=3,<4",
        "pandas": "pandas 0.2*",
    }


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"),
        ("Numpy >=1.2", "numpy"),
        ("conda-forge::numpy=1.2", "numpy"),
        ("conda-forge/linux-64::numpy=1.2=py_0", "numpy"),
        ("https://host.test/chan::numpy[build=x]", "numpy"),
        ("https://host.test/chan/noarch/pure-lib-1.0-pyhd_0.conda", "pure-lib"),
        ("typing_extensions>=4", "typing_extensions"),
        ("pypi:Typing_Extensions>=4", "typing-extensions"),
        ("pypi:a.b @ file:///wheels/a_b-1.0-py3-none-any.whl", "a-b"),
        ("pypi:/wheels/A_b-1.0-py3-none-any.whl", "a-b"),
        ("", None),
    ],
)
def test_names_of_specs(spec: str, name: str | None) -> None:
    assert spec_name(spec) == name


def test_no_credentials() -> None:
    record = RepodataRecord(
        {"name": "x", "version": "1", "build": "0"},
        channel="https://me:secret@host.test/chan",
        subdir="noarch",
        fn="x-1-0.conda",
        url="",
    )
    assert dist_text(record) == "https://host.test/chan/noarch::x-1-0"


def test_written_as_conda_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    env = tmp_path / "envs" / "data"
    one, two = (extract(PackageBuilder("tool").version(v).file("x", v), tmp_path) for v in "12")
    other = extract(PackageBuilder("other").noarch().file("y", "y"), tmp_path)
    apply(env, one, update_specs=["tool=1"])
    apply(env, two, other, update_specs=["other", "tool"])
    apply(env, other, remove_specs=["tool"])
    text = (env / "conda-meta/history").read_text()
    assert text == (FIXTURES / "history.txt").read_text()
    assert requested_specs(parse_history(text)) == {"other": "other"}


def test_a_block_reads_back() -> None:
    text = format_block(
        command="minicon   install\n 'it''s'",
        version="1",
        lines=["+c::a-1-0", "+c::b-1-0"],
        specs={"update": ["it's", 'a[version=">1"]'], "remove": []},
        now=0.0,
    )
    (revision,) = parse_history(text)
    assert revision.command == "minicon install 'it''s'"
    assert revision.added == ("c::a-1-0", "c::b-1-0")
    assert revision.updates == ("it's", 'a[version=">1"]')
    assert revision.removals == ()


def state_of_conda(text: str) -> set[str]:
    """What conda reads: a block is a set of lines, applied in any order."""
    state: set[str] = set()
    for block in text.split("==> ")[1:]:
        lines = {line for line in block.splitlines()[1:] if not line.startswith("#")}
        signs = {line[0] for line in lines}
        if not signs & {"+", "-"}:
            state = lines
            continue
        added = {line[1:] for line in lines if line[0] == "+"}
        removed = {line[1:] for line in lines if line[0] == "-"}
        assert not added & removed, "conda would apply these in the order of its hash seed"
        state = (state - removed) | added
    return state


def test_packages_that_are_linked_again_are_neither_added_nor_removed(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    pure = extract(PackageBuilder("pure").noarch("python").file("site-packages/p.py"), tmp_path)
    other = extract(PackageBuilder("other").noarch("python").file("site-packages/o.py"), tmp_path)
    apply(env, extract(python_package("3.11.7"), tmp_path), pure, other)
    newer = extract(python_package("3.12.1"), tmp_path)
    apply(env, newer, pure, other)
    _, moved = parse_history((env / "conda-meta/history").read_text())
    assert moved.added == (f"{CHANNEL}/linux-64::python-3.12.1-0",)
    assert moved.removed == (f"{CHANNEL}/linux-64::python-3.11.7-0",)
    state = {
        f"{CHANNEL}/linux-64::python-3.12.1-0",
        f"{CHANNEL}/noarch::pure-1.0-0",
        f"{CHANNEL}/noarch::other-1.0-0",
    }
    apply(env, newer, pure, other, reinstall=["pure", "python"])
    text = (env / "conda-meta/history").read_text()
    assert state_of_conda(text) == state
    revisions = parse_history(text)
    assert set([*states(revisions)][2]) == state
    assert (revisions[2].added, revisions[2].removed) == ((), ())
    apply(env, newer, other)
    assert state_of_conda((env / "conda-meta/history").read_text()) == {
        text for text in state if "pure" not in text
    }


def test_lines_follow_what_conda_wrote_before(tmp_path: Path) -> None:
    names = {CHANNEL: "main"}.get
    one, two = (extract(PackageBuilder("tool").version(v).file("x", v), tmp_path) for v in "12")
    kept = extract(PackageBuilder("kept").noarch().file("k", "k"), tmp_path)
    conda = "==> 1 <==\n+main/linux-64::tool-1-0\n+main/noarch::kept-1.0-0\n"
    old_url = conda.replace("main/linux", f"{CHANNEL}/linux")
    after = [two.record, kept.record]

    def lines(text: str, packages: list[RepodataRecord]) -> list[str]:
        return change_lines(parse_history(text), packages, lambda url: names(url) or url)

    expected = ["-main/linux-64::tool-1-0", "+main/linux-64::tool-2-0"]
    assert lines(conda, after) == expected
    assert lines(old_url, after) == [f"-{CHANNEL}/linux-64::tool-1-0", expected[1]]
    # Nothing differs: without lines, conda would read an empty environment.
    assert lines(conda, [one.record, kept.record]) == sorted(
        line[1:] for line in conda.splitlines()[1:]
    )
    assert lines("", []) == []
    # To conda, its own block without packages emptied the environment.
    emptied = f"{conda}==> 2 <==\n# cmd: conda install --force-reinstall kept\n"
    assert lines(emptied, after) == ["+main/linux-64::tool-2-0", "+main/noarch::kept-1.0-0"]
    # Packages that another tool linked without writing history are added.
    assert lines("", [one.record]) == ["+main/linux-64::tool-1-0"]


def test_what_another_tool_wrote_is_kept(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    (env / "conda-meta").mkdir(parents=True)
    (env / "conda-meta/history").write_text(CONDA)
    apply(env, extract(PackageBuilder("tool").file("x", "1"), tmp_path), executor=executor())
    assert (env / "conda-meta/history").read_text().startswith(CONDA)


def test_specs_that_pypi_answered_go_by_the_project() -> None:
    revisions = parse_history(
        "==> 2026-01-01 00:00:00 <==\n# cmd: minicon create\n"
        "# update specs: ['typing_extensions >=4', 'pytorch', 'left']\n"
    )
    installed = {"python", "typing-extensions", "torch"}
    assert requested_specs(revisions, installed) == {
        "typing-extensions": "typing_extensions >=4",
        "torch": "pytorch",
    }
