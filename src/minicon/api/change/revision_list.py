"""The revisions of an environment: each change that its history lists, and which trees are kept.

conda counts the blocks of ``conda-meta/history`` from 0; minicon numbers the trees that it keeps.
A block of minicon has the number of its tree. Other tools change the tree in place, so that it
has their packages too: the last block before the next number is what is kept under a number.
"""

from __future__ import annotations

from datetime import datetime

from minicon.lean_dataclasses import dataclass
from minicon.models.version import Version
from minicon.prefix.environment.history import channel_of, states
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.rollback import generations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.prefix.environment.history import Revision
    from minicon.prefix.generations.store import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRevision:
    """One revision of an environment.

    Attributes:
        revision: Number under which its tree is kept, for ``rollback``; None if it is not kept.
        conda_revision: conda's number: its index in the history; None if it is not in there.
        date: Local time, or None.
        command: The command line.
        current: Whether it is the environment as it is now.
        before: Its packages before the change, as ``channel/subdir::name-version-build``.
        after: Likewise, after the change.
    """

    revision: int | None
    conda_revision: int | None
    date: str | None
    command: str
    current: bool
    before: frozenset[str]
    after: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """The object of ``history --json``."""
        before, after = _dists(self.before), _dists(self.after)
        return {
            "revision": self.revision,
            "conda_revision": self.conda_revision,
            "date": self.date,
            "command": self.command,
            "current": self.current,
            "packages": len(after),
            "added": sorted(after - before),
            "removed": sorted(before - after),
        }


def listed_revisions(path: Path) -> list[ListedRevision]:
    """Return the revisions of an environment, oldest first; those that are only kept come first."""
    revisions = Prefix(path).revisions()
    kept = {generation.number: generation for generation in generations(path)}
    numbers = _kept_numbers(revisions, kept)
    current = next((number for number, each in kept.items() if each.is_current), None)
    latest = max((i for i, number in numbers.items() if number == current), default=None)
    listed = [_only_kept(kept[number]) for number in sorted(kept.keys() - numbers.values())]
    before: frozenset[str] = frozenset()
    for revision, after in zip(revisions, states(revisions), strict=True):
        listed.append(
            ListedRevision(
                revision=numbers.get(revision.number),
                conda_revision=revision.number,
                date=revision.date,
                command=revision.command,
                current=revision.number == latest,
                before=before,
                after=after,
            )
        )
        before = after
    return listed


def kept_revision(path: Path, conda_revision: int) -> int | None:
    """Return the number under which the packages of a revision are kept, or None.

    Args:
        path: The environment.
        conda_revision: Its index in the history.
    """
    kept = {generation.number: generation for generation in generations(path)}
    return _kept_numbers(Prefix(path).revisions(), kept).get(conda_revision)


def changes_by_other_tools(path: Path, number: int) -> list[ListedRevision]:
    """Return the revisions since the last one of minicon, which going back undoes too.

    Args:
        path: The environment.
        number: Of the kept revision to go back to.
    """
    if number == read_generation_metadata(path).number:
        return []
    revisions = Prefix(path).revisions()
    ours = max((each.number for each in revisions if each.generation is not None), default=None)
    if ours is None:
        return []
    return [each for each in listed_revisions(path) if (each.conda_revision or 0) > ours]


def _kept_numbers(revisions: Sequence[Revision], kept: Mapping[int, Generation]) -> dict[int, int]:
    """Return the numbers of kept trees by the index of the blocks that describe them."""
    last_block: dict[int, int] = {}
    number = 0
    for revision in revisions:
        number = number if revision.generation is None else revision.generation
        last_block[number] = revision.number
    found = {index: number for number, index in last_block.items() if number in kept}
    packages = {number: frozenset(kept[number].packages) for number in found.values()}
    for revision, state in zip(revisions, states(revisions), strict=True):
        own = revision.generation
        if own in packages and packages[own] == _dists(state):
            found.setdefault(revision.number, own)
    return found


def _only_kept(generation: Generation) -> ListedRevision:
    packages = frozenset(generation.packages)
    date = datetime.fromtimestamp(generation.created).isoformat(" ", "seconds")
    return ListedRevision(
        revision=generation.number,
        conda_revision=None,
        date=date if generation.created else None,
        command=generation.command,
        current=generation.is_current,
        before=packages,
        after=packages,
    )


def _dists(texts: Collection[str]) -> frozenset[str]:
    return frozenset(text.rpartition("::")[2] for text in texts)


def change_object(revision: ListedRevision) -> dict[str, Any]:
    """Return conda's object of a revision, as in its ``list --revisions --json``."""
    changes: dict[str, list[Any]] = {"install": [], "remove": [], "upgrade": [], "downgrade": []}
    for name, old, new in _changed_packages(revision):
        if old is None:
            changes["install"].append(_joined(name, new))
        elif new is None:
            changes["remove"].append(_joined(name, old))
        else:
            is_newer = Version(new[0]) > Version(old[0]) or (new[0] == old[0] and new > old)
            kind = "upgrade" if is_newer else "downgrade"
            changes[kind].append({"old": _joined(name, old), "new": _joined(name, new)})
    return {"date": revision.date, "rev": revision.conda_revision, **changes}


def change_lines_of(revision: ListedRevision) -> Iterator[str]:
    """Yield the changes of a revision as conda's ``list --revisions`` prints them."""
    for name, old, new in _changed_packages(revision):
        if old is None:
            yield f"+{name}-{_shown(new)}"
        elif new is None:
            yield f"-{name}-{_shown(old)}"
        else:
            yield f" {name}  {{{_shown(old)} -> {_shown(new)}}}"


def _changed_packages(
    revision: ListedRevision,
) -> list[tuple[str, tuple[str, ...] | None, tuple[str, ...] | None]]:
    """Return name, and old and new version, build and channel of each package that changed."""
    old = dict(map(_parts, revision.before - revision.after))
    new = dict(map(_parts, revision.after - revision.before))
    return [(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]


def _parts(text: str) -> tuple[str, tuple[str, ...]]:
    channel, _, dist = text.rpartition("::")
    name, version, build = dist.rsplit("-", 2)
    return name, (version, build, channel)


def _joined(name: str, parts: tuple[str, ...] | None) -> str:
    return "-".join((name, *(parts or ())))


def _shown(parts: tuple[str, ...] | None) -> str:
    version, _, channel = parts or ("", "", "")
    return version if channel_of(f"{channel}::") == "defaults" else f"{version} ({channel})"
