"""``list`` in all its forms, and ``history``, ``info``, ``search`` in their plain ones."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine


def test_the_table(data: CommandLine) -> None:
    lines = data("list -n data").ok().out.splitlines()
    assert lines[:2] == [f"# packages in environment at {data.environment('data')}:", "#"]
    assert lines[2].split() == ["#", "Name", "Version", "Build", "Channel"]
    assert [line.split()[:3] for line in lines[3:]] == [
        ["greeting", "1.5", "0"],
        ["hello", "1.0", "0"],
    ]
    backwards = data("list -n data --reverse").ok().out.splitlines()
    assert backwards[3:] == lines[:2:-1]


def test_a_pattern_is_a_regular_expression(data: CommandLine) -> None:
    assert "hello" in data("list -n data ^hel").ok().out
    assert "greeting" not in data("list -n data ^hel").ok().out
    assert len(data("list -n data --json 'l+o$'").ok().json) == 1
    assert len(data("list -n data --json -f hello").ok().json) == 1


def test_no_match_is_1(data: CommandLine) -> None:
    assert data("list -n data zzz").code == 1
    nothing = data("list -n data --json zzz")
    assert (nothing.code, nothing.json["reference"]) == (1, "no-installed-match")
    assert data("list -n data -f hell").code == 1


def test_an_invalid_pattern(data: CommandLine) -> None:
    wrong = data("list -n data '['")
    assert wrong.code == 1
    assert "not a regular expression" in wrong.err


def test_json_has_conda_s_keys(data: CommandLine, channel: Path) -> None:
    greeting, hello = data("list -n data --json").ok().json
    assert hello == {
        "base_url": channel.as_uri(),
        "build": "0",
        "build_number": 0,
        "build_string": "0",
        "channel": channel.as_uri(),
        "dist_name": "hello-1.0-0",
        "name": "hello",
        "platform": "linux-64",
        "version": "1.0",
    }
    assert greeting["platform"] == "noarch"


def test_channels_have_the_names_of_conda(data: CommandLine, channel: Path) -> None:
    prefix = data.environment("data")
    (hello,) = (prefix / "conda-meta").glob("hello-*.json")
    record = json.loads(hello.read_text())
    assert record["channel"] == channel.as_uri()  # without subdir (CEP 32)
    for url, name in (
        ("https://conda.anaconda.org/priv/label/dev/linux-64", "priv/label/dev"),
        ("https://conda.anaconda.org/conda-forge", "conda-forge"),
        ("https://other.test/conda-forge/linux-64", "https://other.test/conda-forge"),
    ):
        hello.write_text(json.dumps({**record, "channel": url}))
        for command in ("list -n data", "list -n data --no-pip"):  # the first has a fast path
            line = data(command).ok().out.splitlines()[-1]
            assert line.split() == ["hello", "1.0", "0", name]
    assert data("list -n data --canonical").ok().out.splitlines()[1] == (
        "https://other.test/conda-forge/linux-64::hello-1.0-0"
    )
    data.set(CONDA_DEFAULT_CHANNELS="https://other.test/conda-forge")
    assert data("list -n data").ok().out.split()[-1] == "defaults"
    assert data("list -n data --show-channel-urls").ok().out.split()[-1] == (
        "https://other.test/conda-forge"
    )
    (data.home / ".condarc").write_text("channel_alias: https://other.test\n")
    data.set(CONDA_DEFAULT_CHANNELS="https://third.test/x")
    assert data("list -n data").ok().out.split()[-1] == "conda-forge"
    assert data("list -n data --json hello").ok().json[0]["channel"] == "conda-forge"


def test_records_name_channels_by_url(minicon: CommandLine, channel: Path) -> None:
    minicon.set(CONDA_CHANNEL_ALIAS=channel.parent.as_uri(), CONDA_CHANNELS=channel.name)
    minicon(f"create -y -n named --override-channels -c {channel.name} hello=1.0").ok()
    prefix = minicon.environment("named")
    records = [json.loads(path.read_text()) for path in prefix.glob("conda-meta/*.json")]
    assert {record["channel"] for record in records} == {channel.as_uri()}
    assert f"+{channel.name}/linux-64::hello-1.0-0\n" in (prefix / "conda-meta/history").read_text()
    assert minicon("list -n named").ok().out.split()[-1] == channel.name
    installed = "All requested packages already installed"
    for spec in ("greeting", f"{channel.name}::greeting", f"{channel.as_uri()}::greeting"):
        assert installed in minicon(f"install -y -n named {spec}").ok().out, spec
    unlinked = minicon("update -n named --dry-run --json hello").ok().json["actions"]["UNLINK"]
    assert [each["channel"] for each in unlinked] == [channel.name]


def test_lines_for_programs(data: CommandLine, channel: Path) -> None:
    assert data("list -n data --export").ok().out == "greeting=1.5=0\nhello=1.0=0\n"
    canonical = data("list -n data --canonical").ok().out.splitlines()
    assert canonical[1] == f"{channel.as_uri()}/linux-64::hello-1.0-0"
    exported = data("list -n data --export --json").ok().json
    assert [each["dist_name"] for each in exported] == ["greeting-1.5-0", "hello-1.0-0"]


@pytest.mark.parametrize(("flag", "length"), [("", 0), ("--md5", 33), ("--sha256", 72)])
def test_explicit_lists(data: CommandLine, channel: Path, flag: str, length: int) -> None:
    lines = data(f"list -n data --explicit {flag}").ok().out.splitlines()
    assert lines[2:4] == ["# platform: linux-64", "@EXPLICIT"]
    url = f"{channel.as_uri()}/linux-64/hello-1.0-0.conda"
    assert lines[5][: len(url)] == url
    assert len(lines[5]) - len(url) == length


def test_an_explicit_list_creates_the_same_environment(data: CommandLine) -> None:
    file = data.folder / "list.txt"
    file.write_text(data("list -n data --explicit --sha256").ok().out)
    data("create", "-y", "-n", "copy", "--offline", "--file", file).ok()
    assert data("list -n copy --json").json == data("list -n data --json").json


def test_wheels_in_an_explicit_list_are_comments(data: CommandLine) -> None:
    add_wheel_record(data.environment("data"))
    lines = data("list -n data --explicit").ok().out.splitlines()
    wheel = "# not in this list: rich-13.7.1-py3_none_any_0; pip install rich==13.7.1"
    assert wheel in lines
    refused = data("export -n data --format explicit")
    assert refused.code == 1
    assert "rich" in refused.err


def add_wheel_record(prefix: Path) -> None:
    record = {
        "name": "rich",
        "version": "13.7.1",
        "build": "py3_none_any_0",
        "build_number": 0,
        "channel": "pypi",
        "subdir": "noarch",
        "fn": "rich-13.7.1-py3-none-any.whl",
        "url": "https://files.example.org/rich-13.7.1-py3-none-any.whl",
        "depends": [],
        "files": [],
    }
    path = prefix / "conda-meta" / "rich-13.7.1-py3_none_any_0.json"
    path.write_text(json.dumps(record))


def test_history_and_going_back(data: CommandLine) -> None:
    data("install -y -n data lone").ok()
    entries = data("history -n data --json").ok().json
    assert [entry["packages"] for entry in entries][-1] == 3
    assert entries[-1]["added"] == ["lone-0.1-0"] or "lone" in str(entries[-1]["added"])
    assert entries[-1]["current"] is True
    assert entries[-1]["command"] == "minicon install -y -n data lone"
    table = data("history -n data").ok().out.splitlines()
    assert len(table) == len(entries) + 1
    assert table[-1].startswith("  2  *  ")
    assert table[-1].endswith("3  +1      minicon install -y -n data lone")
    shown = "revision 1 → 2\n\ninstalled:\n  +  lone  0.1  0\n"
    assert data("diff 1 -n data").ok().out == shown
    with data.monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "60")
        patch.setattr("minicon.cli.console.Console.is_terminal", True)
        cut = data("history -n data").ok().out.splitlines()
    assert max(map(len, cut)) == 60
    assert cut[-1].endswith("…")
    dry = data("undo -n data --dry-run").ok()
    assert "Would go to revision" in dry.out
    assert "lone" in data("list -n data").out
    assert "-  lone" in dry.out, "the effect is shown"
    data.monkeypatch.setattr("sys.stdin", io.StringIO("n\nn\n"))
    for command in ("undo", "rollback 1"):
        assert "Aborted" in data(f"{command} -n data").err
    assert "lone" in data("list -n data").out
    data.monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    data("undo -n data").ok()
    assert "lone" not in data("list -n data").out
    assert "+  lone" in data("redo -n data -y").ok().out
    assert "lone" in data("list -n data").out
    assert "nothing-to-redo" in data("redo -n data -y --json").out
    for dry_run in ("", "--dry-run"):
        gone = data(f"rollback -y -n data 99 {dry_run}")
        assert gone.code == 1
        assert "99" in gone.err


def test_search(data: CommandLine) -> None:
    rows = data("search hello").ok().out.splitlines()
    assert [row.split()[1] for row in rows[1:]] == ["1.0", "2.0"]
    details = data("search hello=1.0 --info").ok().out
    assert "dependencies  :  greeting >=1" in details
    assert "hello-1.0-0" in details
    missing = data("search helo")
    assert missing.code == 1
    assert "did you mean hello" in missing.err


def test_info(data: CommandLine) -> None:
    facts = data("info --json").ok().json
    assert facts["root_prefix"] == str(data.root)
    assert facts["envs"] == [str(data.environment("data"))]
    lines = data("info").ok().out.splitlines()
    assert not any(line.startswith("offline:") for line in lines)
    assert str(data.environment("data")) not in "".join(lines)
    assert f"environments:        {data.environment('data')}" in data("info -a").ok().out
    data.set(CONDA_SHLVL="1", CONDA_PREFIX=str(data.environment("data")))
    assert f"active environment:  data  {data.environment('data')}" in data("info").ok().out
    assert re.search(r"shell level: +1\n", data("info -v").ok().out)
    assert str(data.root) in data("info --base").ok().out
    assert str(data.environment("data")) in data("info --envs").ok().out


def test_info_about_an_environment_and_a_package(data: CommandLine) -> None:
    facts = data("info -n data --json").ok().json
    assert facts["path"] == str(data.environment("data"))
    assert "hello=1.0" in facts["requested"]
    assert re.search(r"packages: +\d+\n", data("info -n data").ok().out)
    package = data("info hello -n data --json").ok().json
    assert (package["name"], package["environment"]) == ("hello", facts["path"])
    missing = data("info helo -n data")
    assert (missing.code, "did you mean hello?" in missing.err) == (1, True)


def test_environments(data: CommandLine) -> None:
    data.set(CONDA_PREFIX=str(data.environment("data")))
    assert "*" in data("env list").ok().out
    details = data("env list --json").ok().json["envs_details"]
    assert details[str(data.environment("data"))]["active"] is True
    assert details[str(data.environment("data"))]["name"] == "data"
    assert "hello" in data("list").ok().out, "without -n and -p the active one is meant"


def test_tables_fit_a_terminal(data: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    from minicon.cli.render import listing

    for command in ("list -n data", "du -n data", "clean --all --dry-run"):
        whole = data(command).ok().out
        monkeypatch.setattr(listing, "terminal_width", lambda: 72)
        shown = data(command).ok().out
        assert all(len(line) <= 72 for line in shown.splitlines()[2:])
        assert "/data" in shown or "clean" in command
        monkeypatch.setattr(listing, "terminal_width", lambda: 1000)
        assert data(command).ok().out == whole
