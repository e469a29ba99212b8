"""EnvironmentSpec: what an environment should hold, as ``environment.yml`` says it (CEP 24).

Beyond the CEP: platform selectors (``sel(linux): gdb``), the keys ``platforms`` and ``category``
of lock tools, and ``groups`` of dependencies that are installed on demand.
"""

from __future__ import annotations

from minicon.constants import FORBIDDEN_NAME_CHARACTERS
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.environment_files.explicit_list import ExplicitEntry, parse_explicit_entry
from minicon.models.match_spec.parser import is_package_reference
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.subdir import check_subdir, selects
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, NoReturn

_KEYS = (
    "name", "prefix", "channels", "dependencies", "variables", "platforms", "platform",
    "category", "groups", "pip", "allow-pypi-requests",
)  # fmt: skip
_SELECTOR = lazy_pattern(r"sel\((.*)\)\s*")
_VARIABLE = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class DependencyGroup:
    """Dependencies that belong together: conda specs, and requirement lines for pip."""

    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """What an environment should hold. Selectors are resolved for one platform.

    Attributes:
        name: Or None.
        prefix: Where it was when exported, or None.
        channels: As written, in order of priority, ``nodefaults`` included.
        dependencies: MatchSpec texts as written, in order; each is known to be readable.
        pip: Requirement lines for pip as written, options such as ``-r file`` included.
        variables: To set when the environment is activated.
        platforms: The platforms it is meant for; empty for any.
        category: Of lock tools (``main``, ``dev``), or None.
        groups: More dependencies, by the name of their group.
        explicit: Exact packages, for an ``@EXPLICIT`` list; then nothing else is set.
        ignored: Keys that were found and mean nothing here.
    """

    name: str | None = None
    prefix: str | None = None
    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    category: str | None = None
    groups: Mapping[str, DependencyGroup] = field(default_factory=dict)
    explicit: tuple[ExplicitEntry, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def specs(self) -> tuple[MatchSpec, ...]:
        """The dependencies, read."""
        return tuple(MatchSpec(text) for text in self.dependencies)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, platform: str, source: str) -> EnvironmentSpec:
        """Read the object that an environment file holds.

        Args:
            data: Mappings, lists and texts (numbers and booleans are taken as texts). Texts may
                have an attribute ``line``, which messages then name.
            platform: For selectors.
            source: The file's name, for messages.

        Raises:
            SpecError: ``invalid-environment-file`` with the place, or ``invalid-spec``.
        """
        return _Reader(platform, source).environment(data)

    def to_data(self) -> dict[str, Any]:
        """The object to write, in conda's order of keys; what is not set is left out.

        So are secrets in URLs, but not in variables: those are there to be set.
        """
        channels = list(map(without_secrets, self.channels))
        data: dict[str, Any] = {"name": self.name, "channels": channels}
        data["platforms"] = list(self.platforms)
        data["category"] = self.category
        data["dependencies"] = _group_data(DependencyGroup(self.dependencies, self.pip))
        data["groups"] = {name: _group_data(group) for name, group in self.groups.items()}
        data["variables"] = dict(self.variables)
        data["prefix"] = self.prefix
        return {key: value for key, value in data.items() if value or key == "dependencies"}


def _group_data(group: DependencyGroup) -> list[Any]:
    data: list[Any] = list(map(without_secrets, group.dependencies))
    return [*data, {"pip": list(map(without_secrets, group.pip))}] if group.pip else data


