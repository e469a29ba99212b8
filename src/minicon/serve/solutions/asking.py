"""Solutions: ask for solutions, keep them under the hash of their question, and complete them."""

from __future__ import annotations

import asyncio
import time

from minicon.lean_dataclasses import dataclass
from minicon.serve.hosted import Allowed
from minicon.serve.questions import Answerers, KeptAnswers, question_key
from minicon.serve.refusal import not_found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import Any

    from minicon.serve.hosted import HostedChannel
    from minicon.serve.options import ServeOptions
    from minicon.serve.visit import Visit

#: Seconds for which answers about channels on servers are kept.
_REMOTE_SECONDS = 60.0
#: Seconds beyond the time limit of the solver itself: to start, to fetch indexes, to explain.
_EXTRA_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client wants to be solved.

    Attributes:
        specs: Specs as typed.
        environment: Text of an environment file, or empty.
        channels: Names of channels, first has priority; none means all that may be read.
        platforms: Subdirs; none means those of the file.
        virtual_packages: Facts of the machines, such as ``__cuda=12.4``.
    """

    specs: tuple[str, ...] = ()
    environment: str = ""
    channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    virtual_packages: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the question for the process that answers it."""
        return {
            "specs": self.specs,
            "environment": self.environment,
            "channels": self.channels,
            "platforms": self.platforms,
            "virtual_packages": self.virtual_packages,
        }


class Solutions:
    """Asks questions about channels, and keeps the answers while the channels are unchanged.

    Args:
        options: What the operator chose.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._answerers = Answerers(options)
        self._kept = KeptAnswers()
        self._due: dict[tuple[str, Hashable], asyncio.Task[Any]] = {}

    async def close(self) -> None:
        """End the processes that answer."""
        await self._answerers.close()

    async def ask(self, visit: Visit, kind: str, channel: HostedChannel, **arguments: Any) -> Any:
        """Return the answer to a question about one channel.

        Raises:
            Refusal: There is none.
        """
        arguments["channel"] = channel.name
        return (await self._answer(visit, kind, arguments, {channel.name: channel}))[1]

    async def solve(self, visit: Visit, question: Question) -> dict[str, Any]:
        """Return the document of a solution, or of why there is none.

        Raises:
            Refusal: The question is invalid, or takes too long.
        """
        arguments = {**question.to_json(), "readable": list(visit.channels)}
        arguments["public"] = visit.public if question.environment else ""
        key, answer = await self._answer(visit, "solve", arguments, visit.channels)
        return self._document(visit, key, answer)

    def kept(self, visit: Visit, key: str) -> dict[str, Any]:
        """Return the document of an earlier solution. Raises Refusal if it is not kept."""
        answer = self._kept.get_any(key)
        if answer is None or "results" not in answer:
            raise not_found("solution of this name: ask for it again")
        return self._document(visit, key, answer)

    async def _answer(
        self,
        visit: Visit,
        kind: str,
        arguments: Mapping[str, Any],
        channels: Mapping[str, HostedChannel],
    ) -> tuple[str, Any]:
        key, state = question_key(kind, arguments), self._state(channels)
        found = self._kept.get(key, state)
        if found is not None:
            return key, found
        task = self._due.get((key, state))
        if task is None:  # the same question is answered once for all who ask it now
            seconds = self._options.solve_seconds + _EXTRA_SECONDS
            asking = self._answerers.ask(kind, seconds, client=visit.client, **arguments)
            task = asyncio.ensure_future(asking)
            self._due[key, state] = task
            task.add_done_callback(lambda done: self._finished(key, state, done))
        return key, await asyncio.shield(task)

    def _finished(self, key: str, state: Hashable, task: asyncio.Task[Any]) -> None:
        self._due.pop((key, state), None)
        if not task.cancelled() and task.exception() is None:
            self._kept.put(key, state, task.result())

    def _state(self, channels: Mapping[str, HostedChannel]) -> Hashable:
        """Identify the state of channels: of those on servers, by the minute."""
        minute = int(time.monotonic() // _REMOTE_SECONDS)
        is_remote = self._options.allowed != Allowed() or any(
            c.directory is None for c in channels.values()
        )
        stamps = tuple((name, each.stamp()) for name, each in channels.items())
        return (stamps, minute if is_remote else 0)

    def _document(self, visit: Visit, key: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Complete an answer with the URLs that this client uses."""
        names = answer["channels"]
        for name in names:
            if name not in self._options.allowed.channels:
                visit.channel(name)  # only for those who may read it

        def completed(package: Mapping[str, Any]) -> dict[str, Any]:
            found = package["url"]
            own = visit.url(package["channel"], package["subdir"], package["fn"])
            return {**package, "url": found or own}

        results = [
            {**each, "packages": [completed(package) for package in each["packages"]]}
            if each["solved"]
            else each
            for each in answer["results"]
        ]
        channels = [
            {"name": name, "url": self._options.allowed.channels.get(name) or visit.url(name)}
            for name in names
        ]
        is_solved = all(each["solved"] for each in results)
        return {
            "id": key,
            "solved": is_solved,
            **answer,
            "channels": channels,
            "results": results,
        }
