"""Kept solutions: what was chosen for the same request when all sources were the same.

::

    request, settings, machine ──┐
    states of channels ──────────┼─> name of a file ─┬─ none: solve, and keep the solution
    indexes that pip uses ───────┘                   └─> are its pages the same? ─> Solution

Only new environments are looked up: in others the installed packages decide too. A solution is
not kept if it depends on something that is not compared: ages, requirement files, what pip builds,
pages that were fetched just now. The file holds records as the indexes in the same directory do,
and they are checked as those of a channel.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from minicon import __version__
from minicon.constants import HOST_CHANNEL
from minicon.errors import FileError, SpecError
from minicon.fs import operations
from minicon.fs.plain_file import decode_text, read_named_file
from minicon.lean_dataclasses import dataclass, fields
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.reporter import SilentReporter
from minicon.models.strict_json import check_shape, read_object
from minicon.pypi.index_inputs import IndexInput
from minicon.pypi.requirements.requirements import RequirementSet
from minicon.short_hash import short_hash
from minicon.solver.request import LazyReasons, Reason, Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.plan.context import PlanningContext
    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.config.settings import Settings
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.records import Source
    from minicon.models.reporter import Reporter

    Channels = Sequence[Sequence[RecordIndex]]

FOLDER = "solutions-v1"
#: Solutions that are kept, and the seconds for which they are.
_MOST = 64
_LONGEST = 7 * 86_400.0
#: Settings that only decide what is printed, asked or synced.
_WITHOUT_EFFECT = frozenset(
    {
        *("always_yes", "download_only", "dry_run", "durability"),
        *("json", "quiet", "sources", "verbosity"),
    }
)
#: Fields of a request that have to be as they are by default.
_PLAIN = {
    "explicit": (),
    "clone_of": None,
    "lock": None,
    "capture": None,
    "prune": False,
    "keep_satisfied": False,
    "keep_unneeded": False,
}
_SHAPE = {
    "records": [list],
    "reasons": {...: [[(str, None)]]},
    "requested": {...: [str]},
    "hold_backs": ({...: str}, None),
    "notes": [str],
    "said": [[str]],
    "inputs": [list],
}
_SOURCES = ("conda", "pypi", "interpreter")


class Said(SilentReporter):
    """A reporter that passes everything on, and remembers notes and warnings to repeat them."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.expect, self.start = reporter.expect, reporter.start  # type: ignore[method-assign]
        self.message = reporter.message  # type: ignore[method-assign]
        self.texts: list[tuple[str, str]] = []

    def note(self, text: str) -> None:
        """Pass a note on."""
        self.texts.append(("note", text))
        self._reporter.note(text)

    def warn(self, text: str) -> None:
        """Pass a warning on."""
        self.texts.append(("warn", text))
        self._reporter.warn(text)


class HoldBacks(LazyReasons):
    """Why packages are not the newest: as kept, or found by solving.

    Attributes:
        is_new: Whether they were found by solving.
    """

    def __init__(self, known: dict[str, str] | None, solve: Callable[[], Solution]) -> None:
        super().__init__(known)
        self.is_new = False
        self._solve = solve

    def find(self) -> dict[str, str]:
        """Solve for them."""
        self.is_new = True
        return dict(self._solve().hold_backs)


@dataclass(frozen=True, slots=True)
class Question:
    """A request with the state of its sources, whose solution can be kept.

    Attributes:
        path: File of the solution.
        states: The states of the channels when the request was made.
        said: The reporter of the command.
        before: How many notes and warnings there were before solving.
    """

    services: Services
    channels: Channels
    path: Path
    states: tuple[str, ...]
    said: Said
    before: int

    def answer(self, solve: Callable[[], Solution]) -> Solution | None:
        """Return the solution that was kept, and repeat what was said; None if there is none.

        Args:
            solve: Finds the solution again, if reasons are read that were not kept.
        """
        now = self.services.now()
        try:
            if not 0 <= now - self.path.stat().st_mtime < _LONGEST:
                return None
            data = read_object(self.path.read_bytes())
            check_shape(data, _SHAPE)
            if not all(IndexInput.from_json(row).is_current(now) for row in data["inputs"]):
                return None
            solution = _solution(data, solve)
        except (OSError, ValueError, TypeError, SpecError):
            return None
        for kind, text in data["said"]:
            (self.said.warn if kind == "warn" else self.said.note)(text)
        return solution

    def keep(self, solution: Solution) -> None:
        """Keep a solution for the next time, if all that it depends on is known.

        A solution that cannot be written is found again.
        """
        from minicon.fs.remove import remove_oldest

        reasons = solution.hold_backs
        if isinstance(reasons, HoldBacks) and not reasons.is_new:
            return
        with suppress(OSError, FileError):
            inputs = list(_inputs(self.services))
            same = self.states == tuple(map(_state, _flat(self.channels)))
            if None in inputs or not same or not _can_be_kept(solution):
                return
            text = json.dumps(
                {
                    **_document(solution),
                    "said": self.said.texts[self.before :],
                    "inputs": [each.to_json() for each in inputs if each],
                },
                separators=(",", ":"),
            )
            operations.make_directory(self.path.parent, 0o700)
            operations.replace_file(self.path, text.encode(), durable=False)
            now = self.services.now()
            remove_oldest(self.path.parent, most=_MOST, seconds=_LONGEST, now=now)


