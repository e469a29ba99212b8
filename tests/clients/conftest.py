"""Real programs that call conda, mamba or micromamba, and shims for them to call.

``./dev clients`` installs the programs of requirements.txt into ``.venv/clients``; without them,
the tests are skipped. They get one channel, named ``conda-forge``, with packages that minicon
builds from wheels, and the interpreters of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder, build_channel

VENV = Path(__file__).parents[2] / ".venv" / "clients"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Wheels that the channel has as conda packages; ``pip`` since clients request it.
WHEELS = ("packaging", "pip", "six", "wheel")
OWN_FAMILIES = ("CONDA", "_CONDA", "_CE", "MAMBA", "MINICON", "VIRTUAL_ENV", "NOX", "PRE_COMMIT")


@dataclass
class Site:
    """A machine with minicon's shims instead of conda, mamba and micromamba."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def run(self, *words: str | Path, cwd: Path | None = None, code: int = 0) -> str:
        """Run a program and return what it wrote; fail if it exits with another code."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd or self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}"
        return done.stdout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not (VENV / "bin" / "nox").exists():
        missing = pytest.mark.skip(reason="the clients are missing: ./dev clients")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    (folder / "home").mkdir()
    minicon = Path(sys.executable).with_name("minicon")
    channel = _channel_of_wheels(minicon)
    own = build_channel(folder / "own", [
        PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n"),
        PackageBuilder("hello").version("2.0").depends("greeting >=1").file("share/hello", "2\n"),
    ])  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN_FAMILIES)}
    named = {"conda-forge": [channel.as_uri(), own.as_uri(), "host"]}
    site = Site(folder, {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": f"{folder}/root/bin:{VENV}/bin:{kept['PATH']}",
        "MINICON_CUSTOM_MULTICHANNELS": json.dumps(named),
        "MINICON_CHANNELS": "conda-forge",
        **{f"GIT_{who}_NAME": "x" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "x@x" for who in ("AUTHOR", "COMMITTER")},
    })  # fmt: skip
    site.run("env", f"MINICON_ROOT={site.root}", minicon, "shims")
    return site


def _channel_of_wheels(minicon: Path) -> Path:
    """Build the channel once; it stays beside the clients."""
    channel = VENV / "channel"
    if not (channel / "noarch" / "repodata.json").exists():
        recipes = VENV / "recipes"
        recipes.mkdir(exist_ok=True)
        for name in WHEELS:
            (recipes / f"{name}.yaml").write_text(f"wheel: {name}\n")
        done = subprocess.run(
            [minicon, "channel", "build", recipes, channel], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("the channel for clients cannot be built without PyPI")
    return channel
