"""MatchSpec: a query over records (CEP 29)."""

from __future__ import annotations

import re
from functools import lru_cache

from minicon.constants import DEFAULT_CHANNELS_ON_WINDOWS
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.build_spec import BuildNumberSpec, StringSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from minicon.models.match_spec.condition import Alternative
    from minicon.models.match_spec.version_spec import VersionSpec
    from minicon.models.records import RepodataRecord

# The forms of nearly all dependencies in channels: name, name version, name version build; and of
# nearly all specs that users write: name=version, name>=version,<version. The version part matches
# only texts that VersionSpec accepts, so that it can be parsed later.
_NUMBER = r"[0-9][0-9A-Za-z]{0,40}(?:[._][0-9A-Za-z]{1,40}){0,9}(?:\.?\*)?"
_ONE = rf"(?:[<>!=]=|[<>])?{_NUMBER}"
_JOINED = rf"(?:[<>!=]=|[<>=]){_NUMBER}"
_FAST = lazy_pattern(
    r"(?=[^ ]{1,64}(?: |\Z))(_{0,2}[A-Za-z0-9]+(?:[._\-][A-Za-z0-9]+)*)"
    rf"(?: +(\*|{_ONE}(?:[,|]{_ONE})*)(?: +([A-Za-z0-9_.*+]+))?|({_JOINED}(?:[,|]{_JOINED})*))?"
)

_TEXT_FIELDS = ("subdir", "fn", "url", "md5", "sha256", "license", "license_family", "when")
#: Fields that are compared as the name and the build are (CEP 29, string matching).
_MATCHED_FIELDS = ("subdir", "fn", "license", "license_family")
#: Channels that a name stands for if nothing is configured; see ``MatchSpec.in_channels``.
_STANDS_FOR = {"defaults": DEFAULT_CHANNELS_ON_WINDOWS}
_LIST_FIELDS = ("track_features", "features", "extras", "flags")


