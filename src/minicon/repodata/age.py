"""How long ago something was, in words."""

from __future__ import annotations

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def age_text(seconds: float) -> str:
    """An age in its largest unit: ``3 days``, ``1 hour``, ``20 seconds``."""
    for size, name in _UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{max(0, int(seconds))} seconds"
