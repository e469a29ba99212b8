"""Fixes: changes to a request that make it possible, each solved before it is offered."""

from __future__ import annotations

from dataclasses import replace

from minicon.errors import MiniconError
from minicon.models.match_spec import MatchSpec
from minicon.models.version import version_key
from minicon.solver.candidate_source import CandidateSource
from minicon.solver.clause import Root
from minicon.solver.conda_model import CondaSide
from minicon.solver.conflict_analysis import Contradiction
from minicon.solver.explanation import Fix
from minicon.solver.origin import Kind, Origin
from minicon.solver.request import ChannelPriority
from minicon.solver.roots import demands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.solver.conda_model import CondaModel
    from minicon.solver.request import SolveRequest

_ENOUGH = 3
_WITHOUT = {
    Kind.PIN: "leave the pin {} out (--no-pin)",
    Kind.CONSTRAINT: "leave the constraint {} out",
    Kind.INSTALLED: "let {} change (leave --freeze-installed out)",
    Kind.SPEC: "leave {} out",
    Kind.HISTORY: "remove {} first, which you asked for earlier",
}


def find_fixes(request: SolveRequest, side: CondaSide, core: Sequence[Root]) -> list[Fix]:
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


def _candidates(request: SolveRequest, side: CondaSide, core: Sequence[Root]) -> Iterator[Fix]:
    origins = {id(root.origin): root for root in core if isinstance(root.origin, Origin)}
    stubborn: list[Root] = []
    for root in origins.values():
        fix = _changed(side, root)
        if fix is None:
            stubborn.append(root)
        else:
            yield fix
    fix = _flexible(request)
    if fix is not None:
        yield fix
    for root in stubborn:
        fix = _without(side, root)
        if fix is not None:
            yield fix


def _changed(side: CondaSide, root: Root) -> Fix | None:
    """Another version of what was asked for, the nearest that works."""
    origin = root.origin
    assert isinstance(origin, Origin)
    if origin.kind is Kind.PYTHON_MINOR:
        return _named_python(side, root)
    if origin.kind not in (Kind.SPEC, Kind.HISTORY) or origin.spec is None:
        return _without(side, root)
    candidates = side.source.candidates(root.name)
    free = candidates.all & ~root.allowed
    if not free or _model(side, root, free) is None:
        return None
    asked = candidates.versions_in(root.allowed) if root.allowed else []
    newer, older = _split(side, root, free, asked)
    for versions, sign in ((newer, ">="), (older, "<=")):
        version = _nearest(side, root, versions)
        if version is not None:
            spec = f"{root.name}{sign}{version}"
            if _model(side, root, candidates.matching(spec)) is not None:
                return Fix(f'"{spec}" instead of {origin.text}', spec, origin.text)
    return _other_build(side, root, origin)


def _split(side: CondaSide, root: Root, free: int, asked: list[str]) -> tuple[list[str], list[str]]:
    """Versions above and below those asked for, nearest first."""
    versions = side.source.candidates(root.name).versions_in(free)
    if not asked:
        return [], versions
    highest, lowest = version_key(asked[0]), version_key(asked[-1])
    newer = [each for each in reversed(versions) if version_key(each) > highest]
    older = [each for each in versions if version_key(each) < lowest]
    return newer, older


def _nearest(side: CondaSide, root: Root, versions: list[str]) -> str | None:
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


def _other_build(side: CondaSide, root: Root, origin: Origin) -> Fix | None:
    """The same version without its build, subdir or hash."""
    assert origin.spec is not None
    version = None if origin.spec.version is None else str(origin.spec.version)
    spec = MatchSpec.from_fields(name=root.name, version=version)
    if _model(side, root, side.source.candidates(root.name).matching_spec(spec)) is None:
        return None
    return Fix(f'"{spec}" instead of {origin.text}', str(spec), origin.text)


def _named_python(side: CondaSide, root: Root) -> Fix | None:
    model = _model(side, root, side.source.candidates("python").all)
    record = model.record("python") if model is not None else None
    if record is None:
        return None
    spec = f"python={'.'.join(record.version.split('.')[:2])}"
    return Fix(f'add "{spec}" to let python change', spec, str(root.origin))


def _without(side: CondaSide, root: Root) -> Fix | None:
    origin = root.origin
    assert isinstance(origin, Origin)
    same = [each for each in side.demands.roots if each.origin is origin]
    if origin.kind not in _WITHOUT:
        return None
    try:
        side.without(same)
    except Contradiction:
        return None
    return Fix(_WITHOUT[origin.kind].format(origin.text), None, origin.text)


def _model(side: CondaSide, root: Root, allowed: int) -> CondaModel | None:
    """The model with another domain instead of a root's."""
    same = [each for each in side.demands.roots if each.origin is root.origin]
    try:
        return side.without(same, [Root(root.name, allowed, root.origin)])
    except Contradiction:
        return None


def _flexible(request: SolveRequest) -> Fix | None:
    """Looking into later channels too, where strict priority hides them."""
    if request.channel_priority is not ChannelPriority.STRICT or len(request.channels) < 2:
        return None
    wider = replace(request, channel_priority=ChannelPriority.FLEXIBLE)
    source = CandidateSource(wider)
    specs = [
        spec for spec in wider.specs if spec.exact_name and source.candidates(spec.exact_name).size
    ]
    try:
        CondaSide(wider, source, demands_of(wider, source, specs)).model()
    except (Contradiction, MiniconError):
        return None
    text = "look into all channels: --no-channel-priority (or channel_priority: flexible)"
    return Fix(text, None, "strict channel priority")
