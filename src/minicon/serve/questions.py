"""Answerers: a few processes that answer questions, one at a time each, within a time limit.

::

    question ── key of question and channels ──> kept answer?
        └── a free process, or wait, or refuse (503) ──> answer ── kept
                    └── too late: the process is ended, and refuse (504)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections import Counter, OrderedDict

from minicon.serve.messages import HEAD, MOST_BYTES, packed
from minicon.serve.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Hashable, Mapping
    from typing import Any

    from minicon.serve.options import ServeOptions

#: Most answers kept, and their most bytes as JSON.
_MOST_KEPT, _MOST_KEPT_BYTES = 2000, 1 << 27
#: Questions after which a process is replaced, so that what it caches does not grow for ever.
_MOST_QUESTIONS = 1000
_STARTING_SECONDS = 30.0


class Answerers:
    """Processes that answer questions; see :mod:`minicon.serve.answers.worker`.

    Args:
        options: What the operator chose.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._most_waiting = options.most_waiting
        self._configuration = {
            "channels": {each.name: each.location for each in options.channels.values()},
            "allowed": dict(options.allowed.channels),
            "allow_pypi": options.allowed.pypi,
            "allow_host": options.allowed.host,
            "seconds": options.solve_seconds,
        }
        self._free: list[_Answerer] = []
        self._slots = asyncio.Semaphore(options.solvers)
        self._waiting = 0
        self._clients: Counter[str] = Counter()
        self._running: set[_Answerer] = set()

    async def ask(self, kind: str, seconds: float, *, client: str = "", **arguments: Any) -> Any:
        """Return the answer to a question.

        Args:
            kind: Kind of the question.
            seconds: Time limit, without the time of waiting for a process.
            client: Address of the client, which may have a quarter of the questions that wait.
            arguments: The rest of the question.

        Raises:
            Refusal: The answer is one; too many questions wait; it takes too long.
        """
        share = max(1, self._most_waiting // 4) if client else self._most_waiting
        if self._waiting >= self._most_waiting or self._clients[client] >= share:
            message = "too many requests are waiting for a solution"
            raise Refusal(503, "too-busy", message, headers={"Retry-After": "5"})
        self._waiting += 1
        self._clients[client] += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
            self._clients[client] -= 1
            self._clients += Counter()  # forgets those with none
        try:
            return await self._ask({"kind": kind, **arguments}, seconds)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """End all processes."""
        for each in [*self._free, *self._running]:
            await each.end()

    async def _ask(self, question: Mapping[str, Any], seconds: float) -> Any:
        answerer = self._free.pop() if self._free else await _start(self._configuration)
        self._running.add(answerer)
        try:
            answer = await asyncio.wait_for(answerer.ask(question), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            await answerer.end()
            message = f"there is no answer within {seconds:g} seconds"
            raise Refusal(504, "time-limit", message, hint="request fewer packages") from None
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            await answerer.end()
            message = "the request needs more memory than a request may use"
            raise Refusal(500, "memory-limit", message) from None
        except BaseException:  # the request was cancelled while its answer was due
            await answerer.end()
            raise
        finally:
            self._running.discard(answerer)
        if answerer.count < _MOST_QUESTIONS:
            self._free.append(answerer)
        else:
            await answerer.end()
        if "refused" in answer:
            raise Refusal(**answer["refused"])
        return answer["answer"]


class _Answerer:
    """One process.

    Attributes:
        count: Questions that it has answered.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.count = 0

    async def ask(self, question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(packed(question))
        await self._process.stdin.drain()
        (size,) = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
        if size > MOST_BYTES:
            raise ValueError("the answer is too large")
        self.count += 1
        return json.loads(await self._process.stdout.readexactly(size))

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def _start(configuration: Mapping[str, Any]) -> _Answerer:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "minicon.serve.answers.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for the server, which ends it
    )
    answerer = _Answerer(process)
    try:
        await asyncio.wait_for(answerer.ask(configuration), _STARTING_SECONDS)
    except BaseException:
        await answerer.end()
        raise
    answerer.count = 0
    return answerer


class KeptAnswers:
    """Answers by the hash of their question, the oldest dropped first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[Any, Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str, state: Hashable) -> Any:
        """Return the answer of a key; None if there is none for this state of the channels."""
        found = self._answers.get(key)
        if found is None or found[1] != state:
            return None
        self._answers.move_to_end(key)
        return found[0]

    def get_any(self, key: str) -> Any:
        """Return the answer of a key, whatever the state of the channels is now."""
        found = self._answers.get(key)
        return None if found is None else found[0]

    def put(self, key: str, state: Hashable, answer: Any) -> None:
        """Keep an answer."""
        self._drop(key)
        size = len(json.dumps(answer))
        self._answers[key] = (answer, state, size)
        self._bytes += size
        while len(self._answers) > _MOST_KEPT or self._bytes > _MOST_KEPT_BYTES:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: str) -> None:
        if key in self._answers:
            self._bytes -= self._answers.pop(key)[2]


def question_key(*parts: Any) -> str:
    """Return the hash of a question: 32 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
