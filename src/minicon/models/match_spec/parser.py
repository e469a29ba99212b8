"""Parser for MatchSpecs: from text to fields (CEP 29, and conda's older forms).

::

    spec      = [origin] name [version-and-build] ["[" key=value, … "]"]
    origin    = [channel ["/" subdir] ":"] [namespace] ":"
    spec      = package URL or path ["#" md5 or sha256]
    name      = exact, glob (nump*) or ^regex$

The namespace is ignored, and keys in brackets override all but the name. Version and build are
parsed as in conda: ``x=1.2`` and ``x =1.2`` mean 1.2.*, ``x==1.2`` and
``x 1.2`` mean exactly 1.2, and so does ``x=1.2=build``.
"""

from __future__ import annotations

import re

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.version_spec import spec_error
from minicon.models.package_names import NAME_HINT, is_package_name
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.redaction import redact, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from minicon.errors import SpecError

#: Longest spec text.
MAX_LENGTH = 8192

#: Keys allowed in brackets.
KEYS = (
    "name", "version", "build", "build_number", "channel", "subdir", "md5", "sha256", "url", "fn",
    "license", "license_family", "track_features", "features", "extras", "flags", "when",
)  # fmt: skip
#: Keys in old history files that have no effect any more.
_OBSOLETE_KEYS = ("optional", "target")
_LISTS = ("extras", "flags", "track_features", "features")

_NAME = lazy_pattern(r"\^[^\s$]*\$|[^\s=<>!~\[;,|]+")
_NAME_TEXT = lazy_pattern(r"[A-Za-z0-9_*][A-Za-z0-9_.*\-]*")
#: Optional spaces, in a text with single spaces between words.
_SPACE_AROUND = lazy_pattern(r" ?([,|]) ?|(?<=[<>=!~]) |(?<=\() | (?=\))")
_PLAIN_BUILD = lazy_pattern(r"[^=<>!~,|\s]+")
_SINGLE_EQUAL = lazy_pattern(r"=([^=,|<>!~]+)")
_WORD = lazy_pattern(r"\S+")
_PATTERN_BEGINS = lazy_pattern(r"(?:^|(?<=[\s=:]))\^")
_PATTERN_ENDS = lazy_pattern(r"\$(?=[\s\[=]|$)")
_CONDITION = lazy_pattern(r";\s*if\s")
_NOT_IN_CHANNEL = lazy_pattern(r"[\"'\[\]();<>|^\x00-\x1f]")
_NAMESPACE = lazy_pattern(r"\s*(?:([^\s^\[\]]+):)?[A-Za-z0-9_.\-]+:(?=[A-Za-z0-9_*^])")
_CHANNEL_PLATFORM = lazy_pattern(r"[^\[\]\s]+\[[^\[\]=]*\]\s*::")
_SUBDIR = lazy_pattern(r"[a-z0-9_]+-[a-z0-9_]+|noarch")
_BUILD = lazy_pattern(r"[A-Za-z0-9_.+*!~\-]+|\^.*\$")
_COMMENT = lazy_pattern(r"(?:^|\s)#")
_SCHEME = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_ADDRESS_HOST = lazy_pattern(r"[A-Za-z+]+://(?:[^/\s]*@)?\[[0-9A-Fa-f:.]+\]")
_HASH = lazy_pattern(r"(?:sha256[:=]([0-9A-Fa-f]{64})|(?:md5[:=])?([0-9A-Fa-f]{32}))")
_HEX = {
    "md5": lazy_pattern(r"[0-9a-f]{32}"),
    "sha256": lazy_pattern(r"[0-9a-f]{64}"),
}
_PAIR = lazy_pattern(
    r"""\s*([A-Za-z0-9_\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\[([^\]]*)\]"""
    r"""|((?!\[)[^,"'\s]*))\s*(,|(?=\s)|$)"""
)
_ESCAPED = lazy_pattern(r"\\(.)")
#: Patterns of list items (CEP 44, CEP 45), and the hints for invalid ones.
_ITEMS = {
    "extras": (
        lazy_pattern(r"[a-z0-9_.+-]{1,64}"),
        "extras are written with lower-case letters, digits and _ . + -",
    ),
    "flags": (
        lazy_pattern(r"[a-z0-9_*]+(:[a-z0-9_*]+)?"),
        "flags are written name or key:value, in lower case, with * as a glob",
    ),
}
_PACKAGE_FILE = lazy_pattern(r"([A-Za-z0-9_][A-Za-z0-9_.\-]*)-([A-Za-z0-9_.!+]+)-([A-Za-z0-9_.+]+)")
_EXTENSIONS = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)


