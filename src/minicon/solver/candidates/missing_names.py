"""Names that no channel has: what was probably meant, and where it can be found."""

from __future__ import annotations

from minicon.errors import PackageNotFound, Unsatisfiable
from minicon.models.package_names import NameMap, meant_project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.errors import SolveError
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.request import SolveRequest


#: Hints are found for so many names: each is compared with all names of the channels.
MOST_HINTS = 5
_NO_IDEA = "check the spelling, or add the channel that has it with -c CHANNEL"


def split_by_source(
    request: SolveRequest, source: CandidateSource
) -> tuple[list[MatchSpec], list[MatchSpec]]:
    """Separate specs for channels from specs for PyPI.

    Raises:
        PackageNotFound: Names are in no channel, and PyPI is no source for them.
    """
    known: list[MatchSpec] = []
    missing: list[MatchSpec] = []
    unknown: list[MatchSpec] = []
    for spec in request.specs:
        name = spec.exact_name
        if is_for_pypi(request, source, spec):
            _refuse_module_name(request, source, spec)
            missing.append(spec)
        elif name is None or spec.when is not None or source.candidates(name).size:
            known.append(spec)
        else:
            unknown.append(spec)
    if unknown:
        raise _all_not_found(unknown, request, source)
    return known, missing


def _refuse_module_name(request: SolveRequest, source: CandidateSource, spec: MatchSpec) -> None:
    """Refuse the name of a module for which a project of another name is meant.

    The index may have a project of that name too: an empty one, or somebody else's.

    Raises:
        PackageNotFound: The hint says what to type.
    """
    name = spec.exact_name or ""
    meant = meant_project(name)
    if meant is None or request.wheels is None:
        return
    of_channels = [each for each in _conda_names(meant) if source.candidates(each).size]
    instead = of_channels[0] if of_channels else meant
    error = PackageNotFound(
        "package-not-found",
        f"{name} is in no channel; the project that is meant by this name is {meant}",
        hint=f"write {instead}; or pypi:{name} for the project of exactly that name",
    )
    error.packages = (name,)
    raise error


def _conda_names(project: str) -> Sequence[str]:
    return NameMap.built_in().conda_names(project)


def _all_not_found(
    specs: Sequence[MatchSpec], request: SolveRequest, source: CandidateSource
) -> PackageNotFound:
    """One error for several names, with hints for the first of them."""
    all_names = _all_names(request)
    errors = [_not_found(request, source, spec, all_names) for spec in specs[:MOST_HINTS]]
    if len(errors) == 1 or not all(error.packages for error in errors):
        return errors[0]
    names = tuple(spec.exact_name or str(spec) for spec in specs)
    hints = [
        f"{error.packages[0]}: {error.hint}"
        for error in errors
        if error.hint not in (None, _NO_IDEA)
    ]
    combined = PackageNotFound(
        "package-not-found",
        f"{_listed(names)} are in none of the channels: {_channels(request)}",
        context=errors[0].context,
        hint=one_by_one(hints),
    )
    combined.packages, combined.hints = names, tuple(hints)
    return combined.with_facts(channel_urls=_subdir_urls(request))


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def no_projects(names: Sequence[str], request: SolveRequest) -> SolveError:
    """The error for projects that neither a channel nor the package index has.

    If the index has one, and none of its files can be used, the error says why.
    """
    wheels = request.wheels
    for name in names:
        found = wheels.obstacles(name, lambda _: True, ()) if wheels is not None else ()
        if found:
            reasons = "".join(f"\n  {each.reason}" for each in found)
            return Unsatisfiable(
                "no-usable-file", f"no file of {name} can be used{reasons}", hint=found[0].hint
            )
    where = "no channel and not on the package index" if request.wheels else "no channel"
    verb = "is" if len(names) == 1 else "are"
    return PackageNotFound(
        "package-not-found",
        f"{_listed(names)} {verb} in {where}",
        hint=_similar(names, _all_names(request)),
    )


