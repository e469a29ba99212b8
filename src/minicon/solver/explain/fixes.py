"""Fixes: changes to a request that make it solvable, each solved before it is proposed."""

from __future__ import annotations

from minicon.constants import PYPI_PREFIX
from minicon.errors import ChannelError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.match_spec.version_spec import Constraint
from minicon.models.records import VirtualPackage
from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import REQUIREMENT
from minicon.solver.explain.explanation import Fix
from minicon.solver.explain.report_text import SELECTING, variable_text
from minicon.solver.request import ChannelPriority, UpdatePolicy
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel, CondaSubproblem

    Solves: TypeAlias = Callable[[SolveRequest], bool]

_ENOUGH = 3
WITHOUT = {
    Kind.PIN: "leave the pin {} out (--no-pin)",
    Kind.CONSTRAINT: "leave the constraint {} out",
    Kind.INSTALLED: "leave --freeze-installed out, so that {} may change",
    Kind.SPEC: "leave {} out",
    Kind.HISTORY: "run 'minicon remove {name}' first",
}


def find_fixes(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand], solves: Solves
) -> list[Fix]:
    """At most three fixes for a contradiction, the smallest changes first.

    Args:
        request: The request.
        conda: Its conda part.
        core: A minimal set of contradicting demands.
        solves: Whether another request has a solution.
    """
    fixes: list[Fix] = []
    for candidate in _candidates(request, conda, core, solves):
        fixes.append(candidate)
        if len(fixes) == _ENOUGH:
            break
    return fixes


def _candidates(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand], solves: Solves
) -> Iterator[Fix]:
    origins = {id(demand.origin): demand for demand in core if isinstance(demand.origin, Origin)}
    stubborn: list[Demand] = []
    for demand in origins.values():
        fix = _changed(conda, demand)
        if fix is None:
            stubborn.append(demand)
        else:
            yield fix
    for fix in (
        _unfrozen(request, core, solves),
        _flexible(request, solves),
        _other_machine(request, conda, core, solves),
    ):
        if fix is not None:
            yield fix
    for demand in stubborn:
        fix = _without(conda, demand)
        if fix is not None:
            yield fix


def _changed(conda: CondaSubproblem, demand: Demand) -> Fix | None:
    """The smallest change of one demand that works."""
    origin = demand.origin
    assert isinstance(origin, Origin)
    if demand.name.startswith("__"):
        return None
    if origin.kind is Kind.PYTHON_MINOR:
        return _named_python(conda, demand)
    if origin.loose is not None:
        return _other_release(conda, origin) or _without(conda, demand)
    changeable = origin.kind in (Kind.SPEC, Kind.HISTORY)
    if not changeable or origin.spec is None or origin.spec.when is not None:
        return _without(conda, demand)
    one_build = origin.spec.build is not None and origin.spec.version is not None
    by_label = any(getattr(origin.spec, field) for field in SELECTING if field != "build")
    fix = _other_build(conda, demand, origin) if one_build or by_label else None
    return fix or _other_version(conda, demand, origin) or _other_build(conda, demand, origin)


def _other_version(conda: CondaSubproblem, demand: Demand, origin: Origin) -> Fix | None:
    """The nearest newer version that works, else the nearest older one."""
    candidates = conda.source.candidates(demand.name)
    free = candidates.all & ~demand.allowed
    if not free or _model(conda, demand, free) is None:
        return None
    newer, older = _split(conda, demand, free)
    for versions, sign in ((newer, ">="), (older, "<=")):
        version = _nearest(conda, demand, versions)
        if version is None:
            continue
        specs = [f"{demand.name}{sign}{version}"]
        if demand.name == "python":
            specs.insert(0, f"python={'.'.join(version.split('.')[:2])}")
        for spec in specs:
            if _model(conda, demand, candidates.matching(spec)) is not None:
                return _replacing(origin, spec)
    return None


def _replacing(origin: Origin, spec: str) -> Fix:
    """A spec to type, in place of one that was typed now, or over one of an earlier request."""
    if origin.kind is Kind.HISTORY:
        text = f'add "{spec}" to replace {origin.text}'
    else:
        text = f'write "{spec}" instead of {origin.text}'
    return Fix(text, spec, origin.text)


