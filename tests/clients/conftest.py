"""Real programs that call conda, mamba or micromamba, and shims for them to call.

``./dev clients`` installs the programs of requirements.txt into ``.venv/clients``; without them,
their tests are skipped. They get one channel, named ``conda-forge``, with packages that minicon
builds from wheels, served on loopback, and the interpreters of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.packages import PackageBuilder, build_channel

if TYPE_CHECKING:
    from collections.abc import Iterator

VENV = Path(__file__).parents[2] / ".venv" / "clients"
MINICON = Path(sys.executable).with_name("minicon")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Wheels that the channel has as conda packages; ``pip`` since clients request it.
WHEELS = ("packaging", "pip", "six", "wheel")
OWN_FAMILIES = ("CONDA", "_CONDA", "_CE", "MAMBA", "MINICON", "VIRTUAL_ENV", "NOX", "PRE_COMMIT")


@dataclass
class Site:
    """A machine with minicon's shims instead of conda, mamba and micromamba."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    #: Variables with the directories of the channels, for clients that look for a public server.
    offline: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def run(
        self, *words: str | Path, cwd: Path | None = None, code: int = 0, **variables: str
    ) -> str:
        """Run a program and return what it wrote; fail if it exits with another code."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd or self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A machine with shims, a small channel and the interpreters of this machine."""
    folder = tmp_path_factory.mktemp("site")
    with ChannelServer(_small_channel(folder)) as server:
        yield _make_site(folder, [server.url])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A machine with the clients, and packages built from wheels too."""
    if not (VENV / "bin" / "nox").exists():
        pytest.skip("the clients are missing: ./dev clients")
    folder = tmp_path_factory.mktemp("site")
    with (
        ChannelServer(_small_channel(folder)) as server,
        ChannelServer(_channel_of_wheels()) as wheels,
    ):
        made = _make_site(folder, [wheels.url, server.url])
        local = [(VENV / "channel").as_uri(), (folder / "own").as_uri(), "host"]
        made.offline["MINICON_CUSTOM_MULTICHANNELS"] = json.dumps({"conda-forge": local})
        yield made


def _small_channel(folder: Path) -> Path:
    return build_channel(folder / "own", [
        PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n"),
        PackageBuilder("hello").version("2.0").depends("greeting >=1").file("share/hello", "2\n")
        .file("etc/conda/activate.d/hello.sh", "export HELLO_SCRIPT=sourced\n")
        .file("bin/hello", "#!/bin/sh\necho hello from $CONDA_PREFIX\n", mode=0o755),
    ])  # fmt: skip


def _make_site(folder: Path, channels: list[str]) -> Site:
    """Write the shims, and the variables that lead to them."""
    (folder / "home").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN_FAMILIES)}
    named = {"conda-forge": [*channels, "host"]}
    site = Site(folder, {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": f"{folder}/root/bin:{VENV}/bin:{kept['PATH']}",
        "MINICON_CUSTOM_MULTICHANNELS": json.dumps(named),
        "MINICON_CHANNELS": "conda-forge",
        **{f"GIT_{who}_NAME": "x" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "x@x" for who in ("AUTHOR", "COMMITTER")},
    })  # fmt: skip
    site.run("env", f"MINICON_ROOT={site.root}", MINICON, "shims")
    return site


def _channel_of_wheels() -> Path:
    """Build the channel once; it stays beside the clients."""
    channel = VENV / "channel"
    if not (channel / "noarch" / "repodata.json").exists():
        recipes = VENV / "recipes"
        recipes.mkdir(exist_ok=True)
        for name in WHEELS:
            (recipes / f"{name}.yaml").write_text(f"wheel: {name}\n")
        done = subprocess.run(
            [MINICON, "channel", "build", recipes, channel], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("the channel for clients cannot be built without PyPI")
    return channel
