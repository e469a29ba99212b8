"""Draw the tables ``docs/benchmarks*.csv``, which scripts of ``bench/`` write, as plots.

``docs/generate.py`` writes the pictures; a test compares them with the tables. Colours of tools are
the same in all plots.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

import drawing
from drawing import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DOCS = Path(__file__).parent
WIDTH = 940
_ROW, _BAR = 52, 15
_COLOURS = ("step", "conda", "pypi", "host", "bad")

Points = list[tuple[float, float]]


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in docs/."""
    with (DOCS / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the position of a value on a logarithmic axis."""
    part = (end - start) / math.log(high / low)
    return lambda value: start + part * math.log(min(max(value, low), high) / low)


def _key(names: Iterable[str], x: float, y: float) -> list[str]:
    parts = []
    for name, kind in zip(names, _COLOURS, strict=False):
        parts += [
            f'<rect class="t-{kind}" x="{x:.0f}" y="{y - 10}" width="12" height="12" rx="3"/>',
            text(x + 18, y, name, "bold"),
        ]
        x += 46 + 7.6 * len(name)
    return parts


# Ratios beside peers: medians and spreads


def ratios() -> str:
    """Return medians of ratios as dots, and half the distance of their quartiles as lines."""
    rows = table("benchmarks.csv")
    left, right, top = 350, 900, 76
    at = scale(0.25, 4, left, right)
    height = top + 40 * len(rows) + 34
    parts = [
        text(20, 34, "minicon divided by the peer: less is better", "title"),
        *_key(["processor time", "wall time"], 450, 34),
        *_key_of_target(740, 34),
        text(20, 54, "dot: median; line: half the distance of the quartiles to each side", "soft"),
    ]
    for tick in (0.25, 0.5, 1, 2, 4):
        style = "l-disk" if tick == 1 else "l-disk dashed"
        opacity = "" if tick == 1 else ' opacity="0.45"'
        parts += [
            f'<path class="{style}"{opacity} d="M{at(tick):.0f} {top - 12}V{height - 30}"/>',
            text(at(tick), height - 12, f"{tick:g} ×", "soft", "middle"),
        ]
    for number, row in enumerate(rows):
        y = top + 40 * number
        parts += [
            text(20, y + 8, row["what"], "bold"),
            text(20, y + 24, f"{row['peer']}, {row['file_system']}", "soft"),
            f'<path class="l-bad" stroke-width="2" d="M{at(float(row["target"])):.0f} {y - 4}v32"/>',
            *_dot(at, float(row["cpu"]), row["cpu_spread"], y + 5, "step"),
            *_dot(at, float(row["wall"]), row["spread"], y + 20, "conda"),
        ]
    label = "Ratios of minicon's times to those of other tools, with their spreads"
    return drawing.frame(WIDTH, height, label, parts)


def _key_of_target(x: float, y: float, name: str = "target") -> list[str]:
    return [
        f'<path class="l-bad" stroke-width="2" d="M{x:.0f} {y - 11}v14"/>',
        text(x + 10, y, name, "bold"),
    ]


def _dot(at: Callable[[float], float], ratio: float, spread: str, y: float, kind: str) -> list[str]:
    part = float(spread) / 100
    low, high = at(ratio * max(1 - part, 0.05)), at(ratio * (1 + part))
    return [
        f'<path class="l-{kind}" stroke-width="3" opacity="0.55" d="M{low:.0f} {y}H{high:.0f}"/>',
        f'<circle class="t-{kind}" cx="{at(ratio):.0f}" cy="{y}" r="5"/>',
        text(max(high, at(ratio)) + 10, y + 4, f"{ratio:.2f}", "soft over"),
    ]


# Bars


def bars(title: str, unit: str, rows: Sequence[tuple[str, str, dict[str, float]]]) -> str:
    """Return horizontal bars: per row its name, a note below it, and values by tool."""
    tools = list(rows[0][2])
    left, top, room = 340, 66, 500
    most = max(value for _, _, values in rows for value in values.values())
    parts = [text(20, 34, title, "title"), *_key(tools, 20, 56)]
    height = top + 10
    for name, note, values in rows:
        parts += [text(20, height + 14, name, "bold"), text(20, height + 31, note, "soft")]
        for number, (value, kind) in enumerate(zip(values.values(), _COLOURS, strict=False)):
            y = height + (_BAR + 3) * number
            length = max(room * value / most, 2)
            parts += [
                f'<rect class="t-{kind}" x="{left}" y="{y}" width="{length:.0f}" '
                f'height="{_BAR}" rx="3"/>',
                text(left + length + 8, y + 12, f"{value:g} {unit}", "soft"),
            ]
        height += max(_ROW, (_BAR + 3) * len(values) + 14)
    return drawing.frame(WIDTH, height + 8, title, parts)


def channel_client() -> str:
    """Return processor time and memory of the channel client beside py-rattler's."""
    rows = [
        (
            row["what"],
            f"memory {row['minicon_mb']} and {row['rattler_mb']} MB",
            {"minicon": float(row["minicon_cpu_s"]), "py-rattler": float(row["rattler_cpu_s"])},
        )
        for row in table("benchmarks-channel-client.csv")
    ]
    return bars("Processor time of whole processes, a million records", "s", rows)


def indexing() -> str:
    """Return processor time of indexing a channel beside conda-index."""
    rows = [
        (
            f"{row['channel']}: {row['run']}",
            f"memory {row['minicon_mb']} and {row['conda_index_mb']} MB",
            {"minicon": float(row["minicon_cpu"]), "conda-index": float(row["conda_index_cpu"])},
        )
        for row in table("benchmarks-channel-index.csv")
    ]
    return bars("Processor time of indexing a channel", "s", rows)


def real_requests() -> str:
    """Return processor time of solving real requests beside py-rattler."""
    rows = [
        (
            f"{row['packages']} packages",
            f"{row['requests']} requests",
            {"minicon": float(row["minicon_ms"]), "py-rattler": float(row["rattler_ms"])},
        )
        for row in table("benchmarks-solver-requests.csv")
    ]
    return bars("Processor time of solves in one process, medians", "ms", rows)


# Lines


def lines(title: str, x: str, y: str, curves: dict[str, Points]) -> str:
    """Return curves on logarithmic axes, each with its name at its end."""
    left, right, top, bottom = 70, 660, 60, 380
    xs, ys = ([point[axis] for curve in curves.values() for point in curve] for axis in (0, 1))
    across = scale(min(xs), max(xs), left, right)
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    up = scale(low, high, bottom, top)
    parts = [text(20, 34, title, "title")]
    parts += [
        f'<path class="l-disk" opacity="0.45" d="M{left} {up(tick):.0f}H{right}"/>'
        + text(left - 8, up(tick) + 4, f"{tick:g}", "soft", "end")
        for tick in (10.0**n for n in range(round(math.log10(low)), round(math.log10(high)) + 1))
    ]
    shown = sorted(set(xs)) if len(set(xs)) < 7 else [min(xs), 30, 100, 300, max(xs)]
    parts += [text(across(tick), bottom + 20, f"{tick:,g}", "soft", "middle") for tick in shown]
    parts += [text((left + right) / 2, bottom + 42, x, "soft", "middle"), text(20, 54, y, "soft")]
    names = sorted(curves, key=lambda name: up(curves[name][-1][1]))
    label_y = 0.0
    for name in names:
        kind = _COLOURS[list(curves).index(name) % len(_COLOURS)]
        points = [(across(a), up(b)) for a, b in curves[name]]
        label_y = max(points[-1][1] + 4, label_y + 18)
        parts += [
            f'<polyline class="l-{kind}" stroke-width="2" points="'
            + " ".join(f"{a:.0f},{b:.0f}" for a, b in points)
            + '"/>',
            *(f'<circle class="t-{kind}" cx="{a:.0f}" cy="{b:.0f}" r="3.5"/>' for a, b in points),
            text(points[-1][0] + 12, label_y, name, f"t-{kind} bold"),
        ]
    return drawing.frame(WIDTH, bottom + 58, title, parts)


def growth() -> str:
    """Return the exponent of each command's cost by size, with time and memory of the largest."""
    rows = list({row["command"]: row for row in table("benchmarks-growth.csv")}.values())
    left, right, top = 250, 640, 82
    across, height = (right - left) / 1.5, top + 40 * len(rows) + 30
    title = "How cost grows: processor time is proportional to size to the power of"
    parts = [text(20, 34, title, "title")]
    parts += [
        text(right + 40, 60, "at the largest size", "soft"),
        *_key_of_target(left + 1.2 * across, 60, "limit"),
    ]
    for tick in (0.0, 0.5, 1.0, 1.5):
        x, words = (
            left + tick * across,
            {0.0: "0: the same", 1.0: "1: linear"}.get(tick, f"{tick:g}"),
        )
        style = 'class="l-disk"' + ("" if tick == 1 else ' stroke-dasharray="5 4" opacity="0.45"')
        parts += [
            f'<path {style} d="M{x:.0f} {top - 12}V{height - 30}"/>',
            text(x, height - 12, words, "soft", "middle"),
        ]
    for number, row in enumerate(rows):
        y = top + 40 * number
        x = left + max(float(row["exponent"]), 0) * across
        limit = left + 1.2 * across
        cost = f"{float(row['seconds']):.2f} s, {float(row['mib']):.0f} MiB"
        parts += [
            text(20, y + 8, row["command"], "bold"),
            text(20, y + 24, f"{int(row['size']):,} {row['unit']}", "soft"),
            f'<path class="l-bad" stroke-width="2" d="M{limit:.0f} {y - 4}v32"/>',
            f'<path class="l-step" stroke-width="3" opacity="0.55" d="M{left} {y + 12}H{x:.0f}"/>',
            f'<circle class="t-step" cx="{x:.0f}" cy="{y + 12}" r="5"/>',
            text(x + 12, y + 16, row["exponent"], "soft over"),
            text(right + 40, y + 16, cost),
        ]
    return drawing.frame(WIDTH, height, "Exponents of the cost of commands by size", parts)


def indexing_growth() -> str:
    """Return how the cost of indexing grows with the number of packages."""
    curves: dict[str, Points] = {}
    for row in table("benchmarks-channel-index-growth.csv"):
        for run in ("cold", "one archive changed", "nothing changed"):
            curves.setdefault(run, []).append((float(row["packages"]), float(row[run])))
    return lines("Processor time of indexing", "packages", "s", curves)


def solver() -> str:
    """Return processor time of whole processes by the number of packages in the solution."""
    curves: dict[str, Points] = {}
    for row in table("benchmarks-solver.csv"):
        for tool, seconds in row.items():
            if tool != "packages":
                curves.setdefault(tool, []).append((float(row["packages"]), float(seconds)))
    title = "Processor time of create --dry-run, whole processes"
    return lines(title, "packages in the solution", "s", curves)


PICTURES = {
    "benchmarks.svg": ratios,
    "benchmarks-growth.svg": growth,
    "benchmarks-channel-client.svg": channel_client,
    "benchmarks-channel-index.svg": indexing,
    "benchmarks-channel-index-growth.svg": indexing_growth,
    "benchmarks-solver.svg": solver,
    "benchmarks-solver-requests.svg": real_requests,
}
