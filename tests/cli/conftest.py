"""The command line in this process, and a channel of small real packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.packages import PackageBuilder, build_channel


@pytest.fixture
def minicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hello 1.0 and 2.0 need greeting; lone needs nothing."""
    hello = PackageBuilder("hello").depends("greeting >=1")
    packages = [
        hello.version("1.0").file("bin/hello", "#!/bin/sh\necho hello 1.0\n"),
        hello.version("2.0").file("bin/hello", "#!/bin/sh\necho hello 2.0\n"),
        PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n"),
        PackageBuilder("lone").version("0.1").noarch().file("share/lone", "x" * 5000),
    ]
    return build_channel(tmp_path_factory.mktemp("channel"), packages)


@pytest.fixture
def data(minicon: CommandLine, channel: Path) -> CommandLine:
    """The command line, with an environment ``data`` that holds hello 1.0 and greeting."""
    minicon.set(MINICON_CHANNELS=str(channel))
    minicon("create", "-y", "-n", "data", "hello=1.0").ok()
    return minicon
