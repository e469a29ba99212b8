"""The environment once more, switched in for scripts to work in while the original waits aside."""

from __future__ import annotations

import contextlib

from minicon.constants import CONDA_META
from minicon.fs import operations
from minicon.lean_dataclasses import replace
from minicon.models.reporter import SilentTask
from minicon.prefix.generations.metadata import MARK, read_generation_metadata
from minicon.prefix.link.carry_over import CarryOver, CarryPlan
from minicon.prefix.link.staging_dir import StagingDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.prefix.generations.store import GenerationStore
    from minicon.prefix.generations.switch_undo import CarryLate


def make_working_copy(store: GenerationStore, *, durable: bool) -> tuple[Path, CarryLate]:
    """Make a copy of an environment, a hard link per file, to be switched in.

    Args:
        store: The environment's generations; its lock is held.
        durable: Whether to wait until the disk has it: only then a power cut while it is in
            place can be told from an environment that is in order.

    Returns:
        The folder it is in, and what carries files that programs wrote meanwhile.

    Raises:
        PrefixError: Other environments lie inside this one.
        OSError: Disk full and the like.
    """
    stage = store.new_stage()
    try:
        with store.opened(stage) as root, StagingDirectory(root) as tree:
            carrier = CarryOver(store.place, tree, CarryPlan(), SilentTask())
            if store.place.exists():
                carrier.carry()
            tree.folder(CONDA_META)
            mark = replace(read_generation_metadata(store.place), stage=stage.name)
            root.replace_file(MARK, mark.to_bytes(), durable=False)
        if durable:
            operations.sync_file_system(stage)
    except BaseException:
        with contextlib.suppress(OSError):
            store.discard(stage)
        raise
    return stage, carrier.carry_late
