"""``compare`` (conda's sentences and exit codes), ``diff`` and ``notices``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer, Status
from tests.support.channels import ChannelBuilder
from tests.support.commands import QuickWorkspace
from tests.support.explained_world import install_by_hand

SUCCESS = (
    "Success. All the packages in the specification file are present in the environment "
    "with matching version and build string."
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "environment.yml"


def test_an_environment_that_satisfies_its_file(standing: QuickWorkspace, file: Path) -> None:
    file.write_text("name: e\ndependencies: [app=1, lib=1.0=0, base]\n")
    assert standing.run("compare", str(file)).ok().out == f"{SUCCESS}\n"
    assert standing.run("compare", "-n", "e", str(file), "--json").ok().json == [SUCCESS]


def test_differences_are_in_conda_s_words(standing: QuickWorkspace, file: Path) -> None:
    file.write_text("dependencies:\n  - app=2\n  - nowhere\n  - pip:\n    - stranger==1.0\n")
    compared = standing.run("compare", "-n", "e", str(file))
    assert compared.code == 1
    assert compared.out.splitlines() == [
        "app found but mismatch. Specification pkg: app=2, Running pkg: app==1.0=0",
        "nowhere not found",
        "stranger not found",
    ]


def test_an_environment_satisfies_its_export(standing: QuickWorkspace, file: Path) -> None:
    for arguments in ((), ("--no-builds",), ("--format", "explicit")):
        file.write_text(standing.run("export", "-n", "e", *arguments).ok().out)
        standing.run("compare", "-n", "e", str(file)).ok()


def test_pip_s_packages_are_compared_by_pip_s_rules(in_world: QuickWorkspace, file: Path) -> None:
    in_world.run("create", "-y", "-n", "e", "pure").ok()
    install_by_hand(in_world.environment("e"), "Some_Visitor", "1.4.2")
    file.write_text("dependencies:\n  - pip:\n    - some.visitor>=1.4,<2\n")
    in_world.run("compare", "-n", "e", str(file)).ok()
    file.write_text("dependencies:\n  - pip:\n    - some-visitor<1.4\n")
    assert in_world.run("compare", "-n", "e", str(file)).code == 1


def test_a_missing_file_is_an_error(standing: QuickWorkspace) -> None:
    failed = standing.run("compare", "-n", "e", "missing.yml")
    assert failed.code == 1
    assert "missing.yml" in failed.err


def test_diff_between_revisions(in_world: QuickWorkspace) -> None:
    in_world.run("create", "-y", "-n", "e", "app=1", "machine").ok()
    in_world.run("install", "-y", "-n", "e", "app=2", "pure").ok()
    in_world.run("remove", "-y", "-n", "e", "machine").ok()
    assert in_world.run("diff", "1", "-n", "e").ok().out.splitlines() == [
        "revision 1 → 3",
        "",
        "installed:",
        "  +  pure    1.0     0",
        "  +  python  3.11.9  0",
        "",
        "updated:",
        "  ↑  app  1.0 → 2.0  0",
        "",
        "removed:",
        "  -  machine  1.0  0",
    ]
    document = in_world.run("diff", "1", "2", "-n", "e", "--json").ok().json
    assert document["changed"] == [{"name": "app", "from": "1.0 0", "to": "2.0 0"}]
    assert "all packages are the same" in in_world.run("diff", "2", "2", "-n", "e").ok().out
    failed = in_world.run("diff", "1", "9", "-n", "e")
    assert failed.code == 1
    assert "revision 9" in failed.err


NOTICES = {
    "notices": [
        {"id": "1", "message": "old news", "level": "info", "expired_at": "2001-01-01T00:00:00"},
        {
            "id": "2",
            "message": "moving house",
            "level": "info",
            "created_at": "2026-01-02T03:04:05Z",
        },
        {"id": "3", "message": "\x1b[2Jstop now", "level": "critical", "expires_at": "2999-01-01"},
        {"id": "4", "message": "odd", "level": "shouting"},
        {"id": "5", "level": "info"},
        "nonsense",
    ]
}


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    ChannelBuilder(folder).add_all("x-1.0-0").write()
    (folder / "notices.json").write_text(json.dumps(NOTICES))
    return folder


def test_notices_are_sorted_by_level_and_requested_once(
    in_world: QuickWorkspace, served: Path
) -> None:
    with ChannelServer(served) as server:
        source = ("-c", server.url, "--override-channels")
        said = in_world.run_apart("notices", *source).ok().out
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        assert lines == [
            f'Channel "{server.url}" has the following notices:',
            "[critical] --",
            "\\x1b[2Jstop now",
            "[info] -- Fri Jan  2 03:04:05 2026",
            "moving house",
            "[info] --",
            "odd",
        ]
        document = in_world.run_apart("notices", *source, "--json").ok().json
        assert [notice["id"] for notice in document["notices"]] == ["3", "2", "4"]
        assert server.count("/notices.json") == 1
        in_world.run_apart("notices", *source, "--offline").ok()
        assert server.count("/notices.json") == 1


@pytest.mark.parametrize("trouble", ["absent", "refused", "garbage", "list"])
def test_errors_of_notices_are_ignored(
    in_world: QuickWorkspace, served: Path, trouble: str
) -> None:
    file = served / "notices.json"
    if trouble == "absent":
        file.unlink()
    elif trouble in ("garbage", "list"):
        file.write_text("[1, 2]" if trouble == "list" else '{"notices": [')
    with ChannelServer(served) as server:
        if trouble == "refused":
            server.fault("/notices.json", Status(403))
        answer = in_world.run_apart(
            "notices", "-c", server.url, "--override-channels", "--json"
        ).ok()
    assert answer.json == {"notices": []}
