"""NoticeWatch: channels' notices (CEP 6), asked for beside other work and never waited for.

A command that fetches a channel's index asks for the channel's notices too, at most once a day,
over the connections that are tended anyway. What has come by the end of the command is shown.
"""

from __future__ import annotations

from functools import partial

from minicon.api.notices import (
    age_of,
    cached_answer,
    current,
    keep_answer,
    notices_in,
    notices_url,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.notices import Notice
    from minicon.api.services import Services
    from minicon.models.channel import Channel
    from minicon.net.small_server import Question

#: How often a channel's notices are shown without being asked for (as conda does), in seconds.
_INTERVAL = 86_400.0
#: After everything that the command itself needs.
_PRIORITY = 9
#: Steps of taking what has arrived already: connected, sent, received.
_STEPS = 3


class NoticeWatch:
    """Asks, and collects what came.

    Args:
        services: Network, cache, clock and ``number_channel_notices``.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked: set[str] = set()
        self._found: dict[str, list[Notice]] = {}

    def begin(self, channel: Channel) -> None:
        """Ask for a channel's notices, unless that was done within a day. Returns at once."""
        services = self._services
        small_files = services.fetcher.small_files
        if small_files is None or channel.base_url in self._asked:
            return
        self._asked.add(channel.base_url)
        if age_of(services, cached_answer(services, channel)) >= _INTERVAL:
            url = services.fetcher.best_url(notices_url(channel))
            small_files.ask(url, partial(self._receive, channel), priority=_PRIORITY)

    def collected(self) -> tuple[list[Notice], int]:
        """What has come, at most ``number_channel_notices``, and how many there are besides."""
        small_files = self._services.fetcher.small_files if self._asked else None
        for _ in range(_STEPS if small_files else 0):
            small_files.nudge()  # type: ignore[union-attr]
        found = current(self._services, self._found.values())
        limit = self._services.settings.number_channel_notices
        return found[:limit], max(0, len(found) - limit)

    def _receive(self, channel: Channel, question: Question) -> None:
        answer = question.answer
        if answer is not None:  # else its server wants a more careful client: 'minicon notices'
            body = answer.body if answer.status == 200 else b""
            keep_answer(cached_answer(self._services, channel), body)
            self._found[channel.base_url] = notices_in(channel, body)
