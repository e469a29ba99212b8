"""How many bytes a change writes at least: what is not linked has to be copied."""

from __future__ import annotations

from minicon.models.package_files import PathType
from minicon.models.prefix_record import LinkType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from minicon.prefix.plan.file_layout import PackagePlan


def copied_size(
    plans: Iterable[PackagePlan], folder: Path, link_type: int, *, allow_softlinks: bool = False
) -> int:
    """Bytes that linking packages into a folder writes at the very least.

    Args:
        plans: The packages.
        folder: An existing folder on the environment's file system.
        link_type: As the user chose it, a value of :class:`LinkType`.
        allow_softlinks: Whether symbolic links stand in for impossible hard links.
    """
    device = folder.stat().st_dev
    if allow_softlinks and link_type == LinkType.HARDLINK:
        link_type = LinkType.SOFTLINK
    return sum(_copied(plan, device, link_type) for plan in plans if plan.file_count)


def _copied(plan: PackagePlan, device: int, link_type: int) -> int:
    everything = link_type == LinkType.COPY or (
        link_type != LinkType.SOFTLINK and plan.directory.stat().st_dev != device
    )
    size = sum(
        entry.size_in_bytes or 0
        for _, _, entry in plan.others
        if entry.prefix_placeholder is not None
        or entry.no_link
        or (everything and entry.path_type == PathType.HARDLINK)
    )
    if everything:
        size += sum(max(0, one) for _, _, files in plan.folders for one in files.sizes)
    return size