def parse(text: str, *, any_name: bool = False) -> dict[str, Any]:
    """Parse a spec and return the fields that it sets.

    Args:
        text: The spec.
        any_name: Whether names that CEP 26 does not allow are accepted.

    Raises:
        SpecError: ``invalid-spec``, with a caret under the invalid part.
    """
    return _Parser(text, any_name=any_name).fields()


class _Parser:
    """Parser of one spec, from both ends to the middle; keeps the whole text for errors."""

    def __init__(self, text: str, *, any_name: bool) -> None:
        self.any_name = any_name
        self.source = text.strip()
        if len(self.source) > MAX_LENGTH:
            self.source = shortened(self.source, 60) + "…"
            self.fail(60, 61, f"a spec is longer than {MAX_LENGTH} characters", "shorten it")

    def fields(self) -> dict[str, Any]:
        if is_package_reference(self.source):
            return _package_fields(self.source)
        text, fields = self.condition(self.without_comment())
        end = self.bracket_start(text)
        if end < len(text):
            fields = {**self.brackets(text, end), **fields}
        start = self.origin(text[:end], fields)
        name_end = self.name(text[:end], start, fields)
        self.version_and_build(text[name_end:end], name_end, fields)
        build = fields.get("build", "*")
        if not _BUILD.fullmatch(build):
            start = self.source.find(build)
            hint = "builds hold letters, digits, _ . + -; * makes a glob, ^…$ a regex"
            self.fail(start, start + len(build), f"{build!r} is not a build string", hint)
        return fields

    def fail(self, start: int, end: int, why: str, hint: str) -> NoReturn:
        raise spec_error(self.source, (start, end), why, hint)

    def without_comment(self) -> str:
        comment = _COMMENT.search(self.source)
        text = self.source[: comment.start()] if comment else self.source
        if not text.strip():
            self.fail(0, 1, "a package name is missing", "write for instance numpy>=1.26")
        return text.rstrip()

    def condition(self, text: str) -> tuple[str, dict[str, Any]]:
        """Read the older form ``x; if python >=3.10`` of ``x[when="python >=3.10"]``."""
        mark = _CONDITION.search(text)
        if mark is None or text.count("[", 0, mark.start()) != text.count("]", 0, mark.start()):
            return text, {}
        return text[: mark.start()].rstrip(), {"when": " ".join(text[mark.end() :].split())}

    def bracket_start(self, text: str) -> int:
        """Start of ``[key=value]``, after any regular expression; the end if there is none."""
        before = _CHANNEL_PLATFORM.match(text) or _ADDRESS_HOST.match(text)
        start = text.find("[", _end_of_patterns(text, before.end() if before else 0))
        if not text.endswith("]"):
            if start >= 0 and "]" not in text[start:]:
                self.fail(start, len(text), "a ] is missing at the end", "write name[key=value]")
            return len(text)
        if start < 0:
            self.fail(len(text) - 1, len(text), "a [ is missing before ]", "write name[key=value]")
        return start

    def brackets(self, text: str, start: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        position, end = start + 1, len(text) - 1
        while text[position:end].strip():
            pair = _PAIR.match(text, position, end)
            if pair is None:
                self.bad_pair(text, position, end)
            key = self.key(pair)
            value = next((value for value in pair.groups()[1:5] if value is not None), "")
            if key in fields:
                self.fail(*pair.span(1), f"{key} is repeated", "write each key once")
            if key not in _OBSOLETE_KEYS:
                fields[key] = self.value(key, value, pair)
            position = pair.end()
        if "channel" in fields:
            fields["channel"], subdir = _split_channel(fields["channel"])
            fields.update({} if "subdir" in fields or subdir is None else {"subdir": subdir})
        return fields

    def bad_pair(self, text: str, position: int, end: int) -> NoReturn:
        inside = text[position:end]
        start = position + len(inside) - len(inside.lstrip())
        hint = "inside brackets write key='value', …"
        if inside.count("[") > inside.count("]"):
            self.fail(start, end, "a ] is missing in these brackets", "write key=[value,value]")
        self.fail(start, end, "this is not key=value", hint)

    def key(self, pair: re.Match[str]) -> str:
        key = pair.group(1).lower().replace("-", "_")
        if key not in KEYS and key not in _OBSOLETE_KEYS:
            from minicon.models.near_names import near_names

            near = near_names(key, KEYS)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(KEYS)}"
            self.fail(*pair.span(1), f"{pair.group(1)!r} is not a key of a spec", hint)
        return key

    def value(self, key: str, value: str, pair: re.Match[str]) -> Any:
        value = value.strip()
        if key in _LISTS:
            return self.items(key, value, pair)
        if key == "when":
            value = " ".join(_ESCAPED.sub(r"\1", value).split())
        if not value:
            self.fail(*pair.span(), f"{key} has no value", "write a value, in quotes if necessary")
        if key in _HEX:
            value = value.lower()
            if not _HEX[key].fullmatch(value):
                self.fail(*pair.span(), f"this is not a hexadecimal {key}", "copy the whole hash")
        return value

    def items(self, key: str, value: str, pair: re.Match[str]) -> tuple[str, ...]:
        """The items of a list, which may be quoted: a YAML flow sequence, or a single one."""
        is_sequence = pair.group(4) is not None
        if not value and not is_sequence:
            self.fail(*pair.span(), f"{key} has no value", f"write {key}=[item,item]")
        if key not in _ITEMS:
            return tuple(each.strip("\"'") for each in re.split(r"[\s,]+", value) if each)
        texts = value.split(",") if is_sequence else [value]
        if is_sequence and not texts[-1].strip():  # an empty list, or a comma at the end
            del texts[-1]
        pattern, hint = _ITEMS[key]
        found = tuple(each.strip().strip("\"'").strip() for each in texts)
        for each in found:
            if not pattern.fullmatch(each):
                self.fail(*pair.span(), f"{each!r} is not a valid item of {key}", hint)
        return found

    def origin(self, text: str, fields: dict[str, Any]) -> int:
        """Read ``channel/subdir::`` or ``channel:namespace:``; return the start of the name."""
        channel, mark, rest = text.rpartition("::")
        if not mark:
            found = _NAMESPACE.match(text)
            if found is None:
                return len(text) - len(text.lstrip())
            channel, rest = found.group(1) or "", text[found.end() :]
        name, subdir = _split_channel(channel.strip())
        host = _ADDRESS_HOST.match(name)
        bad = _NOT_IN_CHANNEL.search(name, host.end() if host else 0)
        if bad or (subdir and not _SUBDIR.fullmatch(subdir)):
            hint = "write conda-forge::name or conda-forge/linux-64::name"
            self.fail(0, len(channel), "this is not a channel", hint)
        for key, value in (("channel", name), ("subdir", subdir)):
            if value:
                fields.setdefault(key, value)
        return len(text) - len(rest.lstrip())

    def name(self, text: str, start: int, fields: dict[str, Any]) -> int:
        match = _NAME.match(text, start)
        if match is None:
            if "name" in fields or (not text[start:].strip() and len(fields)):
                fields.setdefault("name", "*")
                return start
            self.fail(
                start, start + 1, "a package name is missing", "write for instance numpy>=1.26"
            )
        name = match.group()
        if name[0] != "^":
            good = _NAME_TEXT.match(name)
            bad = start + (good.end() if good else 0)
            if bad < match.end():
                hint = "names hold letters, digits, - _ and .; * makes a glob, ^…$ a regex"
                self.fail(bad, bad + 1, f"{text[bad]!r} is not allowed in a package name", hint)
            if not (self.any_name or "*" in name or is_package_name(name)):
                self.fail(start, match.end(), "this is not a package name", NAME_HINT)
        fields["name"] = name
        return match.end()

    def version_and_build(self, text: str, offset: int, fields: dict[str, Any]) -> None:
        spaced = " ".join(text.split())
        parts = _SPACE_AROUND.sub(lambda m: m.group(1) or "", spaced).split()
        if not parts:
            return
        if len(parts) == 1:
            parts = _without_joint(parts[0])
        if len(parts) > 2 or (len(parts) == 2 and re.search(r"[<>!~,]|==", parts[1])):
            start = self.source.find(parts[-1] if len(parts) == 2 else parts[2], offset)
            self.fail(
                max(start, offset),
                max(start, offset) + len(parts[-1]),
                "unexpected text after name, version and build",
                "join version constraints by a comma: >=1.2,<2",
            )
        version = parts[0]
        if len(parts) == 2:
            fields.setdefault("build", parts[1].removeprefix("="))
            exact = _SINGLE_EQUAL.fullmatch(version)
            version = exact.group(1) if exact else version
        fields.setdefault("version", version)