class MatchSpec:
    """A query that records match or not. Immutable; specs with the same canonical text are equal.

    Attributes:
        name: Exact name in lower case, glob or regular expression.
        build: Condition on the build string, or None.
        build_number: Condition on the build number, or None.
        channel: Channel as written (name, glob or URL without subdir), or None.
        channels: The channel; or, once :meth:`in_channels` was called, all that it stands for.
        subdir, fn, license, license_family: Exact strings, globs or regular expressions, or None.
        url, md5, sha256: Exact strings, or None. ``url`` may contain credentials; ``str()`` of the
            spec does not.
        track_features, features: Features that the record must have.
        flags: Globs; the record must have a flag that matches each (CEP 45). Sorted.
        extras: Requested groups of optional dependencies; not matched (CEP 44).
        when: Condition under which the spec applies; not matched (CEP 43).

    Args:
        text: The spec.
        of_record: Whether a record has it as a dependency.

    Raises:
        SpecError: ``invalid-spec``, with a caret under the invalid part.
    """

    __slots__ = (
        "_version", "build", "build_number", "channel", "channels", "extras", "features", "flags",
        "fn",
        "license", "license_family", "md5", "name", "sha256", "subdir", "track_features", "url",
        "when",
    )  # fmt: skip

    name: StringSpec
    build: StringSpec | None
    build_number: BuildNumberSpec | None
    channel: str | None
    channels: tuple[str, ...]
    subdir: str | None
    fn: str | None
    url: str | None
    md5: str | None
    sha256: str | None
    license: str | None
    license_family: str | None
    when: str | None
    track_features: tuple[str, ...]
    features: tuple[str, ...]
    extras: tuple[str, ...]
    flags: tuple[str, ...]

    def __init__(self, text: str, *, of_record: bool = False) -> None:
        self.channel = self.subdir = self.build_number = self.fn = self.url = None
        self.md5 = self.sha256 = self.license = self.license_family = self.when = None
        self.track_features = self.features = self.extras = self.flags = self.channels = ()
        self._version: str | VersionSpec | None
        simple = _FAST.fullmatch(text)
        if simple is not None:
            name, version, build, joined = simple.groups()
            self._version = version or joined
            self.name = _string_spec(name.lower())
            self.build = None if build is None else _string_spec(build)
        else:
            from minicon.models.match_spec.parser import parse

            try:
                self._fill(parse(text, any_name=of_record), text)
            except SpecError:
                from minicon.models.match_spec.pip_extras import refuse_extras_of_pip

                refuse_extras_of_pip(text)
                raise

    @classmethod
    def from_text(cls, text: str) -> MatchSpec:
        """The same as ``MatchSpec(text)``."""
        return cls(text)

    @classmethod
    def from_fields(cls, **fields: Any) -> MatchSpec:
        """Create a spec from strings: ``name="numpy", version=">=1.2", build="py*"`` and so on."""
        spec = cls("*")
        spec._fill({key: value for key, value in fields.items() if value is not None}, "")
        return spec

    def _fill(self, fields: dict[str, Any], source: str) -> None:
        from minicon.models.match_spec.version_spec import parse_version_spec

        try:
            name = fields.get("name", "*")
            self.name = _string_spec(name if name[0] == "^" else name.lower())
            version, build, number = map(fields.get, ("version", "build", "build_number"))
            self._version = parse_version_spec(str(version)) if version else None
            self.build = _string_spec(str(build)) if build else None
            self.build_number = BuildNumberSpec(str(number)) if number is not None else None
            for key in ("channel", *_MATCHED_FIELDS):
                _string_spec(fields.get(key) or "*")
            if fields.get("when"):
                parse_when(fields["when"])
        except SpecError as error:
            if error.reference != "invalid-spec" and not source:
                raise
            from minicon.models.match_spec.parser import relocate

            raise relocate(error, source or str(fields)) from None
        self.channel = fields.get("channel")
        self.channels = _STANDS_FOR.get(self.channel) or (self.channel,) if self.channel else ()
        for key in _TEXT_FIELDS:
            setattr(self, key, fields.get(key))
        for key in _LIST_FIELDS:
            setattr(self, key, tuple(sorted({*(fields.get(key) or ())})))

    @property
    def version(self) -> VersionSpec | None:
        """Condition on the version, or None for all versions."""
        if isinstance(self._version, str):
            from minicon.models.match_spec.version_spec import parse_version_spec

            self._version = parse_version_spec(self._version)
        return self._version

    @property
    def exact_name(self) -> str | None:
        """The only name that matches, or None for globs and regular expressions."""
        return self.name.exact

    @property
    def is_name_only(self) -> bool:
        """Whether the spec has no conditions but the name."""
        return len(self.to_fields()) == 1

    def matches(self, record: RepodataRecord) -> bool:
        """Whether a record, or an object with the same properties, matches."""
        if not self.name.matches(record.name):
            return False
        version = self.version
        if version is not None and not version.contains(record.version):
            return False
        if self.build is not None and not self.build.matches(record.build):
            return False
        if self.build_number is not None and not self.build_number.matches(record.build_number):
            return False
        return self._matches_origin(record) and self._matches_contents(record)

    def _matches_origin(self, record: RepodataRecord) -> bool:
        if not self.is_in(record.channel):
            return False
        if self.subdir is not None and not _string_spec(self.subdir).matches(record.subdir):
            return False
        if self.fn is not None and not _string_spec(self.fn).matches(record.fn):
            return False
        return self.url is None or _decoded(self.url) == _decoded(record.url)

    def _matches_contents(self, record: RepodataRecord) -> bool:
        if self.md5 is not None and self.md5 != record.md5:
            return False
        if self.sha256 is not None and self.sha256 != record.sha256:
            return False
        for key in ("license", "license_family"):
            wanted = getattr(self, key)
            if wanted is not None and not _string_spec(wanted).matches(_extra(record, key) or ""):
                return False
        if self.features and not set(self.features) <= set(record.features):
            return False
        if self.track_features and not set(self.track_features) <= set(record.track_features):
            return False
        return all(any(map(_string_spec(flag).matches, record.flags)) for flag in self.flags)

    def applies(self, is_met: Callable[[str, str], bool]) -> bool:
        """Whether the condition of the spec is met; True if it has none.

        Args:
            is_met: Whether a package of a name is present that matches a MatchSpec string.
        """
        return self.when is None or any(
            all(is_met(*each) for each in alternative) for alternative in parse_when(self.when)
        )

    def replace(self, **fields: Any) -> MatchSpec:
        """Create a copy with some fields replaced; None removes a field."""
        spec = MatchSpec.from_fields(**{**self.to_fields(), **fields})
        return spec if "channel" in fields else spec.in_channels(self.channels)

    def in_channels(self, names: Iterable[str]) -> MatchSpec:
        """A copy of equal text whose channel, such as ``defaults``, stands for some channels."""
        from copy import copy

        spec = copy(self)
        spec.channels = tuple(names)
        return spec

    def is_in(self, channel: str) -> bool:
        """Whether a record's channel (name or base URL) is one that the spec allows."""
        return self.channel is None or any(channel_matches(each, channel) for each in self.channels)

    def to_fields(self) -> dict[str, Any]:
        """Canonical strings of all fields that are set."""
        fields: dict[str, Any] = {"name": self.name.text}
        if self.version is not None and not self.version.matches_all:
            fields["version"] = str(self.version)
        if self.build is not None and not self.build.matches_all:
            fields["build"] = self.build.text
        if self.build_number is not None:
            fields["build_number"] = self.build_number.text
        for key in ("channel", *_TEXT_FIELDS, *_LIST_FIELDS):
            if getattr(self, key) and (key != "channel" or self.channel != "*"):
                fields[key] = getattr(self, key)
        return fields

    def __str__(self) -> str:
        """Canonical text without credentials: ``channel/subdir::name version build[key=value]``."""
        return _write(self.to_fields())

    def in_brackets(self) -> str:
        """The spec with all fields but the name in brackets, as records of CEP 48 have it."""
        fields = self.to_fields()
        return f"{fields.pop('name')}{_write_brackets(fields)}"

    def __repr__(self) -> str:
        return f"MatchSpec({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatchSpec) and self.to_fields() == other.to_fields()

    def __hash__(self) -> int:
        fields = self.to_fields()
        return hash((fields["name"], fields.get("version"), fields.get("build")))