def _split(conda: CondaSubproblem, demand: Demand, free: int) -> tuple[list[str], list[str]]:
    """Versions above and below the requested ones, nearest first."""
    candidates = conda.source.candidates(demand.name)
    versions = candidates.versions_in(free)
    requested = [version_key(each) for each in candidates.versions_in(demand.allowed)]
    if not requested and isinstance(demand.origin, Origin) and demand.origin.spec is not None:
        requested = [version_key(text) for text in _versions_named(demand.origin.spec)]
    highest, lowest = max(requested, default=b""), min(requested, default=b"\xff")
    newer = [each for each in reversed(versions) if version_key(each) > highest]
    older = [each for each in versions if version_key(each) < lowest]
    return newer, older


def _versions_named(spec: MatchSpec) -> Iterator[str]:
    """The versions in a spec's text."""
    pending = [spec.version.tree] if spec.version is not None else []
    while pending:
        tree = pending.pop()
        if isinstance(tree, Constraint):
            if tree.operator not in ("glob", "not_glob", "regex", "any"):
                yield tree.text
        else:
            pending += tree[1:]  # type: ignore[arg-type]


def _nearest(conda: CondaSubproblem, demand: Demand, versions: list[str]) -> str | None:
    """The first of some versions up to which the request can be solved, by bisection."""
    candidates = conda.source.candidates(demand.name)
    masks: list[int] = []
    for version in versions:
        position = candidates.table.versions.index(version)
        masks.append((masks[-1] if masks else 0) | candidates.of_version(position))
    if not masks or _model(conda, demand, masks[-1]) is None:
        return None
    low, high = 0, len(masks) - 1
    while low < high:
        middle = (low + high) // 2
        if _model(conda, demand, masks[middle]) is None:
            low = middle + 1
        else:
            high = middle
    return versions[low]


def _other_build(conda: CondaSubproblem, demand: Demand, origin: Origin) -> Fix | None:
    """The same version without its build, subdir or hash."""
    assert origin.spec is not None
    version = None if origin.spec.version is None else str(origin.spec.version)
    spec = MatchSpec.from_fields(name=demand.name, version=version)
    if _model(conda, demand, conda.source.candidates(demand.name).matching_spec(spec)) is None:
        return None
    return _replacing(origin, str(spec))


def _other_release(conda: CondaSubproblem, origin: Origin) -> Fix | None:
    """Another version of a Python project, from whichever source provides it; its extras stay."""
    assert origin.loose is not None
    same = [
        each
        for each in conda.goal.demands
        if each.origin is origin and each.name.startswith(REQUIREMENT)
    ]
    loose = Demand(origin.loose, conda.source.candidates(origin.loose).all, origin)
    model = _solved(conda, same, [loose]) if origin.loose not in {e.name for e in same} else None
    version = model.version_of(variable_text(origin.loose)) if model is not None else None
    if version is None:
        return None
    name = origin.text.partition(";")[0]
    brackets = name[name.index("[") : name.index("]") + 1] if "[" in name else ""
    own = variable_text(origin.loose)
    # A spec of a package means a project if no channel has the name.
    is_spec = origin.spec is not None and origin.spec.exact_name == own
    prefix = "" if is_spec else PYPI_PREFIX
    return _replacing(origin, f"{prefix}{own}{brackets}=={version}")


def _named_python(conda: CondaSubproblem, demand: Demand) -> Fix | None:
    model = _model(conda, demand, conda.source.candidates("python").all)
    record = model.record("python") if model is not None else None
    if record is None:
        return None
    spec = f"python={'.'.join(record.version.split('.')[:2])}"
    return Fix(f'add "{spec}" to let python change', spec, str(demand.origin))


def _without(conda: CondaSubproblem, demand: Demand) -> Fix | None:
    origin = demand.origin
    assert isinstance(origin, Origin)
    same = [
        each
        for each in conda.goal.demands
        if each.origin is origin or _are_both_frozen(each.origin, origin)
    ]
    if origin.kind not in WITHOUT or _is_all_of_the_request(conda, origin):
        return None
    if _solved(conda, same) is None:
        return None
    name = variable_text(demand.name)
    return Fix(WITHOUT[origin.kind].format(origin.text, name=name), None, origin.text)