def question_of(context: PlanningContext, channels: Channels, said: Said) -> Question | None:
    """Return the question that a request asks of its sources; None if its answer is not kept.

    Args:
        context: The request.
        channels: Indices of its channels.
        said: The reporter that the services use.
    """
    services, request = context.services, context.request
    states = tuple(map(_state, _flat(channels)))
    if not (_is_plain(request) and all(states)) or context.prefix.is_environment:
        return None
    settings, sources = services.settings, context.sources
    if settings.exclude_newer or settings.exclude_newer_package or settings.channel_settings:
        return None
    key = (
        __version__,
        [(name, getattr(settings, name)) for name in _deciding_settings(settings)],
        [getattr(request, name) for name in ("no_deps", "only_deps", "lowest", "use_pins")],
        (request.packages.texts, list(map(str, request.constraints)), request.force_reinstall),
        request.update_policy.value,
        (sources.names, sources.allow_pypi, sources.host_before and sources.host_before.name),
        [(index.channel, index.subdir, index.base_url) for index in _flat(channels)],
        states,
        [(each.name, each.version, each.build) for each in services.virtual_packages],
        _pip_state(services) if sources.allow_pypi else None,
    )
    name = short_hash(json.dumps(key, default=str))
    path = services.cache_dir / FOLDER / f"{name[:32]}.json"
    return Question(services, channels, path, states, said, len(said.texts))


def _pip_state(services: Services) -> object:
    """Identify pip's configuration: indexes, ``find-links`` and constraint files."""
    from minicon.pypi.index.configuration import configuration_state

    return configuration_state(services.environ, home=services.settings.home)


def _is_plain(request: ChangeRequest) -> bool:
    is_default = all(getattr(request, name) == value for name, value in _PLAIN.items())
    is_new = request.action == "create" and bool(request.packages)
    return is_new and is_default and request.packages.from_pip == RequirementSet()


def _deciding_settings(settings: Settings) -> list[str]:
    return [each.name for each in fields(settings) if each.name not in _WITHOUT_EFFECT]


def _flat(channels: Channels) -> Iterator[RecordIndex]:
    for group in channels:
        yield from group


def _state(index: RecordIndex) -> str:
    """Return what identifies the records of an index; empty if it is unknown."""
    if index.channel == HOST_CHANNEL:
        found = index.records_for("python")
        return json.dumps([(each.version, each.build, each.url) for each in found])
    return "" if index.is_partial else index.fingerprint


def _inputs(services: Services) -> Iterator[IndexInput | None]:
    """Yield the files that decided what PyPI offers; None for what cannot be compared."""
    for index in services.wheel_indices:
        yield from index.inputs()
    for file in services.index_configuration.constraints if services.wheel_indices else ():
        yield _constraints(file)


def _constraints(file: str) -> IndexInput | None:
    if not os.path.isabs(file):  # a URL, or another file in another directory
        return None
    found = IndexInput.of(file)
    text = decode_text(read_named_file(found.path), "replace")
    # Other files and variables, which are not compared.
    is_whole = "$" not in text and not any(x.lstrip()[:1] == "-" for x in text.splitlines())
    return found if is_whole else None


def _document(solution: Solution) -> dict[str, Any]:
    reasons = solution.hold_backs
    known = reasons.known if isinstance(reasons, LazyReasons) else dict(reasons)
    return {
        "records": [[r.data, r.channel, r.subdir, r.fn, r.url, r.source] for r in solution.records],
        "reasons": {
            name: [[each.parent, each.spec] for each in found]
            for name, found in solution.reasons.items()
        },
        "requested": {name: list(texts) for name, texts in solution.requested.items()},
        "hold_backs": known,
        "notes": list(solution.notes),
    }


def _solution(data: Mapping[str, Any], solve: Callable[[], Solution]) -> Solution:
    """Parse the result of :func:`_document`. Raises ValueError, TypeError or SpecError."""
    return Solution(
        records=tuple([_record(*row) for row in data["records"]]),
        reasons={
            name: tuple([Reason(*each) for each in found])
            for name, found in data["reasons"].items()
        },
        requested={name: tuple(texts) for name, texts in data["requested"].items()},
        hold_backs=HoldBacks(data["hold_backs"], solve),
        notes=tuple(data["notes"]),
    )


def _can_be_kept(solution: Solution) -> bool:
    """Whether it is records with a hash alone, or interpreters."""
    return not solution.pip_requirements and all(
        record.source == "interpreter" or _has_hash(record.data) for record in solution.records
    )


def _record(
    data: dict[str, Any], channel: str, subdir: str, fn: str, url: str, source: Source
) -> RepodataRecord:
    check_shape([channel, subdir, fn, url, source], [str])
    check_record_fields(data, fn=fn, subdir=subdir if source == "conda" else None)
    check_record_values(data, fn)
    if source not in _SOURCES or not (source == "interpreter" or _has_hash(data)):
        raise ValueError(fn)
    return RepodataRecord(data, channel=channel, subdir=subdir, fn=fn, url=url, source=source)


def _has_hash(data: Mapping[str, Any]) -> bool:
    return bool(data.get("sha256") or data.get("md5"))
