"""The channel client against real files and a real server."""

from __future__ import annotations

import json

import pytest

from minicon.errors import ChannelError, OfflineError, RepodataError
from minicon.models.channel import Channel
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Notes:
    """A reporter that keeps its sentences."""

    def __init__(self) -> None:
        from minicon.models.reporter import SilentReporter

        self.start = SilentReporter().start
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-1.26.4-py311_0", depends=["python >=3.11,<3.12.0a0"])
    builder.add("numpy-1.26.4-py311_0.tar.bz2")
    builder.add("numpy-1.25.0-py311_0.tar.bz2")
    builder.add("numpy-1.24.0-py311_0.tar.bz2")
    builder.remove("numpy-1.24.0-py311_0.tar.bz2")
    builder.add("numpy-base-1.0-0")
    builder.add("six-1.16.0-pyh_0", subdir="noarch", noarch="python")
    return builder.write(zst=True)


@pytest.fixture
def server(builder):
    with ChannelServer(builder.directory) as server:
        yield server


@pytest.fixture
def client_for(tmp_path):
    def make(**options):
        fetcher = options.pop("fetcher", None) or make_fetcher(
            home=tmp_path, environment={}, offline=options.get("offline", False), max_retries=1
        )
        options.setdefault("clock", Clock())
        options.setdefault("reporter", Notes())
        client = ChannelClient(fetcher, tmp_path / "cache", **options)
        client.clock, client.notes = options["clock"], options["reporter"]
        return client

    return make


def versions(index, name):
    return sorted((r.version, r.fn) for r in index.records_for(name))


def at(url: str) -> Channel:
    return Channel(url, url)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_records_are_found_by_name(scheme, builder, server, client_for) -> None:
    url = builder.url if scheme == "file" else server.url
    ((linux, noarch),) = client_for().indices([at(url)], ["linux-64", "noarch"])
    assert sorted(linux.names()) == ["numpy", "numpy-base"]
    assert versions(linux, "numpy") == [
        ("1.25.0", "numpy-1.25.0-py311_0.tar.bz2"),
        ("1.26.4", "numpy-1.26.4-py311_0.conda"),
    ]
    (six,) = noarch.records_for("six")
    assert (six.channel, six.subdir, six.noarch) == (url, "noarch", "python")
    assert six.url == f"{url}/noarch/six-1.16.0-pyh_0.conda"
    assert noarch.records_for("numpy") == ()
