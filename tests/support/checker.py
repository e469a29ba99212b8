"""Check solutions, by simple code that shares only the inputs with the solver."""

from __future__ import annotations

import re
from functools import cache

from minicon.models.match_spec.spec import MatchSpec
from minicon.models.records import RepodataRecord
from minicon.solver.request import ChannelPriority, Solution, SolveRequest


@cache
def parsed(text: str) -> MatchSpec:
    return MatchSpec(text)


def problems(request: SolveRequest, solution: Solution) -> list[str]:
    """Return all faults of a solution; empty for a correct one."""
    records = {record.name: record for record in solution.records}
    found = []
    if len(records) != len(solution.records):
        found.append("a name occurs twice")
    there = {**records, **{v.name: v.as_record() for v in request.virtual_packages}}
    if not request.no_deps and not request.only_deps:
        found += [
            f"{spec} is not met" for spec in request.specs if not _is_met(spec, there, request)
        ]
        built = {each.name for each in solution.pip_requirements}
        found += _broken_dependencies(request, records, there, built)
        found += _needless(request, solution, records, there)
    for spec in (*request.pins, *request.constraints):
        record = records.get(spec.exact_name)
        if record is not None and _counts(spec, there) and not spec.matches(record):
            found.append(f"{record} breaks {spec}")
    for spec in request.removals:
        found += [f"{each} was to go" for each in records.values() if spec.matches(each)]
    found += [text for record in records.values() for text in _origin(request, record)]
    found += _order(solution, needed(request, records, there))
    return found


def _is_met(spec: MatchSpec, there: dict[str, RepodataRecord], request: SolveRequest) -> bool:
    if spec.exact_name is None:
        return any(spec.matches(each) for each in there.values())
    record = there.get(spec.exact_name)
    if not _counts(spec, there):
        return True
    if record is None and request.wheels is not None:
        record = there.get(request.wheels.pypi_name(spec.exact_name))
    return record is not None and (record.source == "pypi" or spec.matches(record))


def _counts(spec: MatchSpec, there: dict[str, RepodataRecord]) -> bool:
    """Whether a spec's condition holds, as Python itself reads ``and``, ``or`` and parentheses."""
    if spec.when is None:
        return True
    words = []
    for part in re.split(r"(\band\b|\bor\b|[()])", spec.when):
        if part.strip() and part not in ("and", "or", "(", ")"):
            inner = parsed(part)
            other = there.get(inner.exact_name)
            part = str(other is not None and inner.matches(other))
        words.append(part)
    return bool(eval(" ".join(words)))  # only True, False, and, or, parentheses


def needed(
    request: SolveRequest, records: dict[str, RepodataRecord], there: dict[str, RepodataRecord]
) -> list[tuple[RepodataRecord, str]]:
    """Return all active dependencies: conditions are met, extras are requested."""
    extras: set[tuple[str, str]] = set()
    while True:
        found = []
        for record in records.values():
            texts = list(record.depends)
            for group, more in (record.data.get("extra_depends") or {}).items():
                texts += more if (record.name, group) in extras else []
            found += [(record, text) for text in texts if _counts(parsed(text), there)]
            for feature in record.features:
                trackers = [each for each in records.values() if feature in each.track_features]
                names = [each.name for each in trackers] or ["nothing"]
                found += [(record, f"{name}[track_features={feature}]") for name in names]
        specs = [spec for spec in (*request.specs, *request.history) if _counts(spec, there)]
        specs += [parsed(text) for _, text in found]
        now = {(spec.exact_name, extra) for spec in specs for extra in spec.extras}
        if now == extras:
            return found
        extras = now


def _broken_dependencies(
    request: SolveRequest,
    records: dict[str, RepodataRecord],
    there: dict[str, RepodataRecord],
    built: set[str],
) -> list[str]:
    found = []
    for record, text in needed(request, records, there):
        spec = parsed(text)
        other = there.get(spec.exact_name)
        if spec.exact_name not in built and (other is None or not spec.matches(other)):
            found.append(f"{record} needs {text}, there is {other}")
    for record in records.values():
        for text in record.constrains:
            spec = parsed(text)
            other = there.get(spec.exact_name)
            if other is not None and _counts(spec, there) and not spec.matches(other):
                found.append(f"{record} constrains {text}, there is {other}")
    return found


def _needless(
    request: SolveRequest,
    solution: Solution,
    records: dict[str, RepodataRecord],
    there: dict[str, RepodataRecord],
) -> list[str]:
    """Yield packages that are neither requested, needed nor installed."""
    wanted = {spec.exact_name for spec in (*request.specs, *request.history)}
    wanted |= {each.name for each in request.installed} | set(solution.requested)
    if request.requirements or request.wheels is not None:
        wanted.add("python")
    if request.add_pip:
        wanted.add("pip")
    for built in solution.pip_requirements:
        wanted |= {parsed(text).exact_name for text in built.depends}
    needs: dict[str, list[str]] = {}
    for record, text in needed(request, records, there):
        needs.setdefault(record.name, []).append(text)
    pending = [name for name in wanted if name in records]
    reached = set()
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        pending += [
            each
            for each, reasons in solution.reasons.items()
            if any(r.parent == name for r in reasons)
        ]
        others = [parsed(text).exact_name for text in needs.get(name, [])]
        pending += [other for other in others if other in records]
    return [f"{name} is included for no reason" for name in records if name not in reached]


def _origin(request: SolveRequest, record: RepodataRecord) -> list[str]:
    """Yield records that the request does not allow."""
    if record.source == "pypi" or any(each.record == record for each in request.installed):
        return []
    having = [
        position
        for position, channel in enumerate(request.channels)
        if any(
            not _is_too_new(request, each)
            for index in channel
            for each in index.records_for(record.name)
        )
    ]
    position = next(
        (
            position
            for position, channel in enumerate(request.channels)
            if any(record in index.records_for(record.name) for index in channel)
        ),
        None,
    )
    if position is None:
        return [f"{record} is in no channel"]
    found = [f"{record} is too new"] if _is_too_new(request, record) else []
    demanded = any(
        spec.channel
        for spec in (*request.specs, *request.pins, *request.constraints, *request.history)
        if spec.exact_name == record.name
    )
    strict = request.channel_priority is ChannelPriority.STRICT
    if strict and not demanded and position != having[0]:
        found.append(f"{record} is hidden by an earlier channel")
    return found


def _is_too_new(request: SolveRequest, record: RepodataRecord) -> bool:
    limit = request.exclude_newer
    for channel, own in request.exclude_newer_channel.items():
        limit = own if record.channel == channel else limit
    limit = request.exclude_newer_package.get(record.name, limit)
    timestamp = record.timestamp
    if timestamp and timestamp < 100_000_000_000:
        timestamp *= 1000
    return limit is not None and timestamp > limit


def _order(solution: Solution, active_dependencies: list[tuple[RepodataRecord, str]]) -> list[str]:
    """Yield dependencies that come later, unless they are part of a cycle."""
    position = {record.name: number for number, record in enumerate(solution.records)}
    needs: dict[str, set[str]] = {name: set() for name in position}
    for record, text in active_dependencies:
        other = parsed(text).exact_name
        if other in position and (record.name, other) != ("python", "pip"):
            needs[record.name].add(other)

    def leads_to(start: str, goal: str) -> bool:
        pending, seen = [start], set()
        while pending:
            name = pending.pop()
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                pending += needs[name]
        return False

    return [
        f"{name} is linked before {other}, which it needs"
        for name, others in needs.items()
        for other in others
        if position[other] > position[name] and not leads_to(other, name)
    ]
