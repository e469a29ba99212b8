"""What can be removed from the disk, a line for each kind."""

from __future__ import annotations

from minicon.cli.render.listing import human_size, table, table_of_paths
from minicon.constants import GENERATIONS_INSIDE
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.upkeep.cleaning import Garbage

#: What users call a kind of garbage.
_KINDS = {
    "index_cache": "index cache",
    "stale_index": "old index files",
    "packages": "unused packages",
    "all_packages": "packages",
    "bytecode": "bytecode",
    "generations": "old revisions",
}
_MOST_NAMES = 3


def garbage_text(
    garbage: Sequence[Garbage], leftovers: Sequence[Path], total: int, *, whole: bool
) -> str:
    """Return a line for each kind, with what files of several items take, and the total.

    Args:
        garbage: What can be removed.
        leftovers: Files of interrupted commands.
        total: Bytes that removing all of it frees.
        whole: Show each item with its path.
    """
    rows = _items(garbage, leftovers) if whole else _kinds(garbage, leftovers)
    shared = total - sum(item.size for item in garbage)
    if garbage and shared > 0:
        rows.append(("shared by these", human_size(shared), "freed if all of them are removed"))
    shown = table_of_paths(rows, numbers=(1,)) if whole else table(rows, numbers=(1,))
    count = counted(len(garbage) + len(leftovers), "item")
    return "\n".join(filter(None, [shown, f"{human_size(total)} in {count}"]))


def _items(garbage: Sequence[Garbage], leftovers: Sequence[Path]) -> list[tuple[str, ...]]:
    rows = [(_KINDS[item.kind], human_size(item.size), str(item.path)) for item in garbage]
    return [*rows, *(("interrupted", "", str(path)) for path in leftovers)]


def _kinds(garbage: Sequence[Garbage], leftovers: Sequence[Path]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for kind, words in _KINDS.items():
        items = [item for item in garbage if item.kind == kind]
        if items:
            size = human_size(sum(item.size for item in items))
            rows.append((words, size, _names(kind, items)))
    if leftovers:
        rows.append(("interrupted", "", f"{counted(len(leftovers), 'item')} of killed commands"))
    return rows


def _names(kind: str, items: Sequence[Garbage]) -> str:
    """The largest items by name, where users know the names."""
    if kind == "index_cache":
        return f"in {items[0].path.parent}"
    if kind in ("bytecode", "stale_index"):
        return counted(len(items), "item")
    largest = sorted(items, key=lambda item: -item.size)
    names = ", ".join(_name(kind, item.path) for item in largest[:_MOST_NAMES])
    more = f" and {len(items) - _MOST_NAMES} more" if len(items) > _MOST_NAMES else ""
    return names + more


def _name(kind: str, path: Path) -> str:
    if kind == "generations":
        folder = path.parent
        owner = folder.parent if folder.name == GENERATIONS_INSIDE else folder
        return f"{path.name} of {owner.name}"
    name, version, *_ = path.name.rsplit("-", 3)
    return f"{name} {version}"
