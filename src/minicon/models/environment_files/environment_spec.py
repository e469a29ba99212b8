"""EnvironmentSpec: the contents of an ``environment.yml`` (CEP 24).

Extensions of the CEP: platform selectors (``sel(linux): gdb``), the keys ``platforms`` and
``category`` of lock tools, and ``groups`` of dependencies that are installed on request.
"""

from __future__ import annotations

import re

from minicon.constants import FORBIDDEN_NAME_CHARACTERS
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.environment_files.explicit_list import ExplicitEntry, parse_explicit_entry
from minicon.models.match_spec.parser import is_package_reference
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.subdir import NOARCH, check_subdir, platform_hint, selects
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, NoReturn

#: Keys with an effect.
KEYS = (
    "name", "prefix", "channels", "dependencies", "variables", "platforms", "platform",
    "category", "groups", "pip", "allow-pypi-requests",
)  # fmt: skip
_SELECTOR = lazy_pattern(r"sel\((.*)\)\s*")
_ABSOLUTE = lazy_pattern(r"/|[A-Za-z]:[/\\]")
VARIABLE_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class DependencyGroup:
    """The dependencies of one group: conda specs, and requirement lines for pip."""

    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """The contents of an environment file, with selectors resolved for one platform.

    Attributes:
        name: Name of the environment, or None; of a path, its last part.
        prefix: Prefix of the environment that was exported, or None.
        channels: Channels as written, by priority, ``nodefaults`` included.
        dependencies: MatchSpec strings as written, in order; all are valid.
        pip: Requirement lines for pip as written, options such as ``-r file`` included.
        variables: Environment variables that activation sets.
        platforms: Supported platforms; empty for all.
        category: Category of lock tools (``main``, ``dev``), or None.
        groups: Further dependencies, by the name of their group.
        explicit: Packages of an ``@EXPLICIT`` list; then nothing else is set.
        ignored: Keys in the file that have no effect.
        has_dependencies_key: Whether the file has ``dependencies``, which CEP 24 requires.
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
    has_dependencies_key: bool = field(default=True, compare=False)

    @property
    def specs(self) -> tuple[MatchSpec, ...]:
        """The dependencies, parsed."""
        return tuple(MatchSpec(text) for text in self.dependencies)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, platform: str, source: str) -> EnvironmentSpec:
        """Parse the mapping in an environment file.

        Args:
            data: Mappings, lists and strings (numbers and booleans are converted to strings).
                Strings may have an attribute ``line``, which is shown in messages.
            platform: Subdir for selectors.
            source: The file's name, for messages.

        Raises:
            SpecError: ``invalid-environment-file`` with file and line, or ``invalid-spec``.
        """
        return _Reader(platform, source).environment(data)

    def to_data(self) -> dict[str, Any]:
        """The mapping to write, in conda's order of keys, without keys that are not set.

        Secrets are removed from URLs, but not from variables.
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


