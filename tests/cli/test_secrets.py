"""No command prints or writes a secret, wherever a user keeps it and however it is written."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.channel_server import ChannelServer
from tests.support.command_line import CommandLine, small_channel
from tests.support.planted import (
    FORMS,
    MARK,
    files_with_secrets,
    foreign_record,
    free_keys,
    planted_value,
    secrets_in,
)

from minicon.cli.command_table import COMMANDS
from minicon.config.keys import KEYS

#: Command lines for every command, in an order in which they have something to print. FILE stands
#: for an environment file, CHANNEL for a channel's URL with a secret.
WORDS: dict[str, list[str]] = {
    "create": ["-y -n new -c CHANNEL hello", "-y -d -n d -f FILE", "-y -d -n d --clone foreign"],
    "install": ["-y -n new -c CHANNEL lone", "-y -n new CHANNEL/noarch/lone-0.1-0.conda"],
    "update": ["-y -n new -c CHANNEL --all", "-y -n foreign --all"],
    "shims": ["DIRECTORY"],
    "list": ["-n new", "-n foreign", "-n foreign --explicit --md5", "-n foreign --canonical",
             "-n foreign --show-channel-urls", "-n foreign --revisions", "-n new --explicit"],
    "env": ["list", "export -n new", "export -n foreign", "config vars list -n new",
            "create -y -d -n d -f FILE", "update -y -d -n new -f FILE"],
    "activate": ["new"],
    "deactivate": [""],
    "search": ["-c CHANNEL hello", "-c CHANNEL --info hello", "--envs one"],
    "info": ["", "--all", "--system", "--envs", "--base"],
    "export": ["-n foreign", "-n new --from-history", "-n new --portable -c CHANNEL",
               "-n foreign --format explicit", "-n new --format requirements -f out.txt",
               "-n new -f out.yml -c CHANNEL"],
    "lock": ["-f FILE -c CHANNEL --platform linux-64", "--check -f FILE -c CHANNEL"],
    "sync": ["-y -n new -f FILE", "-y -n new -f conda-lock.yml"],
    "plan": ["create -n p -c CHANNEL hello", "install -n new -c CHANNEL lone"],
    "apply": ["FILE"],
    "rename": ["-n new newer", "newer new"],
    "clean": ["-y --index-cache", "-d --all"],
    "config": ["--show", "--show-sources", "--get", "--validate", "--describe",
               "--get --file FILE"],
    "init": ["-d bash"],
    "allow": ["--list", "."],
    "completion": ["bash"],
    "channel": ["index nowhere"],
    "history": ["-n new", "-n foreign"],
    "rollback": ["-y -n new"],
    "undo": ["-y -n new"],
    "redo": ["-y -n new"],
    "why": ["hello -n new", "one -n foreign"],
    "why-not": ["hello>3 -n new -c CHANNEL"],
    "tree": ["-n new", "-n foreign"],
    "ps": [""],
    "pack": ["-n new -o packed.tar", "-n foreign -o foreign.tar"],
    "unpack": ["packed.tar unpacked"],
    "bundle": ["-n new -o new.pyz"],
    "image": ["-n new -o image.tar"],
    "replay": ["captured.json"],
    "repoquery": ["depends hello -c CHANNEL", "search nothing -c CHANNEL"],
    "verify": ["-n new", "-n foreign"],
    "doctor": ["-n foreign", "-n foreign --fix", "--all"],
    "status": ["-n new -f FILE", "-n foreign"],
    "compare": ["-n new FILE", "-n foreign FILE"],
    "diff": ["-n new 1 2"],
    "notices": ["-c CHANNEL"],
    "du": ["-n new"],
    "gc": ["-d"],
    "remove": ["-y -n new lone", "-y -n foreign one", "-y -n new --all"],
}  # fmt: skip
#: These become the program that they start, and are run in processes of their own.
STARTERS = {"run": "-n new true", "shell": "-n new", "x": "-c CHANNEL hello"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChannelServer]:
    """Serves one channel below every token."""
    folder = tmp_path_factory.mktemp("served")
    small_channel(folder / "chan")
    for letter in "tT":
        for form in FORMS:
            target = folder / letter / f"{MARK}-{form}"
            target.mkdir(parents=True)
            for name in ("chan", "custom"):
                (target / name).symlink_to(folder / "chan")
    with ChannelServer(folder) as server:
        yield server


@pytest.fixture
def planted(minicon: CommandLine, server: ChannelServer) -> set[Path]:
    """The files that hold secrets: of configuration, of logins, of a project, of a foreign tool."""
    host = server.url.removeprefix("http://")
    files: dict[Path, str] = {}
    url = f"http://user:{MARK}-rc@{host}/t/{MARK}-token/chan"
    files[minicon.home / ".condarc"] = yaml.safe_dump(
        {
            "channels": [url, "custom", f"$EXPANDED@{host}/chan"],
            "default_channels": [url],
            "channel_alias": f"http://user:{MARK}-alias@127.0.0.1:9/",
            "custom_channels": {"custom": f"http://user:{MARK}-custom@{host}/t/{MARK}-token/"},
            "custom_multichannels": {"many": [url]},
            "mirrored_channels": {"http://mirrored.invalid/x": [url]},
            "proxy_servers": {"http://proxied.invalid": f"http://user:{MARK}-proxy@127.0.0.1:9"},
            "denylist_channels": [f"http://user:{MARK}-deny@h.invalid/x"],
            "s3_options": {"bucket": {"endpoint-url": f"http://user:{MARK}-s3@127.0.0.1:9"}},
            "remote_max_retries": 0,
            "unknown": {"password": f"{MARK}-unknown"},
        }
    )
    files[minicon.home / ".netrc"] = f"machine 127.0.0.1 login user password {MARK}-netrc\n"
    files[minicon.home / ".docker/config.json"] = json.dumps(
        {"auths": {"127.0.0.1:9": {"auth": f"user:{MARK}-docker"}}}
    )
    files[minicon.home / ".rattler/credentials.json"] = json.dumps(
        {"127.0.0.1:9": {"BearerToken": f"{MARK}-bearer"}}
    )
    files[minicon.home / ".aws/credentials"] = f"[default]\naws_secret_access_key={MARK}-aws\n"
    files[minicon.home / "pip.conf"] = (
        f"[global]\nindex-url = http://user:{MARK}-pip@{host}/simple\n"
        f"extra-index-url = http://{MARK}-extra@{host}/simple\nproxy = user:{MARK}@127.0.0.1:9\n"
    )
    files[minicon.folder / "environment.yml"] = yaml.safe_dump(
        {
            "name": "new",
            "channels": [url, f"http://{host}/t/${{FILE_TOKEN}}/chan"],
            "dependencies": ["hello", {"pip": [f"--index-url http://u:{MARK}-line@{host}/simple"]}],
        }
    )
    meta = minicon.environment("foreign") / "conda-meta"
    for name, form in zip(("one", "two", "six", "ten"), itertools.cycle(FORMS), strict=False):
        record, text = foreign_record(name, form)
        files[meta / record] = text
    files[meta / "history"] = (
        f"==> 2026-01-01 00:00:00 <==\n# cmd: conda create -c {url} one\n"
        f"+http://user:{MARK}-history@h.invalid/chan/noarch::one-1.0-0\n"
        f"# update specs: ['http://user:{MARK}-spec@h.invalid/chan::one']\n"
    )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    minicon.set(
        EXPANDED=f"http://user:{MARK}-expanded",
        FILE_TOKEN=f"{MARK}-variable",
        HTTPS_PROXY=f"http://user:{MARK}-https@127.0.0.1:9",
        https_proxy=f"http://user:{MARK}-https@127.0.0.1:9",
        AWS_SECRET_ACCESS_KEY=f"{MARK}-key",
        ANACONDA_API_TOKEN=f"{MARK}-api",
        MINICON_MIRRORS=f"http://m.invalid/x=http://user:{MARK}-mirror@h.invalid/",
        PIP_CONFIG_FILE=str(minicon.home / "pip.conf"),
        PIP_FIND_LINKS=f"http://user:{MARK}-links@{host}/links",
        CONDA_OVERRIDE_CUDA="",
    )
    minicon.monkeypatch.delenv("PIP_NO_INDEX")

    return set(files)


def run(minicon: CommandLine, *words: str) -> int:
    """Run one command and check that it prints no secret, whether it succeeds or not."""
    done = minicon(*words)
    assert not secrets_in(done.out + done.err), (words, done.code, done.out, done.err)
    assert "internal-error" not in done.err + done.out, (words, done.err, done.out)

    return done.code


def left_by_minicon(minicon: CommandLine, planted: set[Path]) -> dict[str, list[str]]:
    """What was written below home, root and the working folder.

    Records and history of another tool are taken along into the next state as they are.
    """
    theirs = {path.name for path in planted if path.parent.name == "conda-meta"}
    found = files_with_secrets(minicon.folder, planted)
    return {
        name: secrets
        for name, secrets in found.items()
        if not (Path(name).name in theirs and "foreign" in name)
    }


def test_every_command_is_covered() -> None:
    assert {*WORDS, *STARTERS} == set(COMMANDS)


def test_no_command_prints_or_writes_a_secret(
    minicon: CommandLine, server: ChannelServer, planted: set[Path]
) -> None:
    channel = server.url.replace("//", f"//user:{MARK}-typed@") + f"/t/{MARK}-token/chan"
    for command, lines in WORDS.items():
        for line in lines:
            words = line.replace("CHANNEL", channel).replace("FILE", "environment.yml").split()
            run(minicon, command, *words, "-v")
            run(minicon, command, *words, "--json")
    minicon("create", "-y", "-n", "new", "-c", channel, "hello", "--capture", "captured.json").ok()
    assert not left_by_minicon(minicon, planted)
    kept = (minicon.home / ".condarc").read_text()
    minicon("config --file", minicon.home / ".condarc", "--append", "channels", "more")
    assert len(secrets_in((minicon.home / ".condarc").read_text())) == len(secrets_in(kept))


def test_programs_are_started_without_secrets(
    minicon: CommandLine, server: ChannelServer, planted: set[Path]
) -> None:
    channel = server.url.replace("//", f"//user:{MARK}-typed@") + f"/t/{MARK}-token/chan"
    minicon("create", "-y", "-n", "new", "-c", channel, "hello").ok()
    lines = [[name, *words.split()] for name, words in STARTERS.items()]
    lines += [["shell.bash", "activate", "new"], ["shell.bash", "hook"], ["list", "-n", "foreign"]]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "minicon", *(w.replace("CHANNEL", channel) for w in words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in lines
    ]
    for words, process in zip(lines, started, strict=True):
        out, _ = process.communicate(timeout=60)
        assert not secrets_in(out), (words, out)
    assert not left_by_minicon(minicon, planted)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_url(
    minicon: CommandLine, server: ChannelServer, form: str, planted: set[Path]
) -> None:
    host = server.url.removeprefix("http://")
    channel = FORMS[form](host, "chan", f"{MARK}-{form}")
    package = FORMS[form](host, "chan/noarch/lone-0.1-0.conda", f"{MARK}-{form}")
    only = ("-y", "-n", "new", "--override-channels", "-c", channel)
    run(minicon, "create", *only, "lone", "-v")
    run(minicon, "install", *only, f"{channel}::lone", "--json")
    run(minicon, "install", *only, f"lone[url='{package}']")
    run(minicon, "install", *only, package)
    run(minicon, "install", *only, f"pypi:x @ {package}")
    run(minicon, "install", *only, f"pypi:x @ git+{package}", "-d")
    run(minicon, "search", "--override-channels", "-c", channel, "absent")
    run(minicon, "create", "-n", "other", "--override-channels", "-c", channel, "lone", "-d")
    run(minicon, "config", "--set", channel, "x")
    run(minicon, "list", "-n", channel)
    run(minicon, channel)
    for key in ("channel_alias", "custom_channels.it"):
        rc = minicon.folder / "rc.yml"
        minicon("config", "--file", rc, "--set", key, channel)
        planted.add(rc)
        minicon.set(MINICONRC=str(rc))
        run(minicon, "create", "-y", "-n", "alias", "--override-channels", "-c", "it", "lone")
        run(minicon, "config", "--show")
        run(minicon, "config", "--get", "--json")
        assert MARK in rc.read_text()
    for name in ("new", "alias"):
        run(minicon, "history", "-n", name)
        run(minicon, "list", "-n", name, "--explicit")
    assert not left_by_minicon(minicon, planted)


@pytest.mark.parametrize("form", ["password", "bare", "token-upper", "query", "encoded"])
def test_every_setting(minicon: CommandLine, form: str) -> None:
    """Secrets in files and variables, valid or not, are never printed."""
    rc = minicon.home / ".condarc"
    rc.write_text(yaml.safe_dump({key.name: planted_value(key, form) for key in free_keys()}))
    for words in ("--show", "--show-sources", "--get", "--validate"):
        run(minicon, "config", words)
        run(minicon, "config", words, "--json")
    assert secrets_in(rc.read_text())
    for words in (["info"], ["info", "--json"], ["create", "-d", "-n", "x", "lone"], ["notices"]):
        run(minicon, *words)
    for key in KEYS.values():
        wrong = planted_value(key, form)
        rc.write_text(yaml.safe_dump({key.name: wrong if isinstance(wrong, str) else {"a": wrong}}))
        run(minicon, "config", "--show", key.name)
        run(minicon, "config", "--get", "--file", str(rc))
        run(minicon, "config", "--set", key.name, f"{wrong}", "--file", "other.yml")
        rc.write_text("{}")
        if key.separator == "path":  # its colons end one folder and begin the next
            continue
        text = wrong if isinstance(wrong, str) else json.dumps(wrong)
        with minicon.monkeypatch.context() as patch:
            patch.setenv(f"MINICON_{key.name.upper()}", text)
            run(minicon, "info", "--system")
            run(minicon, "config", "--show-sources", key.name)
    assert not left_by_minicon(minicon, {rc, minicon.folder / "other.yml"})


def test_variables_of_an_environment_are_shown(minicon: CommandLine) -> None:
    """They are the user's: set to be read."""
    minicon("create -y -n e --override-channels -c ./none").ok()
    value = f"db://user:{MARK}@h.invalid/x"
    minicon("env", "config", "vars", "set", "-n", "e", f"DATABASE={value}").ok()
    assert f"DATABASE = {value}" in minicon("env config vars list -n e").ok().out
    assert minicon("env config vars list -n e --json").ok().json == {"DATABASE": value}
    assert minicon("env export -n e --json").ok().json["variables"] == {"DATABASE": value}
    assert value in minicon("export -n e").ok().out


