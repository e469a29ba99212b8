"""Split a requirement file into logical lines, and a line into a requirement and its options.

The rules are pip's; what a requirement means is decided in :mod:`.requirement_entry`.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_COMMENT = lazy_pattern(r"(^|\s+)#.*$")
_VARIABLE = lazy_pattern(r"\$\{([A-Z0-9_]+)\}")
#: Options that take no value.
_FLAGS = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes", "--no-deps"})
_SHORT_OPTIONS = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_ALIASES = {"--pypi-url": "--index-url"}


class Line(NamedTuple):
    """One logical line.

    Attributes:
        text: Without its comment, with variables replaced.
        origin: File and line number, for messages.
        folder: Base of relative paths.
    """

    text: str
    origin: str
    folder: Path


class Option(NamedTuple):
    """One option in its long form, with its value (empty for flags)."""

    name: str
    value: str


def logical_lines(
    lines: Iterable[str], origin: str, folder: Path, environ: Mapping[str, str]
) -> Iterator[Line]:
    """Join lines that end in a backslash, drop comments, replace ``${VARIABLE}``.

    The name of a variable that is not set is left as it is, as pip does.
    """
    pending: list[str] = []
    first = 0
    for number, line in enumerate([*lines, ""], 1):
        line = line.rstrip("\r\n")
        if not pending:
            first = number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending.append(line[:-1])
            continue
        text = _COMMENT.sub("", "".join([*pending, line])).strip()
        pending = []
        if text:
            filled = _VARIABLE.sub(lambda m: environ.get(m[1]) or m[0], text)
            yield Line(filled, f"{origin}, line {first}" if origin else "", folder)


def split_options(line: Line) -> tuple[str, list[Option]]:
    """Return the requirement of a line (may be empty) and the line's options.

    Raises:
        SpecError: Quotes do not match, or the value of an option is missing.
    """
    words = line.text.split(" ")
    start = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    requirement = " ".join(words[:start]).strip()
    try:
        rest = shlex.split(" ".join(words[start:]))
    except ValueError as error:
        raise invalid_line(line, f"its quotes do not match ({error})") from error
    options = []
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name[:2] in _SHORT_OPTIONS and not name.startswith("--"):
            attached = name[2:] + equals + value
            name, value = _SHORT_OPTIONS[name[:2]], attached
            equals = attached
        name = _ALIASES.get(name, name)
        if not name.startswith("-"):
            raise invalid_line(line, f"{name!r} follows an option and is not an option")
        if name not in _FLAGS and not equals:
            if not rest:
                raise invalid_line(line, f"the value of {name} is missing")
            value = rest.pop(0)
        options.append(Option(name, value))
    return requirement, options


def invalid_line(line: Line, why: str) -> SpecError:
    """Return the error for a line that cannot be parsed."""
    return SpecError(
        "invalid-requirement",
        f"cannot read the requirement {redact(line.text)[:200]!r}: {redact(why)}",
        context=f"while reading {line.origin}" if line.origin else None,
        hint="write it as in a requirements file of pip",
    )
