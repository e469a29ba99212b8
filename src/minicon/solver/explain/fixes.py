"""Fixes: changes to a request that make it possible, each solved before it is offered."""

from __future__ import annotations

from minicon.errors import MiniconError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.match_spec.version_spec import Constraint
from minicon.models.version import version_key
from minicon.models.virtual_package import VirtualPackage
from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.explain.explanation import Fix
from minicon.solver.explain.report_text import SELECTING
from minicon.solver.request import ChannelPriority
from minicon.solver.search.clauses import Root
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin, demands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel

_ENOUGH = 3
WITHOUT = {
    Kind.PIN: "leave the pin {} out (--no-pin)",
    Kind.CONSTRAINT: "leave the constraint {} out",
    Kind.INSTALLED: "leave --freeze-installed out, so that {} may change",
    Kind.SPEC: "leave {} out",
    Kind.HISTORY: "remove {} first, which you asked for earlier",
}


def find_fixes(request: SolveRequest, side: CondaSubproblem, core: Sequence[Root]) -> list[Fix]:
    """Fixes for a contradiction, the smallest changes first, at most three.

    Args:
        request: The request.
        side: Its conda part.
        core: A minimal set of contradicting demands.
    """
    fixes: list[Fix] = []
    for candidate in _candidates(request, side, core):
        fixes.append(candidate)
        if len(fixes) == _ENOUGH:
            break
    return fixes


def _candidates(
    request: SolveRequest, side: CondaSubproblem, core: Sequence[Root]
) -> Iterator[Fix]:
    origins = {id(root.origin): root for root in core if isinstance(root.origin, Origin)}
    stubborn: list[Root] = []
    for root in origins.values():
        fix = _changed(side, root)
        if fix is None:
            stubborn.append(root)
        else:
            yield fix
    for fix in (_flexible(request), _other_machine(request, side, core)):
        if fix is not None:
            yield fix
    for root in stubborn:
        fix = _without(side, root)
        if fix is not None:
            yield fix


def _changed(side: CondaSubproblem, root: Root) -> Fix | None:
    """The nearest change to one demand that works."""
    origin = root.origin
    assert isinstance(origin, Origin)
    if root.name.startswith("__"):
        return None
    if origin.kind is Kind.PYTHON_MINOR:
        return _named_python(side, root)
    changeable = origin.kind in (Kind.SPEC, Kind.HISTORY)
    if not changeable or origin.spec is None or origin.spec.when is not None:
        return _without(side, root)
    one_build = origin.spec.build is not None and origin.spec.version is not None
    by_label = any(getattr(origin.spec, field) for field in SELECTING if field != "build")
    fix = _other_build(side, root, origin) if one_build or by_label else None
    return fix or _other_version(side, root, origin) or _other_build(side, root, origin)


def _other_version(side: CondaSubproblem, root: Root, origin: Origin) -> Fix | None:
    """The nearest newer version that works, or else the nearest older one."""
    candidates = side.source.candidates(root.name)
    free = candidates.all & ~root.allowed
    if not free or _model(side, root, free) is None:
        return None
    newer, older = _split(side, root, free)
    for versions, sign in ((newer, ">="), (older, "<=")):
        version = _nearest(side, root, versions)
        if version is None:
            continue
        specs = [f"{root.name}{sign}{version}"]
        if root.name == "python":
            specs.insert(0, f"python={'.'.join(version.split('.')[:2])}")
        for spec in specs:
            if _model(side, root, candidates.matching(spec)) is not None:
                return Fix(f'"{spec}" instead of {origin.text}', spec, origin.text)
    return None


def _split(side: CondaSubproblem, root: Root, free: int) -> tuple[list[str], list[str]]:
    """Versions above and below those asked for, nearest first."""
    candidates = side.source.candidates(root.name)
    versions = candidates.versions_in(free)
    asked = [version_key(each) for each in candidates.versions_in(root.allowed)]
    if not asked and isinstance(root.origin, Origin) and root.origin.spec is not None:
        asked = [version_key(text) for text in _versions_named(root.origin.spec)]
    highest, lowest = max(asked, default=b""), min(asked, default=b"\xff")
    newer = [each for each in reversed(versions) if version_key(each) > highest]
    older = [each for each in versions if version_key(each) < lowest]
    return newer, older


def _versions_named(spec: MatchSpec) -> Iterator[str]:
    """The versions that a spec mentions."""
    pending = [spec.version.tree] if spec.version is not None else []
    while pending:
        tree = pending.pop()
        if isinstance(tree, Constraint):
            if tree.operator not in ("glob", "regex", "any"):
                yield tree.text
        else:
            pending += tree[1:]  # type: ignore[arg-type]


def _nearest(side: CondaSubproblem, root: Root, versions: list[str]) -> str | None:
    """The first of some versions up to which there is a model, by bisection."""
    candidates = side.source.candidates(root.name)
    masks: list[int] = []
    for version in versions:
        place = candidates.table.versions.index(version)
        masks.append((masks[-1] if masks else 0) | candidates.of_version(place))
    if not masks or _model(side, root, masks[-1]) is None:
        return None
    low, high = 0, len(masks) - 1
    while low < high:
        middle = (low + high) // 2
        if _model(side, root, masks[middle]) is None:
            low = middle + 1
        else:
            high = middle
    return versions[low]


