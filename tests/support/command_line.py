"""CommandLine: run ``minicon`` in this process, with its own home; fast."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.commands import Outcome
from tests.support.packages import PackageBuilder, build_channel

from minicon.cli.main import main

_FAMILY = ("CONDA_", "MINICON_", "_CONDA", "PIP_", "VIRTUAL_ENV", "XDG_")


@dataclass
class CommandLine:
    """A HOME and a MINICON_ROOT without any configuration."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.root = self.folder / "root"
        self.home.mkdir()
        for name in list(os.environ):
            if name.startswith(_FAMILY):
                self.monkeypatch.delenv(name)
        self.set(
            HOME=str(self.home),
            MINICON_ROOT=str(self.root),
            NO_COLOR="1",
            MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY="false",
            PIP_CONFIG_FILE=os.devnull,
            PIP_NO_INDEX="1",
        )
        self.monkeypatch.chdir(self.folder)

    def set(self, values: Mapping[str, str] | None = None, **more: str) -> None:
        """Set environment variables."""
        for name, value in {**(values or {}), **more}.items():
            self.monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str | Path) -> Outcome:
        """Run ``minicon`` with arguments; a single text is split as by a shell."""
        words = [str(each) for each in arguments]
        if len(words) == 1:
            words = shlex.split(words[0])
        self.capture.readouterr()
        code = main(words)
        out, err = self.capture.readouterr()
        return Outcome(code, out, err)

    def environment(self, name: str) -> Path:
        return self.root / "envs" / name


def small_channel(folder: Path) -> Path:
    """Build a channel: hello 1.0 and 2.0 depend on greeting; lone has no dependencies."""
    hello = PackageBuilder("hello").depends("greeting >=1")
    packages = [
        hello.version("1.0").file("bin/hello", "#!/bin/sh\necho hello 1.0\n"),
        hello.version("2.0").file("bin/hello", "#!/bin/sh\necho hello 2.0\n"),
        PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n"),
        PackageBuilder("lone").version("0.1").noarch().file("share/lone", "x" * 5000),
    ]
    return build_channel(folder, packages)
