"""Boxes, arrows and texts of the pictures in docs/, as SVG that is readable in light and dark.

Colours are classes, so that a picture follows the scheme of the reader's system; a picture has its
own background, so that it stays readable on a page of the other scheme.
"""

from __future__ import annotations

from html import escape

#: Kinds of boxes and lines: what they stand for has the same colour in all pictures.
KINDS = {
    "conda": ("#eaf2fd", "#2f6cc0", "#14243d", "#6ea8fe"),
    "pypi": ("#fff4dc", "#a86a12", "#2f2511", "#e3b35a"),
    "host": ("#e7f6ec", "#2b7d52", "#12291c", "#63c78a"),
    "step": ("#f1edfc", "#6a4db8", "#231c3b", "#b8a4f5"),
    "disk": ("#f4f6f9", "#5d6b80", "#161f2e", "#94a3ba"),
    "bad": ("#fdecea", "#b3382c", "#331816", "#f08a80"),
}
LIGHT = {"page": "#fff", "ink": "#1b2a41", "soft": "#56637a", "line": "#8391a8"}
DARK = {"page": "#0d1117", "ink": "#e6edf7", "soft": "#a8b5c9", "line": "#7f8da5"}


def _style() -> str:
    light, dark = (
        f".page{{fill:{c['page']}}}text{{fill:{c['ink']}}}.soft,.size,.folders{{fill:{c['soft']}}}"
        f".arrow{{stroke:{c['line']}}}.tip{{fill:{c['line']}}}.over{{stroke:{c['page']}}}"
        + "".join(
            f".{kind}{{fill:{colours[at]};stroke:{colours[at + 1]}}}"
            f".t-{kind}{{fill:{colours[at + 1]}}}.l-{kind}{{stroke:{colours[at + 1]};fill:none}}"
            for kind, colours in KINDS.items()
        )
        for at, c in ((0, LIGHT), (2, DARK))
    )
    fixed = (
        ".name{font-weight:600;font-size:15px}.title{font-weight:600;font-size:17px}"
        ".mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;"
        "font-size:12px}.bold{font-weight:600}.folders{font-style:italic}.arrow{fill:none}"
        ".dashed{stroke-dasharray:5 4}.over{paint-order:stroke;stroke-width:6px;"
        "stroke-linejoin:round}"
    )
    return f"{fixed}{light}@media (prefers-color-scheme:dark){{{dark}}}"


STYLE = _style()


def frame(width: float, height: float, label: str, parts: list[str]) -> str:
    """Return the SVG of parts, with a description for those who do not see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" '
            'font-family="system-ui, sans-serif" font-size="13" role="img" '
            f'aria-label="{escape(label)}">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" '
            'class="tip"/></marker></defs>',
            f'<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="8"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """Return one line of text; ``anchor``: start, middle or end."""
    class_ = f' class="{style}"' if style else ""
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}"{class_}{at}>{escape(words, quote=False)}</text>'


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    kind: str,
    name: str = "",
    lines: tuple[str, ...] = (),
    *,
    dashed: bool = False,
) -> list[str]:
    """Return a box with its name and lines; a line that starts with ``$`` is shown as code."""
    dashes = " dashed" if dashed else ""
    parts = [
        f'<rect class="{kind}{dashes}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" rx="7"/>'
    ]
    top = y + 6
    if name:
        top += 17
        parts.append(text(x + 12, top, name, f"name t-{kind}"))
        top += 3
    for line in lines:
        top += 18
        parts.append(text(x + 12, top, line.removeprefix("$"), "mono" if line[:1] == "$" else ""))
    return parts


def arrow(
    *points: tuple[float, float],
    words: str = "",
    at: tuple[float, float] | None = None,
    kind: str = "",
    dashed: bool = False,
    both: bool = False,
) -> list[str]:
    """Return a path through points with a tip, and words at a position."""
    (x, y), *rest = points
    route = f"M{x:.0f} {y:.0f} " + " ".join(f"L{a:.0f} {b:.0f}" for a, b in rest)
    class_ = "arrow" + (f" l-{kind}" if kind else "") + (" dashed" if dashed else "")
    start = ' marker-start="url(#tip)"' if both else ""
    parts = [
        f'<path class="{class_}" stroke-width="1.6"{start} marker-end="url(#tip)" d="{route}"/>'
    ]
    if words and at:
        parts.append(text(*at, words, "soft over", "middle"))
    return parts
