"""Commands take steps in proportion to what they work on: lines of Python are counted, not time.

``bench/growth.py`` measures the time and memory of the same and of larger cases.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bench.growth_cases import channel_of, environment_file, environment_of
from tests.support.command_line import CommandLine
from tests.support.growth import assert_linear_steps


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    made = CommandLine(tmp_path, monkeypatch, capsys)
    made.set(CONDA_SUBDIR="linux-64")
    return made


def installed(folder: Path, size: int) -> list[str]:
    return ["-p", str(environment_of(folder / "env", size))]


def from_chain(folder: Path, size: int) -> list[str]:
    return ["-c", str(channel_of(folder / "channel", size, chain=True)), "--override-channels"]


def specs(folder: Path, size: int) -> list[str]:
    prefix = environment_of(folder / "env", size, requested=True)
    file = environment_file(folder / "e.yml", channel_of(folder / "channel", size), size)
    return ["-p", str(prefix), "-f", str(file)]


def missing(folder: Path, size: int) -> list[str]:
    names = [f"q{number}" for number in range(size)]
    channel = channel_of(folder / "channel", 100)
    return ["-p", str(folder / "x"), "-c", str(channel), "--override-channels", *names]


@pytest.mark.parametrize(
    ("words", "case", "size"),
    [
        ("verify", installed, 60),
        ("doctor", installed, 60),
        ("remove --all -y", installed, 60),
        ("list", installed, 60),
        ("tree", installed, 60),
        ("why p0", installed, 25),
        ("sync --dry-run", specs, 40),
        ("create --dry-run", missing, 20),
        ("repoquery whoneeds p0", from_chain, 60),
        ("repoquery depends --tree p1", from_chain, 60),
        ("search *p*", from_chain, 60),
    ],
)
def test_steps_grow_with_the_size_and_no_faster(
    tmp_path: Path,
    command: CommandLine,
    words: str,
    case: Callable[[Path, int], list[str]],
    size: int,
) -> None:
    def make(size: int) -> list[str]:
        return [*words.split(), *case(tmp_path / str(size), size)]

    assert_linear_steps(lambda argv: command(*argv), make, size)
