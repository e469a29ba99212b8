"""What ``clean`` and ``gc`` share: show what would go, ask, let it go."""

from __future__ import annotations

from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.upkeep.cleaning import Garbage
    from minicon.cli.console.context import CommandContext


def show_garbage(
    garbage: Sequence[Garbage], leftovers: Sequence[Path], context: CommandContext
) -> int:
    """Print what would be freed, and return how many bytes that is together."""
    from minicon.api.inspect.disk_use import freed_size
    from minicon.cli.render.render import human_size, table

    total = freed_size(*(item.path for item in garbage), *leftovers)
    rows = [(item.kind, human_size(item.size), str(item.path)) for item in garbage]
    rows += [("leftover", "", str(path)) for path in leftovers]
    if rows:
        context.console.answer(table(rows))
    context.console.answer(f"{human_size(total)} in {len(rows)} places")
    return total


def free(garbage: Sequence[Garbage], leftovers: Sequence[Path], context: CommandContext) -> bool:
    """Free it after asking; returns whether that was done and not a dry run.

    Raises:
        UsageError: The user said no.
    """
    from minicon.api.upkeep.cleaning import remove_garbage, sweep_leftovers

    if context.settings.dry_run:
        return False
    asks = bool(garbage) and not (context.settings.always_yes or context.console.json)
    if asks and not context.console.confirm("Free it?"):
        raise UsageError("declined", "nothing was changed, as you said")
    remove_garbage(context.services, garbage)
    if leftovers:
        sweep_leftovers(context.services)
    return True
