"""Notes of a plan."""

from __future__ import annotations

import json
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


def lock(*packages: tuple[str, str, str, str]) -> str:
    """A lock of packages: manager, name, version, file."""
    entries = [
        {
            "name": name,
            "version": version,
            "manager": manager,
            "platform": "linux-64",
            "dependencies": {} if name == "python" else {"python": "3.11.*"},
            "url": f"https://h.test/linux-64/{file}",
            "hash": {"sha256": "0" * 64},
            "category": "main",
        }
        for manager, name, version, file in packages
    ]
    lines = ["version: 1", "metadata: {platforms: [linux-64]}", "package:"]
    return "\n".join([*lines, *(f"- {json.dumps(entry)}" for entry in entries), ""])


@pytest.mark.parametrize(
    "project", ["opencv_python", "opencv_contrib_python_headless", "unrelated"]
)
def test_a_project_has_one_source(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    project: str,
) -> None:
    """A lock that another tool wrote can name both."""
    wheel = ("pip", project.replace("_", "-"), "4.9", f"{project}-4.9-py3-none-any.whl")
    file = tmp_path / "conda-lock.yml"
    file.write_text(
        lock(
            ("conda", "python", "3.11.9", "python-3.11.9-0.conda"),
            ("conda", "py-opencv", "4.9", "py-opencv-4.9-0.conda"),
            wheel,
        )
    )
    command = CommandLine(tmp_path, monkeypatch, capsys)
    command.set(CONDA_SUBDIR="linux-64")
    outcome = command("create", "-d", "-n", "x", "-f", str(file))
    if project == "unrelated":
        assert outcome.code == 0, outcome.err
        return
    assert outcome.code == 1
    assert f"{wheel[1]} 4.9 from PyPI and py-opencv-4.9-0" in outcome.err
    assert "minicon remove" not in outcome.err
