"""Translate the requirements of a wheel (PEP 508) into dependencies of a conda package.

::

    requests[socks] >=2,<3 ; python_version < "3.11" and extra == "web"
        └─► extra_depends: web: requests[version="<3a0,>=2",extras=[socks],when="python<3.11.0a0"]

Markers become conditions (CEP 43), extras become groups (CEP 44). A package for one platform or one
python has its markers evaluated as far as these are known. What conditions cannot say, such as the
processor in a package for all of them, counts as true: a dependency too many breaks nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.wheels.filenames import parse_version
from minicon.solver.joint.markers import marker_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from packaging.requirements import Requirement

    #: True, False, or a condition of CEP 43.
    Condition: TypeAlias = bool | str

#: A platform of each system, and the virtual package that only this system has.
_SYSTEMS = {"linux-64": "__linux", "osx-64": "__osx", "win-64": "__win"}
_UNIX = {"__linux", "__osx"}
_SYSTEM_VARIABLES = ("os_name", "sys_platform", "platform_system")
#: Minor versions of python 3 for which ``python_version`` is evaluated.
_MINORS = range(6, 61)
_NEVER = ("implementation_version", "platform_release", "platform_version")
_GROUP = lazy_pattern(r"[a-z0-9_.+-]{1,64}\Z")


class Target(NamedTuple):
    """What is known of the environments that a package is for.

    Attributes:
        subdir: A platform, or ``noarch`` for all.
        python: The only minor version, such as ``3.11``, or None.
    """

    subdir: str
    python: str | None = None


class Dependencies(NamedTuple):
    """Dependencies as in a record.

    Attributes:
        depends: MatchSpec strings.
        extra_depends: The same, by the name of the extra (CEP 44).
    """

    depends: list[str]
    extra_depends: dict[str, list[str]]


def dependencies_of(
    requirements: Iterable[Requirement],
    extras: Iterable[str],
    target: Target,
    conda_name: Callable[[str], str],
) -> Dependencies:
    """Translate the requirements of a wheel.

    Args:
        requirements: Its ``Requires-Dist``.
        extras: Its ``Provides-Extra``, normalized.
        target: What the package is for.
        conda_name: Name of the conda package for that of a project.
    """
    depends: dict[str, None] = {}
    groups: dict[str, dict[str, None]] = {extra: {} for extra in extras if _GROUP.match(extra)}
    for requirement in requirements:
        spec = _spec_of(requirement, conda_name)
        always = condition_of(requirement, target, "")
        if always is not False:
            depends[_with_condition(spec, always)] = None
        for extra, group in groups.items():
            only = condition_of(requirement, target, extra)
            if only is not False and only != always:
                group[_with_condition(spec, only)] = None
    return Dependencies(list(depends), {name: list(group) for name, group in groups.items()})


def python_dependency(requires_python: str | None) -> str:
    """Translate ``Requires-Python``; an invalid one counts as none."""
    try:
        version = conda_version(SpecifierSet(requires_python or ""))
    except InvalidSpecifier:
        version = ""
    return f"python {version}".strip()


def conda_version(specifier: SpecifierSet) -> str:
    """Translate a specifier of PEP 440 into a condition on conda versions.

    ``<3`` also excludes the pre-releases of 3 there; those sort below it here too.
    """
    return ",".join(text for each in sorted(specifier, key=str) for text in _bound(each))


def _bound(specifier: Any) -> list[str]:
    operator, text = specifier.operator, specifier.version
    version = parse_version(text.removesuffix(".*"))
    if operator == "===" or version is None:
        return [f"=={text}"]
    if operator == "<" and not version.is_prerelease:
        return [f"<{text}a0"]
    if operator == "~=":
        stem = ".".join(map(str, version.release[:-1]))
        return [f">={text}", f"{f'{version.epoch}!' if version.epoch else ''}{stem}.*"]
    if operator == "==" and text.endswith(".*"):
        return [text]
    return [f"{operator}{text}"]


def _spec_of(requirement: Requirement, conda_name: Callable[[str], str]) -> MatchSpec:
    extras = sorted(map(normalize_pypi_name, requirement.extras))
    return MatchSpec.from_fields(
        name=conda_name(requirement.name),
        version=conda_version(requirement.specifier) or None,
        extras=tuple(extras) or None,
    )


def _with_condition(spec: MatchSpec, condition: Condition) -> str:
    """The text of a dependency: in conda's oldest form if that can say it."""
    if isinstance(condition, str):
        spec = spec.replace(when=condition)
    return spec.in_brackets() if spec.when or spec.extras else str(spec)