class _Reader:
    def __init__(self, platform: str, source: str) -> None:
        self.platform = platform
        self.source = source

    def environment(self, data: Any) -> EnvironmentSpec:
        if not hasattr(data, "keys"):
            self.fail(
                "the file holds no mapping", data, "begin with name:, channels:, dependencies:"
            )
        group = self.group("dependencies", data.get("dependencies"))
        more_pip = tuple(self.texts("pip", data.get("pip")))
        platforms = data.get("platforms", data.get("platform"))
        return EnvironmentSpec(
            name=self.name(data.get("name")),
            prefix=self.optional("prefix", data.get("prefix")),
            channels=tuple(self.channels(data.get("channels"))),
            dependencies=group.dependencies,
            pip=group.pip + more_pip,
            variables=self.variables(data.get("variables")),
            platforms=tuple(check_subdir(name) for name in self.texts("platforms", platforms)),
            category=self.optional("category", data.get("category")),
            groups=self.groups(data.get("groups")),
            ignored=tuple(str(key) for key in data if str(key) not in _KEYS),
        )

    def fail(self, why: str, value: Any, hint: str) -> NoReturn:
        line = getattr(value, "line", None)
        place = f"{self.source}, line {line}" if line else self.source
        raise SpecError("invalid-environment-file", f"{place}: {why}", hint=hint)

    def text(self, key: str, value: Any) -> str:
        if isinstance(value, (str, int, float)):
            return str(value)
        kind = "a mapping" if hasattr(value, "keys") else "a list" if value else "nothing"
        why = f"{key} should be a text and is {kind}"
        return self.fail(why, value, f"write {key} as one line of text")

    def optional(self, key: str, value: Any) -> str | None:
        return None if value is None else self.text(key, value).strip() or None

    def texts(self, key: str, value: Any) -> Iterator[str]:
        """A list of texts; one text alone counts as a list of one, nothing as none."""
        if value is None:
            return
        if hasattr(value, "keys"):
            self.fail(f"{key} should be a list and is a mapping", value, f"write {key} as - items")
        for item in [value] if isinstance(value, (str, int, float)) else value:
            text = self.text(f"an item of {key}", item).strip()
            if text:
                yield text

    def name(self, value: Any) -> str | None:
        name = self.optional("name", value)
        if name and (
            name in (".", "..") or "\\" in name or set(FORBIDDEN_NAME_CHARACTERS) & set(name)
        ):
            hint = (
                "a name holds none of / \\ : # and no space; leave it out and give --name instead"
            )
            self.fail(f"{shortened(name, 60)!r} cannot be the name of an environment", value, hint)
        return name

    def channels(self, value: Any) -> Iterator[str]:
        if isinstance(value, list):
            value = [item.get("url", item) if hasattr(item, "keys") else item for item in value]
        return self.texts("channels", value)

    def variables(self, value: Any) -> dict[str, str]:
        if value is None:
            return {}
        if not hasattr(value, "items"):
            self.fail("variables should be a mapping", value, "write NAME: value")
        for name in value:
            if not _VARIABLE.match(str(name)):
                hint = "names hold letters, digits and _ and do not begin with a digit"
                self.fail(f"{str(name)[:60]!r} cannot be the name of a variable", name, hint)
        return {
            str(name): "" if text is None else self.text(str(name), text)
            for name, text in value.items()
        }

    def groups(self, value: Any) -> dict[str, DependencyGroup]:
        if value is None:
            return {}
        if not hasattr(value, "items"):
            self.fail("groups should be a mapping", value, "write a name and below it - items")
        return {str(name): self.group(f"groups.{name}", items) for name, items in value.items()}

    def group(self, key: str, value: Any) -> DependencyGroup:
        if value is not None and not isinstance(value, (list, tuple)):
            self.fail(f"{key} should be a list", value, "write every package as - name")
        specs: list[str] = []
        pip: list[str] = []
        for item in value or ():
            if hasattr(item, "items"):
                for kind, below in item.items():
                    self.mapping(key, str(kind), below, specs, pip)
            else:
                specs.append(self.spec(key, item))
        return DependencyGroup(tuple(specs), tuple(pip))

    def mapping(self, key: str, kind: str, value: Any, specs: list[str], pip: list[str]) -> None:
        """``pip:`` with its lines, or ``sel(platform):`` with a spec or a list as above."""
        selector = _SELECTOR.fullmatch(kind)
        if kind == "pip":
            pip.extend(self.texts("pip", value))
        elif selector:
            chosen = selects(selector.group(1), self.platform)
            if chosen is None:
                hint = "selectors are made of linux, osx, win, unix, platforms, and, or, not"
                self.fail(f"{kind!r} is not a selector", value, hint)
            group = self.group(key, value if isinstance(value, list) else [value])
            if chosen:
                specs.extend(group.dependencies)
                pip.extend(group.pip)
        else:
            hint = "a dependency is a text, or the mapping pip: or sel(platform):"
            self.fail(f"{key} holds {shortened(kind, 60)!r}:, which is not known", value, hint)

    def spec(self, key: str, value: Any) -> str:
        text = self.text(f"an item of {key}", value).strip()
        try:
            if is_package_reference(text):
                parse_explicit_entry(text, place=self.source)
            MatchSpec(text)
        except SpecError as error:
            line = getattr(value, "line", None)
            place = f"{self.source}, line {line}" if line else self.source
            raise SpecError(
                error.reference,
                error.message,
                context=f"while reading {place}",
                hint=error.hint,
                source=error.source,
                span=error.span,
            ) from None
        return text