def _similar(names: Sequence[str], known: Sequence[str]) -> str:
    """Return a hint with the names of channels that are similar to those that do not exist."""
    from minicon.models.near_names import meant

    if len(names) == 1:
        return meant(names[0], known, _NO_IDEA)
    hints = [(name, meant(name, known, "")) for name in names[:MOST_HINTS]]
    return one_by_one([f"{name}: {hint}" for name, hint in hints if hint])


def _all_names(request: SolveRequest) -> list[str]:
    return [name for channel in request.channels for i in channel for name in i.names()]


def one_by_one(hints: Sequence[str]) -> str:
    """Hints for several names as one text."""
    return "\n  ".join(["for each name:", *hints]) if hints else _NO_IDEA


def _channels(request: SolveRequest) -> str:
    names = [channel[0].channel for channel in request.channels if channel]
    return ", ".join(names) or "(none given)"


def _subdir_urls(request: SolveRequest) -> list[str]:
    urls = (index.base_url.rstrip("/") for channel in request.channels for index in channel)
    return list(filter(None, urls))


def is_for_pypi(request: SolveRequest, source: CandidateSource, spec: MatchSpec) -> bool:
    """Whether PyPI has to meet a spec; if it has a condition, only if PyPI has the project."""
    name = spec.exact_name
    if name is None or source.candidates(name).size or not _may_come_from_pypi(request, spec):
        return False
    if spec.when is None or request.wheels is None:
        return True
    return bool(request.wheels.releases(request.wheels.pypi_name(name)))


def _may_come_from_pypi(request: SolveRequest, spec: MatchSpec) -> bool:
    name = spec.exact_name or ""
    plain = spec.channel is None and spec.url is None and not name.startswith("__")
    return (
        request.wheels is not None
        and request.wheels_for_missing_names
        and plain
        and name != "python"
    )


def _not_found(
    request: SolveRequest, source: CandidateSource, spec: MatchSpec, all_names: Sequence[str]
) -> PackageNotFound:
    """The error for a name that no source has, with a hint."""
    name = spec.exact_name or str(spec)
    channels = [channel[0].channel for channel in request.channels if channel]
    if name.startswith("__"):
        variable = f"CONDA_OVERRIDE_{name.strip('_').upper()}"
        return PackageNotFound(
            "virtual-package-missing",
            f"this machine has no {name}",
            hint=f"set {variable} to solve for a machine that has it",
        )
    listing = [i for c in request.channels for i in c if i.is_partial and name in i.names()]
    if listing:
        return not_cached(name, listing[0].channel)
    error = PackageNotFound(
        "package-not-found",
        f"{name} is in none of the channels: {_channels(request)}",
        context=f"for {request.platform}",
        hint=_hint(request, source, spec, name, channels, all_names),
    )
    error.packages = (name,)
    return error.with_facts(channel_urls=_subdir_urls(request))


def not_cached(name: str, channel: str) -> PackageNotFound:
    """The error for a name that a channel lists and whose records cannot be fetched."""
    return PackageNotFound(
        "package-not-cached",
        f"{channel} has {name}, but its records are not cached, and --offline forbids the network",
        hint=f"run once without --offline: 'minicon search {name}'",
    )


def _hint(
    request: SolveRequest,
    source: CandidateSource,
    spec: MatchSpec,
    name: str,
    channels: list[str],
    all_names: Sequence[str],
) -> str:
    if spec.channel is not None:
        if not any(map(spec.is_in, channels)):
            return f"add the channel: -c {spec.channel}"
        others = source.channels_having(name)
        if others:
            return f"{others[0][0]} has it: write {others[0][0]}::{name}"
    meant = meant_project(name) or name
    named = [each for each in _conda_names(meant) if each != name and source.candidates(each).size]
    if named:
        return f"channels have it as {named[0]}"
    from minicon.models.near_names import near_names

    similar = near_names(name, all_names)
    if similar:
        return f"did you mean {' or '.join(similar)}?"
    if request.wheels is not None and request.wheels.releases(request.wheels.pypi_name(name)):
        return f"PyPI has it: write pypi:{request.wheels.pypi_name(name)}"
    return _NO_IDEA