def _end_of_patterns(text: str, begin: int) -> int:
    """End of the last ``^…$`` in a spec; ``begin`` if there is none."""
    for word in _WORD.finditer(text):
        end = _PATTERN_BEGINS.search(text, word.start(), word.end())
        while end is not None:
            end = _PATTERN_ENDS.search(text, end.end(), word.end())
            if end is not None:
                begin = end.end()
                end = _PATTERN_BEGINS.search(text, begin, word.end())
    return begin


def _without_joint(text: str) -> list[str]:
    """Split ``1.2=py_0`` into version and build; any other text stays whole."""
    position = text.rfind("=")
    build_found = position > 0 and _PLAIN_BUILD.fullmatch(text, position + 1) is not None
    while position > 0:
        is_pattern = text.endswith("$") and text.startswith("^", position + 1)
        if (build_found or is_pattern) and text[position - 1] not in "=!<>~,|":
            return [text[:position], text[position + 1 :]]
        build_found = False
        position = text.rfind("=", 0, position)
    return [text]


def _split_channel(text: str) -> tuple[str, str | None]:
    """Split ``conda-forge/linux-64`` or ``conda-forge[linux-64]`` into channel and subdir."""
    if text.endswith("]") and "[" in text:
        channel, _, subdir = text[:-1].rpartition("[")
        return channel.rstrip("/ "), subdir
    channel, _, last = text.rstrip("/ ").rpartition("/")
    if channel and last in KNOWN_SUBDIRS:
        return channel, last
    return text.rstrip("/ "), None


