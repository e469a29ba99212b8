"""Commands and variables of mamba and micromamba."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.test_dialects import Program
from tests.support.command_line import CommandLine

from minicon.cli.dialects.choice import dialect_named, implied_variables
from minicon.config.load import load_settings

MINICON = Path(sys.executable).with_name("minicon")


@pytest.fixture
def micromamba(data: CommandLine) -> Program:
    return Program(data, "micromamba")


def started(line: CommandLine, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``micromamba`` as a process of its own, as the commands that replace it need."""
    own = {"HOME": str(line.home), "MINICON_ROOT": str(line.root), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [MINICON, *shlex.split(text)],
        env={**own, "MINICON_DIALECT": "micromamba", **variables},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("given", "implied"),
    [
        ({"MAMBA_ALWAYS_YES": "true"}, {"CONDA_ALWAYS_YES": "true"}),
        ({"MAMBA_SSL_VERIFY": "false"}, {"CONDA_SSL_VERIFY": "false"}),
        ({"MAMBA_PLATFORM": "osx-64"}, {"CONDA_SUBDIR": "osx-64"}),
        ({"MAMBA_PLATFORM": "osx-64", "CONDA_SUBDIR": "win-64"}, {}),
        ({"MAMBA_COMPILE_PYC": "0"}, {"CONDA_COMPILE_BYTECODE": "0"}),
        ({"MAMBA_NO_RC": "1"}, {"MINICON_NO_RC": "1"}),
        ({"MAMBA_NO_PIN": "1"}, {"CONDA_IGNORE_PINNED": "1"}),
        ({"MAMBA_DOWNLOAD_ONLY": "1"}, {"CONDA_DOWNLOAD_ONLY": "1"}),
        ({"MAMBA_EXE": "/bin/micromamba"}, {}),
    ],
)
def test_variables_of_mamba_are_settings(given: dict[str, str], implied: dict[str, str]) -> None:
    assert implied_variables(dialect_named("micromamba"), "micromamba", given) == implied
    assert not implied_variables(dialect_named("conda"), "conda", given)


def test_variables_of_mamba_have_effect(data: CommandLine, channel: Path) -> None:
    small = str(data.folder / "small")
    made = started(
        data,
        f"create -y lone --override-channels -c {channel}",
        MAMBA_TARGET_PREFIX=small,
        MAMBA_NO_PIN="true",
        CONDA_PINNED_PACKAGES="lone=9",
    )
    assert made.returncode == 0, made.stderr
    assert (data.folder / "small" / "conda-meta" / "history").exists()
    listed = started(data, "list --json", MAMBA_TARGET_PREFIX=small)
    assert [each["name"] for each in json.loads(listed.stdout)] == ["lone"]
    elsewhere = started(data, "list --json -n data", MAMBA_TARGET_PREFIX=small)
    assert "hello" in elsewhere.stdout
    more = f"install -y hello --override-channels -c {channel}"
    fetched = started(data, more, MAMBA_TARGET_PREFIX=small, MAMBA_DOWNLOAD_ONLY="1")
    assert "the environment was not changed" in fetched.stdout
    assert not list((data.folder / "small" / "conda-meta").glob("hello-*"))


def test_the_file_of_mamba_is_read(data: CommandLine) -> None:
    mambarc = data.home / ".mambarc"
    mambarc.write_text("channels: [mine]\n")
    dialect = dialect_named("mamba")
    assert implied_variables(dialect, "mamba", os.environ) == {"CONDARC": str(mambarc)}
    assert not implied_variables(dialect, "mamba", {**os.environ, "CONDARC": "/other"})
    assert not implied_variables(dialect_named("conda"), "conda", os.environ)


def test_files_and_variables_can_be_left_out(data: CommandLine) -> None:
    (data.home / ".condarc").write_text("channels: [from-file]\n")
    dialect = dialect_named("micromamba")

    def channels(text: str) -> tuple[str, ...] | None:
        _, variables = dialect.translated(shlex.split(text))
        environ = {"CONDA_CHANNELS": "from-variable", "HOME": str(data.home), **variables}
        return load_settings(
            environ=environ, home=data.home, working_directory=data.folder
        ).settings.channels

    assert channels("list") == ("from-variable", "from-file")
    assert channels("list --no-rc") == ("from-variable",)
    assert channels("list --no-env") == ("from-file",)
    assert channels("list --no-rc --no-env") is None
    _, variables = dialect.translated(["list", "--no-env", "--channel-priority", "disabled"])
    loaded = load_settings(environ=variables, home=data.home, working_directory=data.folder)
    assert loaded.settings.channel_priority == "disabled"