LONG = f"http://user:{MARK * 60}@h.invalid/x"
LONG_USER = f"http://{MARK * 60}@h.invalid/x"


@pytest.mark.parametrize("url", [LONG, LONG_USER], ids=["password", "user"])
@pytest.mark.parametrize(
    "command",
    [
        "list -n {}",
        "list -p {}",
        "create -y -n e {}",
        "create -y -n e {}::x",
        "create -y -n e -c {} x",
        "create -y -n e pypi:{}",
        "create -y -n e -f {}",
        "create -y -f names.yml",
    ],
)
def test_a_secret_that_is_cut_is_hidden(minicon: CommandLine, command: str, url: str) -> None:
    """Half a URL, ended before its @, does not look like one with a password."""
    Path("names.yml").write_text(json.dumps({"name": url, "dependencies": ["x"]}))
    done = minicon(*(word.format(url) for word in command.split()))
    assert done.code != 0
    assert secrets_in(done.out + done.err) == []


def test_blanks_in_a_url_hide_no_secret_from_the_mask(minicon: CommandLine) -> None:
    done = minicon("create", "-y", "-n", "e", "-c", f"http://user:pass word {MARK}@h.invalid/", "x")
    assert "spaces" in done.err
    assert secrets_in(done.out + done.err) == []