def is_package_reference(text: str) -> bool:
    """Whether a text is the URL or path of a package file, optionally with ``#hash``."""
    path = text.partition("#")[0].strip()
    host = _ADDRESS_HOST.match(path)
    after_host = path[host.end() :] if host else path
    if not path.endswith(_EXTENSIONS) or "::" in after_host or "=" in path.partition("://")[0]:
        return False
    if _SCHEME.match(path):
        return True
    return not any(character in path for character in "<>[]*")


def _package_fields(source: str) -> dict[str, Any]:
    """Fields of a package URL or path; name, version and build are taken from the file name."""
    url, _, tail = source.partition("#")
    url = url.strip()
    parent, _, fn = url.replace("\\", "/").rpartition("/")
    if _SCHEME.match(url):
        from urllib.parse import unquote

        fn = unquote(fn)
    fields: dict[str, Any] = {"url": url, "fn": fn}
    match = _HASH.fullmatch(tail.strip()) if tail else None
    if tail and match is None:
        span = (source.index("#") + 1, len(source))
        hint = "write # and an md5 of 32 hexadecimal digits, or #sha256: and 64"
        raise spec_error(source, span, "this is not a hash", hint)
    if match:
        fields.update({"sha256": match[1].lower()} if match[1] else {"md5": match[2].lower()})
    if fn.endswith(WHEEL_EXTENSION):
        name, _, rest = fn.partition("-")
        return {**fields, "name": name.lower().replace("_", "-"), "version": rest.partition("-")[0]}
    stem = fn.removesuffix(PACKAGE_EXTENSIONS[0]).removesuffix(PACKAGE_EXTENSIONS[1])
    parts = _PACKAGE_FILE.fullmatch(stem)
    if parts is None:
        start = max(source.rfind("/"), source.rfind("\\")) + 1
        hint = "package files are named name-version-build.conda"
        raise spec_error(source, (start, len(source)), "invalid package file name", hint)
    fields.update(name=parts[1], version=f"=={parts[2]}", build=parts[3])
    last = parent.rpartition("/")[2]
    if _SCHEME.match(url) and last in KNOWN_SUBDIRS:
        fields["subdir"] = last
    return fields


def relocate(error: SpecError, source: str) -> SpecError:
    """Repeat an error about a part of a spec with the carets in the whole spec."""
    source = source.strip()
    part = error.source or ""
    start = source.find(part) if part else -1
    hint = error.hint or "specs look like name, name>=1.2 or name=1.2=build"
    why = error.message.partition("\n")[0]
    if start < 0 or error.span is None:
        return spec_error(source, (0, len(source)), why, hint)
    first, last = error.span
    wrong = part[first:last]
    if hint.startswith("did you mean ") and wrong:
        better = hint.removeprefix("did you mean ").removesuffix("?")
        hint = f"did you mean {redact(source[: start + first])}{better}{source[start + last :]}?"
    return spec_error(source, (start + first, start + last), why, hint)