def test_only_what_is_configured_is_listed(micromamba: Program) -> None:
    before = micromamba("config list --json").ok().json
    micromamba("config set channel_priority flexible").ok()
    assert micromamba("config list --json").ok().json == {
        **before,
        "channel_priority": "flexible",
    }
    assert "always_copy" not in before
    assert "always_copy: False" in micromamba("config list -a").ok().out
    assert micromamba("config list channel_priority").ok().out == "channel_priority: flexible\n"


def test_queries_of_what_is_installed(micromamba: Program, channel: Path) -> None:
    def names(text: str) -> list[str]:
        found = micromamba(f"repoquery {text} --json").ok().json["result"]["pkgs"]
        return [f"{each['name']} {each['version']}" for each in found]

    assert names("depends hello -n data") == ["greeting 1.5"]
    assert names("whoneeds greeting -n data") == ["hello 1.0"]
    assert names("whoneeds greeting --remote") == ["hello 2.0"]
    assert names(f"whoneeds greeting -n data -c {channel} --override-channels") == ["hello 2.0"]
    assert names("search hello") == ["hello 1.0", "hello 2.0"]
    assert names("search hello --local -n data") == ["hello 1.0"]
    assert micromamba("repoquery depends lone -n data").code == 1
    assert micromamba.line("repoquery search lone -n data").code == 1
    assert micromamba.line("repoquery depends hello").ok().out.count("greeting") == 2


def test_facts_of_a_named_environment(micromamba: Program) -> None:
    data = str(micromamba.line.environment("data"))
    facts = micromamba("info -n data --json").ok().json
    assert (facts["environment"], facts["env location"]) == ("data", data)
    lines = micromamba("info").ok().out.splitlines()
    rows = dict(line.strip().split(" : ", 1) for line in lines if " : " in line.strip())
    assert rows["base environment"] == str(micromamba.line.root)
    assert rows["env location"] == "-"
    assert micromamba("info --base --json").ok().json["base environment"]


def test_variables_and_streams_of_a_program(data: CommandLine) -> None:
    shown = started(data, "run -n data --clean-env -e A -e B=2 env", A="1", C="3").stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    assert (values["A"], values["B"]) == ("1", "2")
    assert not {"C", "HOME"} & values.keys()
    assert values["PATH"].startswith(f"{data.environment('data')}/bin:")
    kept = started(data, "run -n data -e B=2 env", C="3").stdout.splitlines()
    assert {"B=2", "C=3"} <= set(kept)
    both = started(data, "run -n data -a stderr sh -c 'echo out; echo err >&2'")
    assert (both.stdout, both.stderr) == ("", "err\n")
    assert started(data, "run -n data -a '' sh -c 'echo out'").stdout == "out\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="programs are found in /proc")
def test_programs_are_listed_and_stopped(data: CommandLine) -> None:
    label = f"test-{os.getpid()}"
    detached = started(data, f"run -n data -d --label {label} sleep 60")
    assert (detached.returncode, detached.stdout) == (0, "")
    pid = int(detached.stderr.rsplit(" ", 1)[1])

    def listed() -> list[list[str]]:
        rows = (line.split() for line in started(data, "ps").stdout.splitlines())
        return [row for row in rows if row[1] == label]

    try:
        deadline = time.monotonic() + 5
        while not listed() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert listed() == [[str(pid), label, str(data.environment("data")), "sleep", "60"]]
        second = started(data, f"run -n data --label {label} true")
        assert (second.returncode, "is running" in second.stderr) == (2, True)
        assert started(data, f"ps stop {label}").returncode == 0
        assert started(data, f"ps stop {label}").returncode == 2
    finally:
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, 9)


def test_every_program_of_micromamba_has_a_label(data: CommandLine) -> None:
    done = started(data, "run -n data sh -c 'echo $MINICON_LABEL $$'").stdout
    (pid, name), shell = done.split()[0].split(":"), done.split()[1]
    assert (pid, name) == (shell, "sh")
