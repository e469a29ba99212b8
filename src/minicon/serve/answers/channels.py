"""KnownChannels: the channels that questions may be about, and services that reach no others.

A served channel has an address that exists nowhere (:data:`BASE`); the directory or server with its
files is its mirror. So records, messages and locks have the channel's name, never a path of this
machine, and the server puts its own URL in front.
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.api.plan.platforms import target_facts
from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.errors import ChannelError
from minicon.lean_dataclasses import replace
from minicon.models.strict_json import read_json
from minicon.models.subdir import KNOWN_SUBDIRS, NOARCH
from minicon.models.url import Url
from minicon.serve.refusal import not_found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from minicon.api.lock.lock_inputs import LockTarget
    from minicon.config.settings import Settings

BASE = "http://channels.invalid"
#: Subdirs of a channel on a server that has no channeldata.json.
_USUAL_SUBDIRS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64", NOARCH)
_MOST_CHANNELDATA = 1 << 28


class KnownChannels:
    """The channels that questions may be about.

    Args:
        channels: Locations of the served channels, by name.
        allowed: URLs of further channels that solutions may use, by name.
        allow_pypi: Whether solutions may use PyPI.
        allow_host: Whether they may use interpreters of this machine.
        seconds: Processor time that a solution may take.
    """

    def __init__(
        self,
        channels: Mapping[str, str],
        allowed: Mapping[str, str],
        *,
        allow_pypi: bool = False,
        allow_host: bool = False,
        seconds: float = 30.0,
    ) -> None:
        self.served = dict(channels)
        self.allowed = dict(allowed)
        self.allow_pypi = allow_pypi
        self.allow_host = allow_host
        self.seconds = seconds
        self._settings = self._confined(
            load_settings(
                environ=os.environ, home=Path.home(), working_directory=Path.home()
            ).settings
        )
        self._channeldata: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def services(self, target: LockTarget | None = None) -> Services:
        """Return services that open the URLs of these channels, and of PyPI if it is allowed.

        Args:
            target: The kind of machine to solve for; None if nothing is solved.
        """
        settings, facts = self._settings, None
        if target is not None:
            settings = replace(settings, platform=target.platform)
            facts = target_facts(target.platform, target.virtual_packages, {}, {})
        services = Services(settings, virtual_packages=facts)
        services.environ = {k: v for k, v in os.environ.items() if self._is_needed(k)}
        locations = [str(Url(url).without_credentials) for url in self.served.values()]
        services.fetcher.confine([*locations, *self.allowed.values()])
        return services

    def _is_needed(self, variable: str) -> bool:
        """Whether a variable of this machine counts: it is no variable of a target."""
        finds_host = self.allow_host and variable == "PATH"
        return finds_host or (self.allow_pypi and variable.startswith("PIP_"))

    def public_text(self, text: str) -> str:
        """Return a message without the locations of channels, which clients must not see."""
        for name, location in self.served.items():
            text = text.replace(str(Url(location).without_credentials).rstrip("/"), name)
        return text.replace(f"{BASE}/", "")

    def channel_text(self, name: str) -> str:
        """Return a channel as minicon's settings and requests name it. Raises Refusal."""
        if name in self.served:
            return f"{BASE}/{name}"
        if name in self.allowed:
            return name
        raise not_found(f"channel {name!r}")

    def subdirs(self, services: Services, name: str) -> tuple[str, ...]:
        """Return the subdirs of a served channel that have an index, noarch last."""
        folder = Url(self.served[name]).file_path
        if folder is None:
            found: Iterable[str] = self.channeldata(services, name).get("subdirs") or _USUAL_SUBDIRS
        else:
            found = (path.parent.name for path in Path(folder).glob("*/repodata.json"))
        known = {each for each in found if each in KNOWN_SUBDIRS}
        return (*sorted(known - {NOARCH}), NOARCH)

    def channeldata(self, services: Services, name: str) -> Mapping[str, Any]:
        """Return a channel's ``channeldata.json`` (CEP 38); empty if it has none."""
        known = self._channeldata.get(name)
        headers = {"If-None-Match": known[0]} if known else {}
        try:
            with services.fetcher.open(
                f"{BASE}/{name}/channeldata.json", headers=headers
            ) as answer:
                if answer.status == 304 and known:
                    return known[1]
                data = read_json(answer.read(_MOST_CHANNELDATA)) if answer.status == 200 else {}
                etag = answer.headers.get("ETag", "")
        except (ChannelError, ValueError):
            return {}
        found = data if isinstance(data, dict) else {}
        self._channeldata[name] = (etag, found)
        return found

    def _confined(self, settings: Settings) -> Settings:
        """Return settings with these channels alone, and nothing that is meant for environments."""
        bases = (*(f"{BASE}/{name}" for name in self.served), *self.allowed.values())
        return replace(
            settings,
            channels=(),
            channel_alias=BASE,
            custom_channels={name: url.rpartition("/")[0] for name, url in self.allowed.items()},
            custom_multichannels={},
            default_channels=(),
            mirrored_channels={f"{BASE}/{name}": (url,) for name, url in self.served.items()},
            allowlist_channels=bases,
            denylist_channels=(),
            channel_settings={},
            use_pypi=self.allow_pypi,
            offline=False,
            local_repodata_ttl=1,
            number_channel_notices=0,
            pinned_packages=(),
            create_default_packages=(),
            disallowed_packages=(),
            override_virtual_packages={},
        )
