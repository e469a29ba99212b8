"""Draw docs/benchmarks.svg from docs/benchmarks.csv: one pair of bars per measurement.

    ./dev bench draw

The CSV is written by hand from what the other scripts print: medians of interleaved runs,
divided by the peer's.
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
            f'<text x="8" y="{top + 29}" fill="#555">peer: {escape(row["peer"])}</text>',
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


def main() -> None:
    with open(DOCS / "benchmarks.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (DOCS / "benchmarks.svg").write_text(draw(rows))
    print(f"{len(rows)} rows drawn")


if __name__ == "__main__":
    main()
