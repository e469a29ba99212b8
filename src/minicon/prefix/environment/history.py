"""Read and write ``conda-meta/history``: the requests, and what each change added and removed.

The file is a text that conda, mamba and pixi also read (conda's ``history.py``)::

    ==> 2026-11-22 06:30:20 <==
    # cmd: minicon install pure
    # conda version: 26.7.1
    # minicon version: 0.1.0
    # minicon revision: 4
    -https://example.org/chan/noarch::pure-1.0-pyhd_0
    +https://example.org/chan/noarch::pure-2.0-pyhd_0
    # update specs: ['pure']

Times are local, without a zone. Old variants are read as well: package lines before the first
heading, comma-separated specs, blocks that list all packages instead of a difference.
"""

from __future__ import annotations

import re
import time

from minicon.constants import CONDA_VERSION, PYPI_PREFIX
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.records import RepodataRecord
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.redaction import redact, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from minicon.models.prefix_record import PrefixRecord


_HEAD = lazy_pattern(r"==>\s*(.+?)\s*<==")
_SPECS = lazy_pattern(r"#\s*(\w+)\s+specs:\s*(.*)")
#: The repr of a list of plain strings; anything else is parsed by Python.
_PLAIN_LIST = lazy_pattern(r"\['[^'\\]*'(?:, '[^'\\]*')*\]")
_COMMAND = lazy_pattern(r"#\s*cmd:\s*(.+)")
_GENERATION = lazy_pattern(r"#\s*minicon revision:\s*(\d+)")
_SPEC_NAME = lazy_pattern(r"\s*(?:[^\s\[\]]*::?(?=[\w*]))?([\w.*-]+)")

