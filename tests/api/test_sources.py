"""Which sources a request may use."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.api_world import Notes, make_services, make_settings
from tests.support.channels import ChannelBuilder

from minicon.api.plan.channel_indices import channel_indices
from minicon.api.sources import Sources, choose_sources
from minicon.errors import ChannelError, ConfigError
from minicon.models.channel import Channel

VARIABLES = {"SERVER": "https://me:secret@host.test", "TOKEN": "abc"}
Probe = Callable[[Channel, float], bool]


@pytest.fixture
def choose(tmp_path: Path) -> Callable[..., Sources]:
    def chosen(
        *named: str, override: bool = False, reachable: bool = True, **changes: Any
    ) -> Sources:
        probed: list[Channel] = []

        def probe(channel: Channel, seconds: float) -> bool:
            assert seconds <= 2
            probed.append(channel)
            return reachable

        settings = make_settings(tmp_path, **changes)
        sources = choose_sources(
            settings, named, override=override, environ=VARIABLES, is_reachable=probe
        )
        assert not probed or set(named) <= {"nodefaults"}, (
            "named channels are not probed: they must answer"
        )
        return sources

    return chosen


def test_variables_of_named_channels_are_replaced_and_not_shown(
    choose: Callable[..., Sources],
) -> None:
    sources = choose("$SERVER/a", "https://host.test/t/${TOKEN}/b")
    assert sources.names == ("https://host.test/a", "https://host.test/b")


def test_default_sources_where_conda_forge_is_reachable(choose: Callable[..., Sources]) -> None:
    sources = choose()
    assert sources.names == ("conda-forge", "host", "pypi")
    assert sources.allow_pypi
    assert sources.skipped == ()


def test_default_sources_where_conda_forge_is_unreachable(choose: Callable[..., Sources]) -> None:
    sources = choose(reachable=False)
    assert sources.names == ("host", "pypi")
    assert [channel.name for channel in sources.skipped] == ["conda-forge"]
    assert choose("nodefaults", reachable=False).names == ("host", "pypi")


def test_named_channels_exclude_the_default_sources(choose: Callable[..., Sources]) -> None:
    sources = choose("bioconda", "conda-forge")
    assert sources.names == ("bioconda", "conda-forge")
    assert not sources.use_host
    assert not sources.pypi_for_missing_names
    assert sources.allow_pypi, "pypi:NAME is still allowed"


def test_builtin_sources_may_be_named(choose: Callable[..., Sources]) -> None:
    sources = choose("host", "conda-forge", "pypi")
    assert sources.names == ("conda-forge", "host", "pypi")
    assert choose("pypi").channels == ()


def test_configured_channels_follow_the_named(choose: Callable[..., Sources]) -> None:
    configured = ("conda-forge", "host")
    assert choose(channels=configured).names == ("conda-forge", "host")
    assert choose("mine", channels=configured).names == ("mine", "conda-forge", "host")
    assert choose("mine", override=True, channels=configured).names == ("mine",)
    assert choose("mine", "nodefaults", channels=configured).names == ("mine",)
    assert choose("conda-forge", channels=configured).names == ("conda-forge", "host")


def test_override_needs_a_channel(choose: Callable[..., Sources]) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(override=True)
    assert caught.value.reference == "no-channels"


def test_no_pypi_forbids_even_pypi_specs(choose: Callable[..., Sources]) -> None:
    assert choose(use_pypi=False).names == ("conda-forge", "host")
    assert not choose("pypi", use_pypi=False).pypi_for_missing_names
    assert not choose("conda-forge", use_pypi=False).allow_pypi


def test_multichannels_and_paths(choose: Callable[..., Sources], tmp_path: Path) -> None:
    multi = {"lab": ("conda-forge", "https://packages.example.org/lab")}
    assert len(choose("lab", custom_multichannels=multi).channels) == 2
    (tmp_path / "channel").mkdir()
    (local,) = choose(str(tmp_path / "channel")).channels
    assert local.base_url == (tmp_path / "channel").as_uri()


def test_allowed_and_denied_channels(choose: Callable[..., Sources]) -> None:
    assert choose("conda-forge", "host", allowlist_channels=("conda-forge",)).names
    for changes in (
        {"allowlist_channels": ("conda-forge",)},
        {"denylist_channels": ("https://conda.anaconda.org/bioconda",)},
    ):
        with pytest.raises(ChannelError) as caught:
            choose("conda-forge", "bioconda", **changes)
        assert caught.value.reference == "channel-not-allowed"
        assert "bioconda" in caught.value.message
    assert choose(denylist_channels=("conda-forge",)).names == ("host", "pypi")
    assert choose(allowlist_channels=("bioconda",)).names == ("host", "pypi")


def test_thousands_of_channels_are_refused(choose: Callable[..., Sources]) -> None:
    with pytest.raises(ConfigError, match="1,001 channels are named; at most 1,000 can be used"):
        choose(*(f"c{number}" for number in range(1001)))


def test_many_channels_and_long_allowlists_are_quick(
    choose: Callable[..., Sources],
) -> None:
    names = tuple(f"c{number}" for number in range(1000))
    start = time.process_time()
    sources = choose(*names[1:], allowlist_channels=names, denylist_channels=("x", "y"))
    assert len(sources.channels) == 999
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("named", "following"),
    [
        (("host", "one", "two"), "one"),
        (("one", "host", "pypi", "two"), "two"),
        (("one", "two", "host"), None),
        (("one", "host", "one"), None),
        (("one", "two"), None),
    ],
)
def test_host_ranks_where_it_is_named(
    choose: Callable[..., Sources], named: tuple[str, ...], following: str | None
) -> None:
    sources = choose(*named, override=True)
    assert (sources.host_before.name if sources.host_before else None) == following


def test_indices_have_the_order_of_the_sources(tmp_path: Path) -> None:
    channels = [ChannelBuilder(tmp_path / name).write().url for name in ("one", "two")]
    services = make_services(tmp_path, Notes())
    for position in range(3):
        named = (*channels[:position], "host", *channels[position:])
        sources = services.sources(named, override=True, probe=False)
        groups = channel_indices(services, sources)
        order = [group[0].channel for group in groups]
        assert order == [*channels[:position], "host", *channels[position:]]
