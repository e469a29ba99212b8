"""Build HTML from elements: every text that is not an element is escaped."""

from __future__ import annotations

import re
from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Content: TypeAlias = "str | Iterable[Content] | None"

#: Elements without content; those of SVG have to be closed.
_EMPTY = frozenset({"input", "meta", "link", "path", "rect"})
#: Control characters, and those that change the direction of text: names could pose as others.
_INVISIBLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(kind: str, /, *content: Content, **attributes: object) -> Html:
    """Return an element.

    Args:
        kind: Name of the element.
        content: Elements, texts, lists of them, or None for nothing.
        attributes: By name; ``class_`` and ``for_`` lose their underscore, others become hyphens.
            True is an attribute without a value; None and False leave it out.
    """
    texts = [kind, *filter(None, (_attribute(*each) for each in attributes.items()))]
    if kind in _EMPTY:
        return Html(f"<{' '.join(texts)}/>")
    return Html(f"<{' '.join(texts)}>{joined(content)}</{kind}>")


def joined(content: Content) -> Html:
    """Return content as one piece of HTML."""
    if content is None:
        return Html()
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return Html(escape(_INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", content)))
    return Html("".join(map(joined, content)))


def _attribute(name: str, value: object) -> str | None:
    if value is None or value is False:
        return None
    name = name.rstrip("_").replace("_", "-")
    return name if value is True else f'{name}="{joined(str(value))}"'
