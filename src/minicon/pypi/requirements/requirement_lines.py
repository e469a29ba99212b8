"""The lines of a requirement file as pip reads them, before anybody looks what they mean."""

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
FLAGS = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes", "--no-deps"})
SHORT_OPTIONS = {
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
        text: Without comment, variables filled in.
        origin: File and line number, for messages.
        folder: What relative paths in it are relative to.
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
    """Join lines that end in a backslash, drop comments, fill in ``${VARIABLE}``.

    A variable that is not set stays as it is, as in pip.
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
    """The requirement of a line (may be empty) and the options around it.

    Raises:
        SpecError: Quotes do not match, or an option lacks its value.
    """
    words = line.text.split(" ")
    start = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    requirement = " ".join(words[:start]).strip()
    try:
        rest = shlex.split(" ".join(words[start:]))
    except ValueError as error:
        raise unreadable(line, f"its quotes do not match ({error})") from error
    options = []
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name[:2] in SHORT_OPTIONS and not name.startswith("--"):
            attached = name[2:] + equals + value
            name, value = SHORT_OPTIONS[name[:2]], attached
            equals = attached
        name = _ALIASES.get(name, name)
        if not name.startswith("-"):
            raise unreadable(line, f"{name!r} follows an option and is none")
        if name not in FLAGS and not equals:
            if not rest:
                raise unreadable(line, f"{name} lacks its value")
            value = rest.pop(0)
        options.append(Option(name, value))
    return requirement, options


def unreadable(line: Line, why: str) -> SpecError:
    """The error for a line that means nothing."""
    return SpecError(
        "invalid-requirement",
        f"cannot read the requirement {redact(line.text)[:200]!r}: {redact(why)}",
        context=f"while reading {line.origin}" if line.origin else None,
        hint="it is read as pip reads a line of a requirements file",
    )
