"""References to variables of the process, as channels and environment files may hold them."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping

_REFERENCE = lazy_pattern(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


def expand_references(texts: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """TEXTS with ``$NAME`` and ``${NAME}`` filled in from ENVIRON; unknown names stay."""

    def value(found: re.Match[str]) -> str:
        return environ.get(found.group(1) or found.group(2), found.group())

    return tuple(_REFERENCE.sub(value, text) for text in texts)