def _other_build(side: CondaSubproblem, root: Root, origin: Origin) -> Fix | None:
    """The same version without its build, subdir or hash."""
    assert origin.spec is not None
    version = None if origin.spec.version is None else str(origin.spec.version)
    spec = MatchSpec.from_fields(name=root.name, version=version)
    if _model(side, root, side.source.candidates(root.name).matching_spec(spec)) is None:
        return None
    return Fix(f'"{spec}" instead of {origin.text}', str(spec), origin.text)


def _named_python(side: CondaSubproblem, root: Root) -> Fix | None:
    model = _model(side, root, side.source.candidates("python").all)
    record = model.record("python") if model is not None else None
    if record is None:
        return None
    spec = f"python={'.'.join(record.version.split('.')[:2])}"
    return Fix(f'add "{spec}" to let python change', spec, str(root.origin))


def _without(side: CondaSubproblem, root: Root) -> Fix | None:
    origin = root.origin
    assert isinstance(origin, Origin)
    same = [
        each
        for each in side.demands.roots
        if each.origin is origin or _are_both_frozen(each.origin, origin)
    ]
    if origin.kind not in WITHOUT:
        return None
    if origin.kind is Kind.SPEC and len(same) == len(_asked(side)):
        return None  # nothing would be left
    try:
        side.without(same)
    except Contradiction:
        return None
    return Fix(WITHOUT[origin.kind].format(origin.text), None, origin.text)


def _asked(side: CondaSubproblem) -> list[Root]:
    """All that the user asked for, now or earlier."""
    asked = (Kind.SPEC, Kind.HISTORY, Kind.WHEEL)
    return [
        root
        for root in side.demands.roots
        if isinstance(root.origin, Origin) and root.origin.kind in asked
    ]


def _are_both_frozen(origin: object, other: Origin) -> bool:
    """One flag freezes all that is installed."""
    frozen = isinstance(origin, Origin) and origin.kind is Kind.INSTALLED
    return frozen and other.kind is Kind.INSTALLED


def _model(side: CondaSubproblem, root: Root, allowed: int) -> CondaModel | None:
    """The model with another domain instead of a root's; who names python lets it change."""
    same = [
        each
        for each in side.demands.roots
        if each.origin is root.origin or (root.name == each.name == "python" and _is_kept(each))
    ]
    try:
        return side.without(same, [Root(root.name, allowed, root.origin)])
    except Contradiction:
        return None


def _is_kept(root: Root) -> bool:
    """Whether a root keeps python's minor version."""
    return isinstance(root.origin, Origin) and root.origin.kind is Kind.PYTHON_MINOR


def _flexible(request: SolveRequest) -> Fix | None:
    """Looking into later channels too, where strict priority hides them."""
    if request.channel_priority is not ChannelPriority.STRICT or len(request.channels) < 2:
        return None
    if not _is_solvable(replace(request, channel_priority=ChannelPriority.FLEXIBLE)):
        return None
    text = "look into all channels: --no-channel-priority (or channel_priority: flexible)"
    return Fix(text, None, "strict channel priority")


def _other_machine(
    request: SolveRequest, side: CondaSubproblem, core: Sequence[Root]
) -> Fix | None:
    """A machine with a newer fact, for instance a newer glibc."""
    for name, version in _facts_wanted(side, core):
        others = tuple(each for each in request.virtual_packages if each.name != name)
        newer = VirtualPackage(name, version)
        if _is_solvable(replace(request, virtual_packages=(*others, newer))):
            variable = f"CONDA_OVERRIDE_{name.strip('_').upper()}"
            text = f"solve for a machine with {name} {version}: set {variable}={version}"
            return Fix(text, None, name)
    return None


def _facts_wanted(side: CondaSubproblem, core: Sequence[Root]) -> Iterator[tuple[str, str]]:
    """Virtual packages, and the versions of them that requested packages ask for in vain."""
    names = {root.name for root in core}
    for name in names:
        side.store.clauses_of(side.store.loaded(name))
    for variable in side.store.variables:
        candidates = variable.candidates
        if candidates is None or not candidates.fixed:
            continue
        texts = [
            str(root.origin.spec)
            for root in core
            if root.name == variable.name and isinstance(root.origin, Origin)
        ]
        texts += [
            need.text
            for allowed, needs in variable.incoming.items()
            if not allowed & variable.initial
            for need in needs
            for clause in need.carriers
            if side.store.variables[clause.source].name in names
        ]
        versions = [each for text in texts for each in _versions_named(parse_dependency(text))]
        if versions:
            yield variable.name, max(versions, key=version_key)


def _is_solvable(request: SolveRequest) -> bool:
    source = CandidateSource(request)
    try:
        CondaSubproblem(request, source, demands_of(request, source, request.specs)).model()
    except (Contradiction, MiniconError):
        return False
    return True
