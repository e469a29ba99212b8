"""``why``, ``why-not``, ``tree`` and ``repoquery``: golden texts, shapes and exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder
from tests.support.commands import QuickWorkspace
from tests.support.golden import assert_golden
from tests.support.wheels import WheelBuilder

Replaced = Callable[[QuickWorkspace], dict[str, str]]

COMMANDS = {
    "why": ("why", "base", "-n", "e"),
    "why-asked-for": ("why", "app", "-n", "e"),
    "why-limited": ("why", "lib", "-n", "e", "--limit", "1"),
    "why-circle": ("why", "ring-b", "-n", "e"),
    "tree": ("tree", "-n", "e"),
    "tree-inverted": ("tree", "-i", "base", "-n", "e"),
    "tree-shallow": ("tree", "app", "-n", "e", "--depth", "1"),
    "why-not-conflict": ("why-not", "lib>=2", "-n", "e"),
    "why-not-newer": ("why-not", "app", "-n", "e"),
    "why-not-there": ("why-not", "base", "-n", "e"),
    "why-not-nowhere": ("why-not", "nowhere", "-n", "e"),
    "repoquery-depends": ("repoquery", "depends", "app"),
    "repoquery-depends-machine": ("repoquery", "depends", "machine"),
    "repoquery-depends-tree": ("repoquery", "depends", "app", "--tree"),
    "repoquery-whoneeds": ("repoquery", "whoneeds", "lib"),
    "repoquery-whoneeds-spec": ("repoquery", "whoneeds", "lib=1"),
    "repoquery-whoneeds-tree": ("repoquery", "whoneeds", "base", "--tree"),
    "repoquery-search": ("repoquery", "search", "a*"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_texts(name: str, standing: QuickWorkspace, replaced: Replaced) -> None:
    said = standing.run(*COMMANDS[name]).ok().out
    assert_golden(f"cli/{name}.txt", said, replaced(standing))


def test_why_as_json_lists_every_edge(standing: QuickWorkspace) -> None:
    document = standing.run("why", "base", "-n", "e", "--json").ok().json
    shortest = document["chains"][0]
    assert shortest["steps"][-1] == {"parent": "lib", "name": "base", "spec": "base"}
    assert {chain["requested"] for chain in document["chains"]} == {"app", "old"}
    assert document["needed_by"] == [{"name": "lib", "spec": "base"}]


def test_an_unknown_package_is_an_error_with_a_suggestion(standing: QuickWorkspace) -> None:
    for command in (("why", "bse"), ("tree", "bse")):
        failed = standing.run(*command, "-n", "e")
        assert failed.code == 1
        assert "did you mean base?" in failed.err
    assert standing.run("repoquery", "depends", "nowhere").code == 1
    assert standing.run("tree", "-i", "-n", "e").code == 2


def test_why_not_as_json_says_whether_it_is_possible(standing: QuickWorkspace) -> None:
    document = standing.run("why-not", "lib>=2", "-n", "e", "--json").ok().json
    assert document["possible"] is False
    assert "old" in " ".join(document["explanation"]["core"])
    fixes = document["explanation"]["fixes"]
    assert fixes
    document = standing.run("why-not", "base", "-n", "e", "--json").ok().json
    assert document["possible"] is True
    assert "LINK" not in document["actions"]


def test_why_not_names_the_earlier_request_that_holds_a_package(standing: QuickWorkspace) -> None:
    standing.run("create", "-n", "f", "lib=1", "-y").ok()
    said = standing.run("why-not", "lib", "-n", "f").ok().out
    assert said.startswith("lib 1.0 is installed, since you requested lib=1; lib==")
    assert "is possible. This would change:" in said
    said = standing.run("why-not", "lib=1", "-n", "f").ok().out
    assert said == "lib 1.0 is installed; it matches lib=1\n"


def test_whoneeds_says_that_nothing_does(standing: QuickWorkspace) -> None:
    assert "nothing needs app" in standing.run("repoquery", "whoneeds", "app", "-n", "e").ok().err


def test_fixes_name_specs_as_they_were_typed(standing: QuickWorkspace) -> None:
    conflict = standing.run("create", "-n", "x", "old", "lib>=2")
    assert 'write "lib<=1.0" instead of lib>=2' in conflict.err
    single = standing.run("create", "-n", "x", "lib=99")
    assert single.err.splitlines()[-1].startswith('hint: write "lib<=')
    assert single.err.endswith("instead of lib=99\n")


@pytest.fixture
def with_wheels(in_world: QuickWorkspace) -> QuickWorkspace:
    """``frame`` 2 needs ``array`` ≥ 2; the newest ``array`` is for another python."""
    links = in_world.folder / "links"
    for version, tag in (("1.0", "py3"), ("2.0", "py3"), ("3.0", "py312")):
        wheel = WheelBuilder("array", version, f"{tag}-none-any")
        wheel.file("array.py", "").build(links)
    for version in ("1.0", "2.0"):
        wheel = WheelBuilder("frame", version).file("frame.py", "")
        wheel.requires(f"array>={version}").build(links)
    in_world.environ.update(
        PIP_CONFIG_FILE="/dev/null", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(links)
    )
    in_world.run("create", "-y", "-n", "e", "python", "pypi:frame").ok()
    return in_world


def test_a_conflict_with_what_is_installed_says_why(with_wheels: QuickWorkspace) -> None:
    """The installed wheel and the releases are two ways to have a project."""
    said = with_wheels.run("install", "-n", "e", "pypi:frame>=2", "pypi:array<2").err
    assert "\n  frame 2.0 needs array>=2.0\n" in said
    assert "each can be installed alone" not in said


def test_why_not_of_a_wheel_names_the_newest_for_any_python(with_wheels: QuickWorkspace) -> None:
    said = with_wheels.run("why-not", "-n", "e", "array", "-c", "pypi").ok().out
    assert said.startswith("array 2.0 is installed; 3.0 is held back:\n")
    assert "array 3.0 has wheels only for python 3.20, 3.19" in said


def test_why_not_changes_nothing(standing: QuickWorkspace) -> None:
    history = standing.environment("e") / "conda-meta" / "history"
    before = history.read_bytes()
    standing.run("why-not", "app=2", "-n", "e").ok()
    assert history.read_bytes() == before


def test_tree_as_json_marks_cycles(standing: QuickWorkspace) -> None:
    (root,) = standing.run("tree", "ring-a", "-n", "e", "--json").ok().json
    (inner,) = root["dependencies"]
    (again,) = inner["dependencies"]
    assert (inner["name"], again["name"], again["mark"]) == ("ring-b", "ring-a", "cycle")


def test_queries_as_json_have_the_format_of_mamba(standing: QuickWorkspace) -> None:
    document = standing.run("repoquery", "whoneeds", "lib", "--json").ok().json
    assert document["query"] == {"query": "lib", "type": "whoneeds"}
    assert document["result"]["status"] == "OK"
    found = {(p["name"], p["version"]) for p in document["result"]["pkgs"]}
    assert found == {("app", "2.0"), ("old", "1.0")}
    every = standing.run("repoquery", "whoneeds", "lib", "--json", "--all-builds").ok().json
    assert len(every["result"]["pkgs"]) == 3


def test_whoneeds_on_a_sharded_channel_reports_a_full_download(
    in_world: QuickWorkspace, tmp_path: Path
) -> None:
    builder = ChannelBuilder(tmp_path / "sharded")
    builder.add("leaf-1.0-0")
    for number in range(120):
        builder.add(f"user{number}-1.0-0", depends=["leaf"])
    builder.write(json_file=False, shards=True)
    with ChannelServer(tmp_path / "sharded") as server:
        arguments = ("leaf", "-c", server.url, "--override-channels", "--platform", "linux-64")
        found = in_world.run_apart("repoquery", "whoneeds", *arguments).ok()
    assert "shards that are not cached have to be fetched" in found.err
    assert all(f"user{number}" in found.out for number in range(120))


def test_sources_are_named_only_where_one_lacks_something(standing: QuickWorkspace) -> None:
    conflict = standing.run("create", "-n", "x", "old", "lib>=2")
    assert "cannot be installed together" in conflict.err
    assert "looked in" not in conflict.err
    assert "context: looked in" in standing.run("create", "-n", "x", "lib=99").err