def _is_name(name: str) -> bool:
    """Whether a text can be the name of an environment, as conda decides."""
    forbidden = {*FORBIDDEN_NAME_CHARACTERS, "\\"}
    return name not in ("", ".", "..") and not forbidden & set(name)


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
                "the file is not a mapping", data, "start with name:, channels:, dependencies:"
            )
        group = self.group("dependencies", data.get("dependencies"))
        more_pip = tuple(self.texts("pip", data.get("pip")))
        ignored = tuple(str(key) for key in data if str(key) not in KEYS)
        has_dependencies = "dependencies" in data
        if not has_dependencies:
            self.refuse_misspelt(data, ignored)
        return EnvironmentSpec(
            name=self.name(data.get("name")),
            prefix=self.optional("prefix", data.get("prefix")),
            channels=tuple(self.channels(data.get("channels"))),
            dependencies=group.dependencies,
            pip=group.pip + more_pip,
            variables=self.variables(data.get("variables")),
            platforms=self.platforms(data.get("platforms", data.get("platform"))),
            category=self.optional("category", data.get("category")),
            groups=self.groups(data.get("groups")),
            ignored=ignored,
            has_dependencies_key=has_dependencies,
        )

    def refuse_misspelt(self, data: Mapping[str, Any], unknown: tuple[str, ...]) -> None:
        """Refuse a file in which only a misspelt key can have the dependencies."""
        from minicon.models.near_names import near_names

        for near in near_names("dependencies", unknown)[:1]:
            key = next(key for key in data if str(key) == near)
            self.fail(f"the key {near!r} is unknown", key, "did you mean dependencies?")

    def platforms(self, value: Any) -> tuple[str, ...]:
        names = tuple(self.texts("platforms", value))
        for name in names:
            if hint := platform_hint(name):
                self.fail(f"{name!r} is not a platform", value, hint)
            check_subdir(name)
        if NOARCH in names:
            self.fail(
                f"{NOARCH!r} is no platform of an environment",
                value,
                "name platforms such as linux-64",
            )
        return names

    def fail(self, why: str, value: Any, hint: str) -> NoReturn:
        raise SpecError("invalid-environment-file", f"{self.position(value)}: {why}", hint=hint)

    def position(self, value: Any) -> str:
        line = getattr(value, "line", None)
        return f"{self.source}, line {line}" if line else self.source

    def text(self, key: str, value: Any) -> str:
        if isinstance(value, (str, int, float)):
            return str(value)
        kind = "a mapping" if hasattr(value, "keys") else "a list" if value else "empty"
        why = f"{key} must be a string, but is {kind}"
        return self.fail(why, value, f"write {key} as one line of text")

    def optional(self, key: str, value: Any) -> str | None:
        return None if value is None else self.text(key, value).strip() or None

    def texts(self, key: str, value: Any) -> Iterator[str]:
        """A list of strings; a single string is a list of one, None an empty list."""
        if value is None:
            return
        if hasattr(value, "keys"):
            self.fail(
                f"{key} must be a list, but is a mapping", value, f"write {key} as a list of - item"
            )
        for item in [value] if isinstance(value, (str, int, float)) else value:
            text = self.text(f"an item of {key}", item).strip()
            if text:
                yield text

    def name(self, value: Any) -> str | None:
        name = self.optional("name", value)
        if name and _ABSOLUTE.match(name):  # conda's export of an environment by path
            last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
            return last if _is_name(last) else None
        if name and not _is_name(name):
            hint = (
                "names cannot contain / \\ : # or spaces; remove the name and pass --name instead"
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
            self.fail("variables must be a mapping", value, "write NAME: value")
        for name in value:
            if not VARIABLE_NAME.match(str(name)):
                hint = "names contain letters, digits and _, and do not start with a digit"
                self.fail(f"{str(name)[:60]!r} cannot be the name of a variable", name, hint)
        return {
            str(name): "" if text is None else self.text(str(name), text)
            for name, text in value.items()
        }

    def groups(self, value: Any) -> dict[str, DependencyGroup]:
        if value is None:
            return {}
        if not hasattr(value, "items"):
            self.fail("groups must be a mapping", value, "write each group as name: and - items")
        return {str(name): self.group(f"groups.{name}", items) for name, items in value.items()}

    def group(self, key: str, value: Any) -> DependencyGroup:
        if value is not None and not isinstance(value, (list, tuple)):
            self.fail(f"{key} must be a list", value, "write each package as - name")
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
        """Read ``pip:`` with its lines, or ``sel(platform):`` with a spec or a list."""
        selector = _SELECTOR.fullmatch(kind)
        if kind == "pip":
            pip.extend(self.texts("pip", value))
        elif selector:
            chosen = selects(selector.group(1), self.platform)
            if chosen is None:
                hint = "selectors consist of linux, osx, win, unix, platforms, and, or, not"
                self.fail(f"{kind!r} is not a selector", value, hint)
            group = self.group(key, value if isinstance(value, list) else [value])
            if chosen:
                specs.extend(group.dependencies)
                pip.extend(group.pip)
        else:
            hint = "a dependency is a string, or a mapping pip: or sel(platform):"
            self.fail(f"{key} has the unknown key {shortened(kind, 60)!r}", value, hint)

    def spec(self, key: str, value: Any) -> str:
        text = self.text(f"an item of {key}", value).strip()
        try:
            if is_package_reference(text):
                parse_explicit_entry(text, position=self.source)
            MatchSpec(text)
        except SpecError as error:
            raise SpecError(
                error.reference,
                error.message,
                context=f"while reading {self.position(value)}",
                hint=error.hint,
                source=error.source,
                span=error.span,
            ) from None
        return text