def condition_of(requirement: Requirement, target: Target, extra: str) -> Condition:
    """Translate the marker of a requirement: True, False, or the rest that depends on the machine.

    Args:
        requirement: The requirement.
        target: What the package is for.
        extra: The extra that is requested, normalized; empty for none.
    """
    if requirement.marker is None:
        return True
    # The parsed form is private, but has been the same in all versions of packaging.
    return _translate(requirement.marker._markers, target, extra)


def _translate(node: Any, target: Target, extra: str) -> Condition:
    """Translate a node: a list of nodes and ``and``, ``or`` between them, or one comparison."""
    if isinstance(node, tuple):
        return _comparison(node, target, extra)
    alternatives: list[list[Condition]] = [[]]
    for part in node:
        if part == "or":
            alternatives.append([])
        elif part != "and":
            alternatives[-1].append(_translate(part, target, extra))
    return _any_of([_all_of(parts) for parts in alternatives])


def _all_of(parts: Sequence[Condition]) -> Condition:
    if False in parts:
        return False
    texts = list(dict.fromkeys(part for part in parts if isinstance(part, str)))
    if len(texts) < 2:
        return texts[0] if texts else True
    return " and ".join(f"({text})" if " or " in text else text for text in texts)


def _any_of(parts: Sequence[Condition]) -> Condition:
    if True in parts:
        return True
    texts = list(dict.fromkeys(part for part in parts if isinstance(part, str)))
    return " or ".join(texts) if texts else False


def _comparison(node: tuple[Any, Any, Any], target: Target, extra: str) -> Condition:
    left, operator, right = node
    names = [each.value for each in (left, right) if type(each).__name__ == "Variable"]
    name = names[0] if len(names) == 1 else ""

    def holds(values: Mapping[str, str]) -> bool:
        return _evaluate(node, values)

    if name == "extra":
        value = normalize_pypi_name(right.value if left.value == "extra" else left.value)
        return bool((value == extra) == (operator.value == "=="))
    if name == "python_version" and target.python is None:
        return _minors([holds(marker_environment(f"3.{n}.0", "linux-64")) for n in _MINORS])
    if name == "python_full_version":
        return _full_version(operator.value, right.value) if left.value == name else True
    if name in _SYSTEM_VARIABLES and target.subdir == "noarch":
        found = {v for p, v in _SYSTEMS.items() if holds(marker_environment("3.11.0", p))}
        return _systems(found)
    if name in _NEVER or not name or (name == "platform_machine" and target.subdir == "noarch"):
        return True
    subdir = target.subdir if target.subdir != "noarch" else "linux-64"
    return holds(marker_environment(f"{target.python or '3.11'}.0", subdir))


def _evaluate(node: tuple[Any, Any, Any], values: Mapping[str, str]) -> bool:
    from packaging.markers import Marker

    left, operator, right = (each.serialize() for each in node)
    try:
        return Marker(f"{left} {operator} {right}").evaluate(dict(values))
    except ValueError:  # compares values that have no order: excludes nothing
        return True


def _systems(found: set[str]) -> Condition:
    if len(found) == len(_SYSTEMS) or not found:
        return bool(found)
    return "__unix" if found == _UNIX else " or ".join(sorted(found))


def _minors(applies: Sequence[bool]) -> Condition:
    """The condition on python for a list of whether each of the minor versions meets it."""
    ranges = []
    for start, minor in enumerate(_MINORS):
        if applies[start] and (start == 0 or not applies[start - 1]):
            end = next((n for n in range(start, len(_MINORS)) if not applies[n]), None)
            low: Condition = True if start == 0 else f"python>=3.{minor}"
            high: Condition = True if end is None else f"python<3.{_MINORS[end]}.0a0"
            ranges.append(_all_of([low, high]))
    return _any_of(ranges)


def _full_version(operator: str, value: str) -> Condition:
    try:
        version = conda_version(SpecifierSet(f"{operator}{value}"))
    except InvalidSpecifier:
        return True
    return " and ".join(f"python{text}" for text in version.split(","))
