"""NoticeWatch: channels' notices (CEP 6), asked for beside other work and hardly waited for.

A command that fetches a channel's index asks for the channel's notices too, at most once a day,
over the connections that are tended anyway. What has come by the end of the command, or the blink
of an eye later, is shown.
"""

from __future__ import annotations

import time
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
    from minicon.net.small_files.server import FileRequest

#: How often a channel's notices are shown without being asked for (as conda does), in seconds.
_INTERVAL = 86_400.0
#: After everything that the command itself needs.
_PRIORITY = 9
#: Seconds that the end of a command waits for what is on its way: a quick command would miss it.
_GRACE = 0.05
_BREATH = 0.001


class NoticeWatch:
    """Asks, and collects what came.

    Args:
        services: Network, cache, clock and ``number_channel_notices``.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked: set[str] = set()
        self._questions: list[FileRequest] = []
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
            done = partial(self._receive, channel)
            question = small_files.ask(url, done, priority=_PRIORITY)
            self._questions += [question] if question else []

    def collect(self) -> None:
        """Take what has come, or comes in a moment; to be called before connections are closed."""
        small_files = self._services.fetcher.small_files if self._questions else None
        end = time.monotonic() + _GRACE
        while small_files and self._is_waiting and time.monotonic() < end:
            small_files.nudge()
            time.sleep(_BREATH)

    def collected(self) -> tuple[list[Notice], int]:
        """What has come, at most ``number_channel_notices``, and how many there are besides."""
        found = current(self._services, self._found.values())
        limit = self._services.settings.number_channel_notices
        return found[:limit], max(0, len(found) - limit)

    @property
    def _is_waiting(self) -> bool:
        return not all(question.is_done for question in self._questions)

    def _receive(self, channel: Channel, question: FileRequest) -> None:
        answer = question.answer
        if answer is not None:  # else its server wants a more careful client: 'minicon notices'
            body = answer.body if answer.status == 200 else b""
            keep_answer(cached_answer(self._services, channel), body)
            self._found[channel.base_url] = notices_in(channel, body)
