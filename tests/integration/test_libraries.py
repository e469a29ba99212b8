"""The libraries of ADR 2 do the work in a user's main job: each call is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import resolvelib.resolvers
import tqdm
import yaml
import zstandard
from tests.support.channel_server import ChannelServer
from tests.support.command_line import CommandLine
from tests.support.package_index import PackageIndex, serving
from tests.support.packages import PackageBuilder, build_channel
from tests.support.wheels import WheelBuilder

from minicon.archive.libarchive_decoder import libarchive_version, load_libarchive
from minicon.cli import progress
from minicon.cli.console import Console


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls into each library, counted at the function that does its work."""
    counter: Counter[str] = Counter()

    def count(library: str, owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            counter[library] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    count("requests", requests.Session, "get_adapter")
    count("pyyaml", yaml, "compose")
    count("resolvelib", resolvelib.resolvers.Resolution, "resolve")
    count("zstandard", zstandard, "ZstdDecompressor")
    count("zstandard compression", zstandard, "ZstdCompressor")
    count("tqdm", tqdm.tqdm, "refresh")
    ffi = load_libarchive()
    if ffi is not None:
        count("libarchive", ffi, "read_data")
    return counter


@pytest.fixture
def minicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    (tmp_path / "work").mkdir()
    return CommandLine(tmp_path / "work", monkeypatch, capsys)


def folder_of_packages(tmp_path: Path) -> Path:
    """A channel with one ``.conda`` and one ``.tar.bz2``."""
    tool = PackageBuilder("tool").noarch().depends("data").file("share/tool", "tool\n")
    data = PackageBuilder("data").noarch().file("share/data", "data\n")
    channel = tmp_path / "channel"
    tool.build(channel, ".conda")
    data.build(channel, ".tar.bz2")
    return channel


@pytest.fixture
def channel(tmp_path: Path, minicon: CommandLine) -> Iterator[ChannelServer]:
    """The channel, indexed by minicon and served over HTTP."""
    folder = folder_of_packages(tmp_path)
    minicon("channel", "index", folder).ok()
    with ChannelServer(folder) as server:
        yield server


def test_creating_an_environment_from_a_file_uses_every_library(
    minicon: CommandLine,
    channel: ChannelServer,
    calls: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python from this machine, conda packages over HTTP, a wheel from an index."""
    monkeypatch.setattr(Console, "shows_progress", True)  # as on a terminal
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    monkeypatch.setattr(progress, "_DRAWING", 0.001)
    index = PackageIndex()
    index.add(WheelBuilder("leaf", "1.0").file("leaf.py", ""))
    file = minicon.folder / "environment.yml"
    file.write_text(
        f"name: a\nchannels: [{channel.url}, host]\n"
        "dependencies:\n  - python\n  - tool\n  - pip:\n      - leaf\n"
    )
    with serving(index):
        minicon.set(PIP_NO_INDEX="0", PIP_INDEX_URL=index.index_url)
        minicon("env", "create", "-f", file).ok()
    records = {
        path.name.split("-")[0] for path in minicon.environment("a").glob("conda-meta/*.json")
    }
    assert records == {"python", "tool", "data", "leaf"}
    for library in ("requests", "pyyaml", "resolvelib", "zstandard", "tqdm"):
        assert calls[library] > 0, f"{library} was not called: {calls}"
    assert calls["libarchive"] > 0 or not libarchive_version(), "libarchive was not called"


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_creating_from_a_channel_alone_uses_resolvelib_and_libarchive(
    minicon: CommandLine, tmp_path: Path, calls: Counter[str], kind: str
) -> None:
    tool = PackageBuilder("tool").noarch().file("share/tool", "tool\n")
    folder = build_channel(tmp_path / "channel", [tool], kind)
    minicon("create", "-y", "-n", "a", "-c", folder.as_uri(), "--override-channels", "tool").ok()
    assert (minicon.environment("a") / "share" / "tool").read_text() == "tool\n"
    assert calls["resolvelib"] > 0
    assert calls["libarchive"] > 0 or not libarchive_version()


def test_info_names_the_reader_of_archives(minicon: CommandLine) -> None:
    expected = f"libarchive {libarchive_version()}" if libarchive_version() else "minicon ("
    assert minicon("info", "--json").ok().json["archive_reader"].startswith(expected)
    assert expected in minicon("info --all").ok().out


def test_index_compresses_with_zstandard(
    minicon: CommandLine, tmp_path: Path, calls: Counter[str]
) -> None:
    folder = folder_of_packages(tmp_path)
    calls.clear()
    minicon("channel", "index", folder).ok()
    assert (folder / "noarch" / "repodata.json.zst").is_file()
    assert calls["zstandard compression"] > 0
