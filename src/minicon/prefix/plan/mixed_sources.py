"""Refuse paths that conda packages and wheels both have: one would break the other.

Two conda packages with one path are conda's daily life, and pip lets wheels overwrite each other.
Between the two, the file of one source is imported by the other's modules, or removed with it.
"""

from __future__ import annotations

import os

from minicon.counted import counted
from minicon.errors import Clobbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.plan.clobber import Conflict
    from minicon.prefix.plan.package_plan import PackagePlan

_SOURCES = {"conda", "pypi"}
#: What namespace packages call in the `__init__.py` that each of their distributions contains.
_NAMESPACE = (b"declare_namespace", b"extend_path")
#: Suffixes of documents, which no module reads where they lie beside modules.
_DOCUMENTS = ("", ".md", ".rst", ".txt")
#: Larger files (bytes) are no such `__init__.py`.
_LARGEST = 1 << 14


def refuse_mixed(
    conflicts: Sequence[Conflict],
    plans: Sequence[PackagePlan],
    unchanged: Sequence[PrefixRecord],
    old: Path | None,
) -> None:
    """Refuse conflicts between a conda package and a wheel.

    Namespace packages may share a file, and so may all packages that have a ``README.txt`` beside
    their modules.

    Args:
        conflicts: Paths that several packages have, with different contents.
        plans: Packages to link.
        unchanged: Packages that are not changed.
        old: The present environment, if there is one.

    Raises:
        Clobbered: ``path-conflict``.
    """
    if not conflicts:
        return
    source = {each.name: each.record.source for each in unchanged}
    source.update((plan.record.name, plan.record.source) for plan in plans)
    mixed = [
        conflict
        for conflict in conflicts
        if {source.get(name) for name in (conflict.winner, *conflict.losers)} >= _SOURCES
        and not _is_document(conflict.path)
        and not _is_namespace(conflict, plans, old)
    ]
    if mixed:
        first, more = mixed[0], len(mixed) - 1
        owners = [
            f"{name} from {'PyPI' if source[name] == 'pypi' else 'a conda channel'}"
            for name in (first.winner, *first.losers)
        ]
        raise Clobbered(
            "path-conflict",
            f"{first.path} belongs to {' and to '.join(owners)}"
            + (f" ({counted(more, 'more path')} like it)" if more else ""),
            hint="take both from one source, or remove one of them from the request",
        )


def _is_document(path: str) -> bool:
    """Whether a path is that of a document in ``site-packages`` itself."""
    folder, _, name = path.rpartition("/")
    return folder.endswith("/site-packages") and os.path.splitext(name)[1] in _DOCUMENTS


def _is_namespace(conflict: Conflict, plans: Sequence[PackagePlan], old: Path | None) -> bool:
    """Whether all files of a path are the ``__init__.py`` of a namespace package."""
    if not conflict.path.endswith("/__init__.py"):
        return False
    names = {conflict.winner, *conflict.losers}
    found = list(_files(conflict.path, [p for p in plans if p.record.name in names], old))
    return bool(found) and all(any(m in _start(file) for m in _NAMESPACE) for file in found)


def _files(path: str, plans: Sequence[PackagePlan], old: Path | None) -> Iterator[Path]:
    for plan in plans:
        yield from (plan.directory / file.source for file in plan.files if file.target == path)
    if old is not None and (old / path).is_file():
        yield old / path


def _start(path: Path) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(_LARGEST)
