"""Environment files, lists and configuration, by path and URL, in the encodings of all systems."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.command_line import CommandLine
from tests.support.packages import PackageBuilder

FILE = "channels: [./channel, nodefaults]\r\ndependencies: [lone]\r\nvariables: {GRÖSSE: é}\r\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be")


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding) if encoding != "utf-16-be" else b"\xfe\xff" + text.encode(encoding)


def text_files(channel: Path) -> dict[str, str]:
    """Texts of all kinds that a user writes; each requires lone."""
    url = f"{channel.as_uri()}/noarch/lone-0.1-0.conda"
    return {
        "environment.yml": "dependencies:\r\n- lone\r\n",
        "explicit.txt": f"# größe\r\n@EXPLICIT\r\n{url}\r\n",
        "specs.txt": "# größe\r\nlone\r\n",
        "conda-lock.yml": "version: 1\r\nmetadata: {}\r\npackage:\r\n- {name: lone, "
        f"version: '0.1', manager: conda, platform: linux-64, url: '{url}', hash: {{}}}}\r\n",
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["environment.yml", "explicit.txt", "specs.txt", "conda-lock.yml"])
def test_files_in_any_encoding(
    minicon: CommandLine, channel: Path, name: str, encoding: str
) -> None:
    Path(name).write_bytes(encoded(text_files(channel)[name], encoding))
    options = ("--dry-run", "--json", "--platform", "linux-64")
    if name in ("environment.yml", "specs.txt"):
        options += ("-c", str(channel), "--override-channels")
    plan = minicon("create", "-n", "a", "-f", name, *options).json
    assert [each["name"] for each in plan["actions"]["LINK"]] == ["lone"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_configuration_and_pins_in_any_encoding(
    minicon: CommandLine, channel: Path, encoding: str
) -> None:
    configuration = f"channels:\r\n- {channel.as_uri()} # größe\r\nchannel_priority: strict\r\n"
    file = minicon.home / ".condarc"
    file.write_bytes(encoded(configuration, encoding))
    assert "strict" in minicon("config --show channel_priority").out
    minicon("create -n a -y lone").ok()
    pinned = minicon.environment("a") / "conda-meta" / "pinned"
    pinned.write_bytes(encoded("# größe\r\nhello 1.0\r\n", encoding))
    minicon("install -n a -y hello").ok()
    assert minicon("list -n a hello --json").json[0]["version"] == "1.0"
    minicon("config", "--file", file, "--set", "channel_priority", "flexible").ok()
    assert "channel_priority: flexible" in file.read_text()


def test_files_by_url(minicon: CommandLine, channel: Path) -> None:
    for name, text in text_files(channel).items():
        Path(name).write_text(text)
    where = ("-c", str(channel), "--override-channels", "--dry-run", "--json")
    with ChannelServer(Path.cwd()) as server:
        for base in (server.url, Path.cwd().as_uri()):
            for name in ("environment.yml", "specs.txt"):
                plan = minicon("create", "-n", "a", "-f", f"{base}/{name}", *where).json
                assert [each["name"] for each in plan["actions"]["LINK"]] == ["lone"]
        minicon("create", "-n", "a", "-y", "-f", f"{server.url}/explicit.txt").ok()
        minicon("compare", "-n", "a", f"{server.url}/environment.yml").ok()
        minicon("status", "-n", "a", "--exit-code", "-f", f"{server.url}/specs.txt").ok()
        outcome = minicon("env", "create", "-n", "b", "-f", f"{server.url}/missing.yml")
        assert "missing.yml: file not found (HTTP 404)" in outcome.err
        outcome = minicon("lock", "-f", f"{server.url}/environment.yml")
        assert "is on a server" in outcome.err


def test_relative_channels_are_relative_to_their_file(
    minicon: CommandLine, channel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("channel").symlink_to(channel)
    Path("environment.yaml").write_text(FILE.replace("GRÖSSE", "SIZE"))
    minicon("env create -n a").ok()  # environment.yaml, if there is no environment.yml
    minicon("lock").ok()
    assert "- url: './channel'" in Path("conda-lock.yml").read_text()
    Path("below").mkdir()
    monkeypatch.chdir("below")
    minicon("env create -n b -f ../environment.yaml").ok()
    minicon("lock --check -f ../environment.yaml -o ../conda-lock.yml").ok()


def test_a_prefix_with_variables(minicon: CommandLine, channel: Path) -> None:
    Path("channel").symlink_to(channel)
    minicon.set(BASE=str(minicon.folder))
    for written in ("$BASE/one", "${BASE}/two", "~/three"):
        Path("e.yml").write_text(FILE.replace("GRÖSSE", "A") + f"prefix: {written}\n")
        minicon("env create -f e.yml").ok()
    for path in (minicon.folder / "one", minicon.folder / "two", minicon.home / "three"):
        assert (path / "share" / "lone").is_file()


def test_variables_in_channels_of_all_commands(minicon: CommandLine, channel: Path) -> None:
    minicon.set(CHANNEL=str(channel))
    minicon("search", "-c", "$CHANNEL", "--override-channels", "lone").ok()
    minicon("repoquery", "depends", "-c", "${CHANNEL}", "--override-channels", "hello").ok()


def test_a_list_with_hashes_is_for_pip(minicon: CommandLine) -> None:
    Path("requirements.txt").write_text(
        "rich==13.0 \\\n    --hash=sha256:" + "0" * 64 + " \\\n    --hash=sha256:" + "1" * 64 + "\n"
        "    # via app\n"
    )
    outcome = minicon("create -n a -f requirements.txt -c host --override-channels --dry-run")
    assert "rich" in outcome.err
    assert "package index" in outcome.err


def test_channels_of_specs(minicon: CommandLine, channel: Path) -> None:
    options = ("-n", "a", "-c", str(channel), "--override-channels", "--dry-run", "--json")
    name = channel.name
    for spec in (
        f"{name[:3]}*::lone",
        f"{name}:ns:lone",
        "*/noarch::lone",
        f"lone[channel=*{name}]",
    ):
        plan = minicon("create", *options, spec).json
        assert [each["name"] for each in plan["actions"]["LINK"]] == ["lone"], spec
    outcome = minicon("create", *options, "other-*::lone").json
    assert outcome["exception_name"] == "PackageNotFound", outcome


def test_a_list_without_hashes_is_reported_once(minicon: CommandLine, channel: Path) -> None:
    names = ("noarch/lone-0.1-0", "noarch/greeting-1.5-0", "linux-64/hello-1.0-0")
    files = Path("served")  # no subdir is in the URLs
    files.mkdir()
    for name in names:
        shutil.copy(channel / f"{name}.conda", files)
    with ChannelServer(files) as server:
        urls = [f"{server.url}/{Path(name).name}.conda" for name in names]
        Path("list.txt").write_text("\n".join(["@EXPLICIT", *urls]))
        outcome = minicon("create -n a -y -f list.txt").ok()
    assert outcome.err.count("hash") == 1
    shown = "the list of packages has no hash of lone-0.1-0 and 2 more: used unverified"
    assert shown in outcome.err


def test_local_packages_need_no_hash(minicon: CommandLine, tmp_path: Path) -> None:
    """Not below a subdir either; a file that was replaced is read again."""
    for text in ("one", "two"):
        made = PackageBuilder("own").subdir("linux-64").file("share/own", text)
        path = made.build(tmp_path, kind=".conda")
        outcome = minicon("create", "-y", "-n", "own", path)
        assert "hash" not in outcome.ok().err
        assert (minicon.root / "envs" / "own" / "share" / "own").read_text() == text


def test_variables_survive_a_lock(minicon: CommandLine, channel: Path) -> None:
    file = Path("environment.yml")
    text = f"channels: [{channel}, nodefaults]\ndependencies: [lone]\nvariables:\n  A: b c\n"
    file.write_text(text + "  SYSTEM: one # [linux]\n  SYSTEM: two # [win]\n")
    minicon("lock --platform linux-64 --platform win-64").ok()
    assert "variable SYSTEM linux-64" in Path("conda-lock.yml").read_text()
    minicon("lock --check").ok()
    minicon("create -n a -y -f conda-lock.yml --platform linux-64").ok()
    listed = minicon("env config vars list -n a").ok().out
    assert listed == "A = b c\nSYSTEM = one\n"
    assert "already installed" in minicon("sync -n a -f conda-lock.yml --platform linux-64").out
    file.write_text(text)
    assert minicon("lock --check").code == 1
    minicon("lock").ok()
    minicon("sync -n a -y -f conda-lock.yml --platform linux-64").ok()
    assert minicon("env config vars list -n a").out == "A = b c\n"


def test_variables_that_are_set_already_are_no_change(minicon: CommandLine, channel: Path) -> None:
    text = f"name: a\nchannels: [{channel}, nodefaults]\ndependencies: [lone]\nvariables:\n  A: b\n"
    Path("environment.yml").write_text(text)
    minicon("env create").ok()
    revisions = len(minicon("list -n a --revisions --json").json)
    assert "already installed" in minicon("env update").ok().out
    assert "already installed" in minicon("env update --prune").ok().out
    assert len(minicon("list -n a --revisions --json").json) == revisions


def test_keys_that_a_file_lacks_or_misspells(minicon: CommandLine, channel: Path) -> None:
    Path("e.yml").write_text("dependecies: [lone]\n")
    outcome = minicon("env create -n a -f e.yml")
    assert outcome.code != 0
    assert "hint: did you mean dependencies?" in outcome.err
    Path("e.yml").write_text("channles: [x]\nvariables: {A: b}\n")
    outcome = minicon("env create -n a -f e.yml").ok()
    assert "unknown key 'channles' in e.yml is ignored; did you mean 'channels'?" in outcome.err
    assert "e.yml has no 'dependencies:'" in outcome.err


def test_a_lock_to_stdout(minicon: CommandLine, channel: Path) -> None:
    Path("environment.yml").write_text(f"channels: [{channel}, nodefaults]\ndependencies: [lone]\n")
    minicon("lock --platform linux-64").ok()
    expected = Path("conda-lock.yml").read_text()
    words = [sys.executable, "-m", "minicon", "lock", "--platform", "linux-64", "-o", "-"]
    with Path("out").open("wb") as out:
        process = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, check=True)
    assert Path("out").read_text() == expected
    assert process.stderr == "locked linux-64 (1) in /dev/stdout\n"
    assert not Path("-").exists()