def _is_all_of_the_request(conda: CondaSubproblem, origin: Origin) -> bool:
    """Whether a spec is the only one of this request, so that nothing would be left of it."""
    origins = (demand.origin for demand in conda.goal.demands)
    specs = (each for each in origins if isinstance(each, Origin) and each.kind is Kind.SPEC)
    return origin.kind is Kind.SPEC and all(each is origin for each in specs)


def _are_both_frozen(origin: object, other: Origin) -> bool:
    """Whether both demands freeze installed packages: one option freezes all of them."""
    frozen = isinstance(origin, Origin) and origin.kind is Kind.INSTALLED
    return frozen and other.kind is Kind.INSTALLED


def _model(conda: CondaSubproblem, demand: Demand, allowed: int) -> CondaModel | None:
    """The packages with another domain for a demand; a package that is named may change."""
    same = [
        each
        for each in conda.goal.demands
        if each.origin is demand.origin or (demand.name == each.name and _is_kept(each))
    ]
    return _solved(conda, same, [Demand(demand.name, allowed, demand.origin)])


def _solved(
    conda: CondaSubproblem, removed: Sequence[Demand], added: Sequence[Demand] = ()
) -> CondaModel | None:
    """The packages for a changed request; None if there are none, or if pip had to build some."""
    try:
        model = conda.without(removed, added)
    except (Contradiction, UndecidedError, ChannelError):
        return None
    return None if model.is_built else model


def _is_kept(demand: Demand) -> bool:
    """Whether a demand keeps an installed package, or python's minor version, if not named."""
    kinds = (Kind.PYTHON_MINOR, Kind.INSTALLED)
    return isinstance(demand.origin, Origin) and demand.origin.kind in kinds


def _unfrozen(request: SolveRequest, core: Sequence[Demand], solves: Solves) -> Fix | None:
    """Without --freeze-installed, where it keeps packages that the conflict does not name."""
    frozen = request.update_policy is UpdatePolicy.FREEZE_INSTALLED
    if not frozen or any(map(_is_kept, core)):
        return None
    if not solves(replace(request, update_policy=UpdatePolicy.UPDATE_SPECS)):
        return None
    return Fix("leave --freeze-installed out", None, "--freeze-installed")


def _flexible(request: SolveRequest, solves: Solves) -> Fix | None:
    """Flexible channel priority, if strict priority hides a solution."""
    if request.channel_priority is not ChannelPriority.STRICT or len(request.channels) < 2:
        return None
    if not solves(replace(request, channel_priority=ChannelPriority.FLEXIBLE)):
        return None
    text = "add --no-channel-priority to search all channels (or set channel_priority: flexible)"
    return Fix(text, None, "strict channel priority")


def _other_machine(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand], solves: Solves
) -> Fix | None:
    """A newer virtual package, for instance a newer glibc."""
    for name, version in _machine_needed(conda, core):
        others = tuple(each for each in request.virtual_packages if each.name != name)
        newer = VirtualPackage(name, version)
        if solves(replace(request, virtual_packages=(*others, newer))):
            variable = f"CONDA_OVERRIDE_{name.strip('_').upper()}"
            text = f"solve for a machine with {name} {version}: set {variable}={version}"
            return Fix(text, None, name)
    return None


def _machine_needed(conda: CondaSubproblem, core: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Virtual packages, each with the version that requested packages need in vain."""
    names = {demand.name for demand in core}
    for name in names:
        conda.store.clauses_of(conda.store.loaded(name))
    for variable in conda.store.variables:
        candidates = variable.candidates
        if candidates is None or not candidates.fixed:
            continue
        texts = [
            str(demand.origin.spec)
            for demand in core
            if demand.name == variable.name and isinstance(demand.origin, Origin)
        ]
        texts += [
            requirement.text
            for allowed, requirements in variable.incoming.items()
            if not allowed & variable.initial
            for requirement in requirements
            for clause in requirement.carriers
            if conda.store.variables[clause.source].name in names
        ]
        versions = [each for text in texts for each in _versions_named(parse_dependency(text))]
        if versions:
            yield variable.name, max(versions, key=version_key)