_UPDATES = frozenset({"update", "install", "create"})
_REMOVALS = frozenset({"remove", "uninstall"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One block of the file.

    Attributes:
        number: Its index in the file, from 0: the N of conda's ``install --revision N``.
        generation: minicon's number of the resulting revision; None in blocks of other tools.
        date: As in the file, local time.
        command: The command line, or an empty text.
        added: Packages as ``channel::name-version-build``.
        removed: Likewise.
        state: All packages, if the block lists them instead of a difference.
        updates: Specs that were requested.
        removals: Specs that were removed.
        neutered: Specs that were weakened to their name.
    """

    number: int
    date: str
    command: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()
    neutered: tuple[str, ...] = ()
    generation: int | None = None


@dataclass(slots=True)
class _Block:
    date: str
    comments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def parse_history(text: str) -> tuple[Revision, ...]:
    """Parse a history file of any tool and age. Lines that cannot be parsed are skipped.

    Secrets, which other tools may have written, are left out.
    """
    blocks: list[_Block] = []
    for line in map(str.strip, without_secrets(text).splitlines()):
        head = _HEAD.match(line)
        if head:
            blocks.append(_Block(head[1]))
        elif line and blocks:
            (blocks[-1].comments if line.startswith("#") else blocks[-1].lines).append(line)
    return tuple(_revision(number, block) for number, block in enumerate(blocks))


def _revision(number: int, block: _Block) -> Revision:
    specs: dict[str, list[str]] = {"updates": [], "removals": [], "neutered": []}
    command = ""
    generation = None
    for comment in block.comments:
        if found := _COMMAND.match(comment):
            command = found[1]
        elif found := _GENERATION.match(comment):
            generation = int(found[1])
        elif found := _SPECS.match(comment):
            kind = _kind_of(found[1])
            if kind:
                specs[kind] += _parse_specs(found[2])
    added = tuple(line[1:] for line in block.lines if line.startswith("+"))
    removed = tuple(line[1:] for line in block.lines if line.startswith("-"))
    return Revision(
        number=number,
        date=block.date,
        command=command,
        added=added,
        removed=removed,
        state=() if added or removed else tuple(block.lines),
        updates=tuple(specs["updates"]),
        removals=tuple(specs["removals"]),
        neutered=tuple(specs["neutered"]),
        generation=generation,
    )


def _kind_of(action: str) -> str | None:
    if action in _UPDATES:
        return "updates"
    if action in _REMOVALS:
        return "removals"
    return "neutered" if action == "neutered" else None


def _parse_specs(text: str) -> list[str]:
    """Parse a Python list or, as conda before 4.5 wrote them, unquoted specs with commas."""
    text = text.strip()
    if _PLAIN_LIST.fullmatch(text):
        specs = text[2:-2].split("', '")
    elif text.startswith("["):
        import ast

        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return []
        specs = [spec for spec in value if isinstance(spec, str)]
    else:
        specs = _join_version_parts(text.split(","))
    return [spec for spec in specs if spec and not spec.endswith("@")]


def _join_version_parts(parts: Iterable[str]) -> list[str]:
    # "python >=3,<4,numpy": a part that starts with an operator or digit continues the spec
    # before it.
    specs: list[str] = []
    for part in map(str.strip, parts):
        if specs and part[:1] in tuple("<>=!~0123456789"):
            specs[-1] += f",{part}"
        elif part:
            specs.append(part)
    return specs


def spec_name(spec: str) -> str | None:
    """The package name of a spec's text, or None."""
    text = spec.strip()
    by_name = text.removeprefix(PYPI_PREFIX)
    if "/" in text.partition("@")[0] and text.endswith((".conda", ".tar.bz2", ".whl")):
        stem = re.sub(r"\.(conda|tar\.bz2|whl)$", "", text.rpartition("/")[2])
        if text.endswith(".whl"):
            return re.sub(r"[-_.]+", "-", stem.partition("-")[0].lower())
        return stem.rsplit("-", 2)[0].lower()
    found = _SPEC_NAME.match(by_name.rpartition("::")[2])
    if found is None:
        return None
    name = found[1].lower()
    return name if by_name is text else re.sub(r"[-_.]+", "-", name)  # PEP 503


def requested_specs(
    revisions: Sequence[Revision], installed: Collection[str] | None = None
) -> dict[str, str]:
    """Specs that still apply, by package name: all requests are replayed.

    Args:
        revisions: From :func:`parse_history`.
        installed: Names of installed packages; other specs are left out, since conda has not
            always recorded removals. A package from PyPI has its project's name.
    """
    specs: dict[str, str] = {}
    for revision in revisions:
        for spec in revision.removals:
            specs.pop(spec_name(spec) or "", None)
            project = spec_name(f"{PYPI_PREFIX}{spec}") or ""  # which may be spelled differently
            if specs.get(project, "").startswith(PYPI_PREFIX):
                del specs[project]
        for spec in (*revision.updates, *revision.neutered):
            if name := spec_name(spec):
                specs[name] = spec
    if installed is None:
        return specs
    present = {name: spec for name, spec in specs.items() if name in installed}
    absent = {name: spec for name, spec in specs.items() if name not in installed}
    return {**_by_project(absent, installed), **present} if absent else present


def _by_project(specs: Mapping[str, str], installed: Collection[str]) -> dict[str, str]:
    """Specs that a package of another name satisfies, which has the same Python project.

    A channel's name stands for the wheel of its project, and the name of a project for the
    channel's package that contains it.
    """
    from minicon.models.package_names import NameMap

    names = NameMap.built_in()
    return {
        provider: spec
        for name, spec in specs.items()
        for provider in (
            names.conda_names(name) if spec.startswith(PYPI_PREFIX) else [names.pypi_name(name)]
        )
        if provider in installed
    }


def states(revisions: Sequence[Revision]) -> Iterator[frozenset[str]]:
    """Yield the packages after each revision, as :func:`dist_text` formats them.

    A block without packages, as conda writes it where packages were only linked again, changes
    nothing.
    """
    state: frozenset[str] = frozenset()
    for revision in revisions:
        state = frozenset(revision.state) or state.difference(revision.removed)
        state |= frozenset(revision.added)
        yield state


def _state_for_conda(revisions: Sequence[Revision]) -> frozenset[str]:
    """The packages after the last revision as conda counts them.

    To conda, a block is a set of lines, and one without packages is an empty environment.
    """
    start = next(
        (each.number for each in reversed(revisions) if not (each.added or each.removed)), 0
    )
    return [frozenset(), *states(revisions[start:])][-1]


def dist_text(
    record: RepodataRecord | PrefixRecord, channel_name: Callable[[str], str] = str
) -> str:
    """Format a package for history: ``channel/subdir::name-version-build``, no credentials.

    Args:
        record: The package.
        channel_name: Gives conda's canonical name of a base URL.
    """
    package = record if isinstance(record, RepodataRecord) else record.record
    channel = channel_name(without_secrets(package.channel))
    return f"{channel}/{package.subdir}::{package.dist_name}"


def channel_of(text: str) -> str:
    """The channel of a package as :func:`dist_text` formats it."""
    location = text.rpartition("::")[0]
    channel, _, last = location.rpartition("/")
    return channel if channel and last in KNOWN_SUBDIRS else location


def change_lines(
    revisions: Sequence[Revision],
    packages: Iterable[RepodataRecord | PrefixRecord],
    channel_name: Callable[[str], str] = str,
) -> list[str]:
    """The lines of the next block: how packages differ from those that conda reads in history.

    As in conda's own blocks, ``-`` lines repeat the lines that added the packages, and no package
    is in both lists. Where nothing differs, all packages are listed: conda would read a block
    without packages as an empty environment.

    Args:
        revisions: The present history.
        packages: All packages after the change.
        channel_name: Gives conda's canonical name of a base URL.
    """
    before = {text: _named(text, channel_name) for text in _state_for_conda(revisions)}
    after = {dist_text(record, channel_name) for record in packages}
    removed = [f"-{text}" for text, named in before.items() if named not in after]
    added = [f"+{text}" for text in after.difference(before.values())]
    return [*sorted(removed), *sorted(added)] or sorted(before)


def _named(text: str, channel_name: Callable[[str], str]) -> str:
    channel = channel_of(text)
    return channel_name(channel) + text.removeprefix(channel)


def with_packages_of_last_block(
    history: str,
    packages: Iterable[RepodataRecord | PrefixRecord],
    channel_name: Callable[[str], str],
) -> str:
    """A history whose last block ends with other packages: pip adds some after it was written.

    Args:
        history: The text; its last block is one of :func:`format_block`.
        packages: All packages after the change.
        channel_name: As for :func:`change_lines`.
    """
    start = f"\n{history}".rindex("\n==> ")
    comments = [line for line in history[start:].splitlines() if line.startswith(("==>", "#"))]
    requests = [line for line in comments if _SPECS.match(line)]
    head = [line for line in comments if line not in requests]
    lines = change_lines(parse_history(history[:start]), packages, channel_name)
    return history[:start] + "\n".join([*head, *lines, *requests]) + "\n"


def format_block(
    *,
    command: str,
    version: str,
    lines: Iterable[str],
    specs: Mapping[str, Sequence[str]],
    now: float,
    generation: int | None = None,
) -> str:
    """Format one block as conda does.

    Args:
        command: The command line; credentials in it are redacted.
        version: Of minicon.
        lines: See :func:`change_lines`.
        specs: ``update``, ``remove`` and ``neutered`` to the specs' texts.
        now: Seconds since 1970.
        generation: minicon's number of the resulting revision.
    """
    head = [
        f"==> {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))} <==",
        f"# cmd: {redact(' '.join(command.split()))}",
        f"# conda version: {CONDA_VERSION}",
        f"# minicon version: {version}",
        *([] if generation is None else [f"# minicon revision: {generation}"]),
    ]
    requests = [
        f"# {action} specs: {[without_secrets(spec) for spec in specs[action]]!r}"
        for action in ("update", "remove", "neutered")
        if specs.get(action)
    ]
    return "\n".join([*head, *lines, *requests]) + "\n"
