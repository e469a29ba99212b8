"""Command lines of conda's users go on as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine


@pytest.mark.parametrize(
    "options",
    [
        "--solver libmamba",
        "--solver=classic --experimental jlap --repodata-fn current_repodata.json",
        "--no-shortcuts --show-channel-urls --no-lock -m --dev",
        "-C --clobber",
    ],
)
def test_options_without_an_effect_are_accepted(data: CommandLine, options: str) -> None:
    data(f"install -y -n data {options} lone").ok()
    assert "lone" in data("list -n data").ok().out
    assert "--solver" not in data("install --help").ok().out


def test_cached_repodata_of_any_age_is_used(data: CommandLine, channel: Path) -> None:
    data("search hello").ok()
    data("search -C hello --offline").ok()


def test_default_packages_can_be_omitted(data: CommandLine) -> None:
    data.set(MINICON_CREATE_DEFAULT_PACKAGES="lone")
    data("create -y -n with hello").ok()
    data("create -y -n without --no-default-packages hello").ok()
    assert "lone" in data("list -n with").out
    assert "lone" not in data("list -n without").out


def test_facts_and_variables(data: CommandLine) -> None:
    whole, short = data("info -a").ok().out, data("info").ok().out
    assert {line.split(":")[0] for line in short.split("\n\n")[0].splitlines()} < {
        line.split(":")[0] for line in whole.splitlines()
    }
    assert "environments:" in whole
    assert "shell level" not in whole
    data.set(
        CONDA_TOKEN="hidden", MINICON_CHANNELS="https://user:hidden@host.test/t/hidden/channel"
    )
    shown = data("info --system --json").ok()
    assert "hidden" not in shown.out
    assert shown.json["env_vars"]["MINICON_CHANNELS"].startswith("https://")
    assert "PATH" in data("info -s").ok().out


def test_all_packages_can_be_removed(data: CommandLine) -> None:
    kept = data.environment("data") / "bin" / "hello"
    text = kept.read_text()
    data("clean --packages -y").ok()
    assert list((data.root / "pkgs").glob("hello-*"))
    done = data("clean -afy --json").ok().json
    assert {item["kind"] for item in done["removed"]} >= {"all_packages", "index_cache"}
    assert not list((data.root / "pkgs").glob("hello-*"))
    assert kept.read_text() == text
    data("verify -n data").ok()


def test_formats_of_an_export(data: CommandLine) -> None:
    for name in ("yaml", "yml", "environment-yaml"):
        assert data(f"export -n data --format {name}").ok().out.startswith("name: data\n")
    for name in ("json", "environment-json"):
        assert data(f"export -n data --format {name} --override-channels").ok().json["name"]
    specs = data("export -n data --format requirements").ok().out
    assert specs.splitlines()[3:] == ["greeting=1.5=0", "hello=1.0=0"]
    (data.folder / "specs.txt").write_text(specs)
    data("create -y -n again --file specs.txt").ok()
    assert data("list -n again --export").ok().out == data("list -n data --export").ok().out


def test_a_configuration_is_validated(data: CommandLine) -> None:
    assert data("config --validate").ok().out == ""
    (data.home / ".condarc").write_text("channel_priority: odd\n")
    assert data("config --validate").code == 1


def test_where_a_package_is_installed(data: CommandLine) -> None:
    data("create -y -n other hello=2.0").ok()
    found = data("search --envs hello --json").ok().json
    versions = {each["location"]: each["package_records"][0]["version"] for each in found}
    expected = {str(data.environment("data")): "1.0", str(data.environment("other")): "2.0"}
    assert versions == expected
    newer = data("search --envs hello>=2").ok().out.splitlines()
    assert newer[0].split() == ["#", "Name", "Version", "Build", "Channel", "Location"]
    assert [line.split()[-1] for line in newer[1:]] == [str(data.environment("other"))]
    assert data("search --envs nothing").code == 1
