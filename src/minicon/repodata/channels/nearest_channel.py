"""Which channel somebody may have meant who named one that is not there."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.models.channel import Channel

#: Public channels that many use.
_WELL_KNOWN = (
    *("anaconda", "bioconda", "conda-forge", "defaults", "dglteam", "fastai", "intel", "main"),
    *("msys2", "nvidia", "plotly", "pyg", "pytorch", "pytorch-nightly", "r", "rapidsai"),
    *("robostack-staging", "salilab"),
)


def nearest_channel(channel: Channel) -> str | None:
    """A channel with nearly that name: a folder beside it, or one that is well known."""
    import difflib

    place, _, name = channel.base_url.rpartition("/")
    near = difflib.get_close_matches(name, _candidates(channel, place), 1)
    if not near or near[0] == name:
        return None
    return near[0] if channel.name == name else f"{place}/{near[0]}"


def _candidates(channel: Channel, place: str) -> Iterable[str]:
    if not channel.is_local:
        return _WELL_KNOWN
    from minicon.models.url import Url

    try:
        return os.listdir(Url(place).file_path or "/")
    except OSError:
        return ()
