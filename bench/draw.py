"""Draw docs/benchmarks.svg, one pair of bars per measurement, and docs/benchmarks-growth.svg.

    ./dev bench draw

``bench/all.py`` writes the tables: medians of interleaved runs, divided by the peer's, and what the
commands of ``bench/growth.py`` cost by size.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parent.parent / "docs"
WIDTH, LABEL, ROW = 760, 330, 46
SCALE = 170  # pixels for a ratio of 1
COLOURS = {"wall": "#4878a8", "cpu": "#a8c4dc"}


def bar(top: int, kind: str, ratio: float) -> str:
    length = min(ratio, 2.3) * SCALE
    return (
        f'<rect x="{LABEL}" y="{top}" width="{length:.0f}" height="14" fill="{COLOURS[kind]}"/>'
        f'<text x="{LABEL + length + 5:.0f}" y="{top + 11}">{ratio:.2f} × {kind}</text>'
    )


def draw(rows: list[dict[str, str]]) -> str:
    height = ROW * len(rows) + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, row in enumerate(rows):
        top = ROW * number + 8
        parts += [
            f'<text x="8" y="{top + 13}" font-weight="bold">{escape(row["what"])}</text>',
            (
                f'<text x="8" y="{top + 29}" fill="#555">peer: {escape(row["peer"])}, '
                f"{escape(row['file_system'])}</text>"
            ),
            bar(top, "wall", float(row["wall"])),
            bar(top + 17, "cpu", float(row["cpu"])),
        ]
    line, bottom = LABEL + SCALE, height - 26
    parts += [
        f'<line x1="{line}" y1="0" x2="{line}" y2="{bottom}" stroke="black" stroke-dasharray="4"/>',
        (
            f'<text x="{line}" y="{height - 8}" text-anchor="middle">1 = the peer; less is better'
            "</text></svg>"
        ),
    ]
    return "\n".join(parts) + "\n"


def line_plot(lines: dict[str, list[tuple[float, float]]], *, x: str, y: str) -> str:
    """Draw lines by name through points with logarithmic axes."""
    width, height, left, bottom = 640, 360, 60, 40
    points = [point for line in lines.values() for point in line]
    low = [math.floor(math.log10(min(p[axis] for p in points))) for axis in (0, 1)]
    high = [math.ceil(math.log10(max(p[axis] for p in points))) for axis in (0, 1)]

    def position_of(point: tuple[float, float]) -> tuple[float, float]:
        part = [(math.log10(point[a]) - low[a]) / max(high[a] - low[a], 1) for a in (0, 1)]
        return left + part[0] * (width - left - 150), height - bottom - part[1] * (height - 60)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for axis in (0, 1):
        for power in range(low[axis], high[axis] + 1):
            corner = [10.0 ** low[0], 10.0 ** low[1]]
            corner[axis] = 10.0**power
            at = position_of((corner[0], corner[1]))
            shift = "x" if axis == 0 else "y"
            label = (at[0], at[1] + 16) if shift == "x" else (at[0] - 28, at[1] + 4)
            parts.append(
                f'<text x="{label[0]:.0f}" y="{label[1]:.0f}" text-anchor="middle">'
                f"{10.0**power:g}</text>"
            )
    for (name, line), colour in zip(lines.items(), ("#4878a8", "#c98b27", "#5a9e5a"), strict=False):
        path = " ".join(f"{px:.0f},{py:.0f}" for px, py in map(position_of, line))
        end = position_of(line[-1])
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            (
                f'<text x="{end[0] + 6:.0f}" y="{end[1] + 4:.0f}" fill="{colour}">'
                f"{escape(name)}</text>"
            ),
        ]
    parts.append(
        f'<text x="{width / 2 - 50:.0f}" y="{height - 6}">{escape(x)}</text>'
        f'<text x="8" y="14">{escape(y)}</text></svg>'
    )
    return "\n".join(parts) + "\n"


def draw_growth(costs: dict[str, list[tuple[float, float]]]) -> str:
    """Draw time by size, both as multiples of those of the second size, with lines of slope 1.

    Args:
        costs: Per command, sizes and seconds; the first size is the smallest possible case.
    """
    left, top, side, step = 60, 20, 400, 400 / 3
    parts = [
        (
            '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="480" '
            'viewBox="0 0 700 480" font-family="sans-serif" font-size="12">'
            '<rect width="700" height="480" fill="white"/>'
        )
    ]
    for power in range(4):
        x, y = left + step * power, top + side - step * power
        parts += [
            f'<text x="{x:.0f}" y="{top + side + 18}" text-anchor="middle">{2**power}</text>',
            f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{2**power}</text>',
        ]
    parts += [
        (
            f'<path d="M{left},{top}V{top + side}H{left + side}" fill="none" stroke="black"/>'
            f'<path d="M{left},{top + side}L{left + side},{top}" stroke="black" '
            'stroke-dasharray="4"/>'
            f'<text x="{left + side / 2}" y="{top + side + 40}" text-anchor="middle">size, as a '
            "multiple of the smallest; dashed: linear</text>"
        )
    ]
    for number, (name, points) in enumerate(sorted(costs.items())):
        base = points[0][1]
        own = [max(seconds - base, 0.01) for _, seconds in points[1:]]
        colour = f"hsl({360 * number / len(costs):.0f},65%,42%)"
        path = " ".join(
            f"{left + step * power:.0f},{top + side - step * _log2(value / own[0]):.0f}"
            for power, value in enumerate(own)
        )
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
            (
                f'<text x="{left + side + 20}" y="{top + 16 * number + 10}" fill="{colour}">'
                f"{escape(name)}: {points[-1][0]:,.0f}, {points[-1][1]:.2f} s</text>"
            ),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _log2(ratio: float) -> float:
    return min(max(math.log2(max(ratio, 0.5)), 0.0), 3.15)


def main() -> None:
    with open(DOCS / "benchmarks.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (DOCS / "benchmarks.svg").write_text(draw(rows))
    costs: dict[str, list[tuple[float, float]]] = {}
    growth = DOCS / "benchmarks-growth.csv"
    if growth.exists():
        with open(growth, newline="") as stream:
            for name, size, seconds, _ in csv.reader(stream):
                costs.setdefault(name, []).append((float(size), float(seconds)))
        (DOCS / "benchmarks-growth.svg").write_text(draw_growth(costs))
    print(f"{len(rows)} rows and {len(costs)} curves drawn")


if __name__ == "__main__":
    main()
