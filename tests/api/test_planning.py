"""Notes of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.channels import ChannelBuilder
from tests.support.command_line import CommandLine


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        ("app[extras=[fats]]", "app 1.0 has no extra fats; it has fast, slow"),
        ("lib[extras=[any]]", "lib 1.0 has no extra any; it has none"),
        ("app[extras=[fast]]", None),
        ("app", None),
    ],
)
def test_unknown_extras_are_noted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spec: str,
    note: str | None,
) -> None:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    channel = ChannelBuilder(tmp_path / "chan")
    channel.add("app-1.0-0", extra_depends={"slow": ["lib"], "fast": ["lib"]})
    channel.add("lib-1.0-0")
    channel.write()
    command.set(CONDA_CHANNELS=channel.url, CONDA_SUBDIR="linux-64")
    outcome = command("create", "-d", "-n", "x", spec)
    assert outcome.code == 0, outcome.err
    if note is None:
        assert "has no extra" not in outcome.out + outcome.err
    else:
        assert note in outcome.out + outcome.err
