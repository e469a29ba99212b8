"""Oracles: two other solvers, slow and simple, to compare results with.

``is_satisfiable`` writes the problem as plain clauses for PicoSAT. ``plain_resolution`` is what a
resolvelib provider looks like when every package is an identifier of its own.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import product

import pycosat
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver
from resolvelib.resolvers import ResolutionTooDeep

from minicon.models.match_spec.spec import MatchSpec
from minicon.models.records import RepodataRecord
from minicon.solver.request import SolveRequest


@cache
def parsed(text: str) -> MatchSpec:
    return MatchSpec(text)


@cache
def without_conditions(text: str) -> MatchSpec:
    return parsed(str(parsed(text).replace(when=None, extras=None)))


def alternatives(condition: str) -> list[list[str]]:
    """Return the ways to meet a condition, each a list of specs, by Python's own parser."""
    parts = re.split(r"(\band\b|\bor\b|[()])", condition)
    specs = [each for each in parts[::2] if each.strip()]
    names = iter(range(len(specs)))
    parts[::2] = [f" c{next(names)} " if each.strip() else " " for each in parts[::2]]

    def ways(node: ast.expr) -> list[list[str]]:
        if isinstance(node, ast.Name):
            return [[specs[int(node.id[1:])]]]
        assert isinstance(node, ast.BoolOp)
        inner = [ways(each) for each in node.values]
        if isinstance(node.op, ast.Or):
            return [way for part in inner for way in part]
        return [[spec for way in chosen for spec in way] for chosen in product(*inner)]

    return ways(ast.parse("".join(parts).strip(), mode="eval").body)


def is_satisfiable(request: SolveRequest, records: list[RepodataRecord]) -> bool:
    """Whether any set of these records meets the request, without preferences."""
    things = [*records, *(package.as_record() for package in request.virtual_packages)]
    number = {id(record): index for index, record in enumerate(things, 1)}
    by_name: dict[str, list[RepodataRecord]] = {}
    for record in things:
        by_name.setdefault(record.name, []).append(record)
    extra_number: dict[tuple[str, str], int] = {}
    meant: dict[str, list[int]] = {}

    def matching(text: str | MatchSpec) -> list[int]:
        found = meant.get(str(text))
        if found is None:
            bare = without_conditions(str(text))
            found = meant[str(text)] = [
                number[id(each)] for each in by_name.get(bare.exact_name, []) if bare.matches(each)
            ]
        return found

    def extra(name: str, group: str) -> int:
        return extra_number.setdefault((name, group), len(things) + 1 + len(extra_number))

    def needs(texts: list[str], premise: list[int]) -> list[list[int]]:
        """Add clauses: the premise implies these dependencies."""
        found = []
        for text in texts:
            spec = parsed(text)
            head = [-each for each in premise]
            for unless in unless_met(spec):
                found.append([*head, *unless, *matching(spec)])
                found += [[*head, *unless, extra(spec.exact_name, g)] for g in spec.extras]
        return found

    def limits(texts: list[str | MatchSpec], premise: list[int]) -> list[list[int]]:
        """Add clauses: the premise implies that these packages match or are not installed."""
        found = []
        for text in texts:
            spec = parsed(str(text))
            good = set(matching(spec))
            bad = {number[id(each)] for each in by_name.get(spec.exact_name, [])} - good
            head = [-each for each in premise]
            found += [[*head, *unless, -each] for unless in unless_met(spec) for each in bad]
        return found

    met: dict[str, int] = {}

    def is_met(text: str) -> int:
        """Return a variable that is true if a spec is met."""
        if text not in met:
            met[text] = extra("met", text)
            clauses.extend([-each, met[text]] for each in matching(text))
        return met[text]

    def unless_met(spec: MatchSpec) -> list[list[int]]:
        """Return, for each way to meet a spec's condition, that it is not met."""
        if spec.when is None:
            return [[]]
        return [[-is_met(text) for text in way] for way in alternatives(spec.when)]

    clauses = [[number[id(each)]] for each in things if each.name.startswith("__")]
    for same in by_name.values():
        clauses += [[-number[id(a)], -number[id(b)]] for i, a in enumerate(same) for b in same[:i]]
    for record in records:
        own = number[id(record)]
        clauses += needs(record.data.get("depends", []), [own])
        clauses += limits(record.data.get("constrains", []), [own])
        for feature in record.features:
            trackers = [number[id(each)] for each in records if feature in each.track_features]
            clauses.append([-own, *trackers])
        for group, texts in (record.data.get("extra_depends") or {}).items():
            clauses += needs(texts, [own, extra(record.name, group)])
    clauses += needs([str(spec) for spec in request.specs], [])
    clauses += limits([*request.pins, *request.constraints], [])
    if not all(clauses):
        return False
    return not clauses or pycosat.solve(clauses) != "UNSAT"


class PlainProvider(AbstractProvider):
    """One identifier per package; candidates are its records, newest first."""

    def __init__(self, request: SolveRequest, records: list[RepodataRecord]) -> None:
        self.by_name: dict[str, list[RepodataRecord]] = {}
        for record in [*records, *(each.as_record() for each in request.virtual_packages)]:
            self.by_name.setdefault(record.name, []).append(record)

    def identify(self, requirement_or_candidate):
        if isinstance(requirement_or_candidate, MatchSpec):
            return requirement_or_candidate.exact_name
        return requirement_or_candidate.name

    def get_preference(self, identifier, resolutions, candidates, information, backtrack_causes):
        return identifier

    def find_matches(self, identifier, requirements, incompatibilities):
        specs = list(requirements[identifier])
        refused = list(incompatibilities[identifier])
        return [
            record
            for record in reversed(self.by_name.get(identifier, []))
            if record not in refused and all(spec.matches(record) for spec in specs)
        ]

    def is_satisfied_by(self, requirement, candidate):
        return requirement.matches(candidate)

    def get_dependencies(self, candidate):
        return [parsed(text) for text in candidate.depends]


def plain_resolution(request: SolveRequest, records: list[RepodataRecord]) -> bool | None:
    """Whether the plain provider finds a solution (no constrains, no pins); None if it gave up."""
    resolver = Resolver(PlainProvider(request, records), BaseReporter())
    try:
        resolver.resolve(list(request.specs), max_rounds=400)
    except ResolutionImpossible:
        return False
    except ResolutionTooDeep:
        return None
    return True