@lru_cache(maxsize=65536)
def parse_dependency(text: str) -> MatchSpec:
    """Parse a dependency of a record, with a cache; its name may be older than CEP 26.

    Raises:
        SpecError: ``invalid-spec``.
    """
    return MatchSpec(text, of_record=True)


@lru_cache(maxsize=4096)
def parse_when(text: str) -> tuple[Alternative, ...]:
    """The alternatives of a condition, each the (name, MatchSpec string) pairs that must match.

    Raises:
        SpecError: ``invalid-spec``.
    """
    from minicon.models.match_spec.condition import parse_condition

    return parse_condition(text, _name_in_condition)


def _name_in_condition(text: str) -> str | None:
    spec = parse_dependency(text)
    return spec.exact_name if spec.when is None else None


@lru_cache(maxsize=16384)
def channel_matches(wanted: str, channel: str) -> bool:
    """Whether a record's channel (name or base URL) matches that of a spec.

    A name matches every base URL that ends with it, and the other way round: ``conda-forge``
    matches ``https://host/conda-forge``. The same applies to globs without ``://``; case does not
    matter (CEP 29).
    """
    wanted, channel = _bare(wanted).rstrip("/").lower(), _bare(channel).rstrip("/").lower()
    if "*" in wanted:
        path = channel if "://" in wanted else f"/{_below_host(channel)}"
        return _string_spec(wanted if "://" in wanted else f"*/{wanted}").matches(path)
    if wanted == channel:
        return True
    if "://" in wanted and "://" in channel:
        return False
    return wanted.endswith(f"/{channel}") or channel.endswith(f"/{wanted}")


def _below_host(channel: str) -> str:
    """The path of a channel's base URL, without the leading slash; a name as it is."""
    _, mark, rest = channel.partition("://")
    return rest.partition("/")[2] if mark else channel


@lru_cache(maxsize=16384)
def _string_spec(text: str) -> StringSpec:
    return StringSpec(text)


def _bare(text: str) -> str:
    """Remove the credentials from a URL, or from a text with URLs."""
    from minicon.models.url import Url, is_url
    from minicon.redaction import without_secrets

    try:
        return str(Url(text).without_credentials) if is_url(text) else without_secrets(text)
    except SpecError:
        return without_secrets(text)


def _decoded(url: str) -> str:
    """A URL without credentials and percent-encoding: tools encode ``!`` and ``+`` or do not."""
    from urllib.parse import unquote

    return unquote(_bare(url))


def _extra(record: RepodataRecord, key: str) -> Any:
    data = getattr(record, "data", None)
    return data.get(key) if data is not None else getattr(record, key, None)


def _write(fields: dict[str, Any]) -> str:
    name, channel = fields.pop("name"), fields.get("channel", "")
    origin = ""
    if channel and not {"[", "*"} & {*channel, *fields.get("subdir", "")}:
        del fields["channel"]
        subdir = fields.pop("subdir", None)
        origin = f"{_bare(channel)}{'/' + subdir if subdir else ''}::"
    positional = [name]
    version, build = fields.pop("version", None), fields.get("build")
    if version or build:
        positional.append(version or "*")
    if build and not re.search(r"[\s=<>!~,|\[\]]", build):
        positional.append(fields.pop("build"))
    return origin + " ".join(positional) + _write_brackets(fields)


def _write_brackets(fields: dict[str, Any]) -> str:
    pairs = []
    for key, value in fields.items():
        if isinstance(value, tuple):
            pairs.append(f"{key}=[{','.join(value)}]")
        else:
            text = _bare(value) if key in ("url", "channel") else value
            quote = "'" if '"' in text else '"'
            if quote in text:  # only a condition can contain both, and its parser reads escapes
                text = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
            pairs.append(f"{key}={quote}{text}{quote}")
    return f"[{','.join(pairs)}]" if pairs else ""
