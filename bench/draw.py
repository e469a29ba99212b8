"""Draw docs/benchmarks.svg from docs/benchmarks.csv: one pair of bars per measurement.

    ./dev bench draw

The CSV is written by hand from what the other scripts print: medians of interleaved runs,
divided by the peer's.
"""

from __future__ import annotations

import csv
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


def main() -> None:
    with open(DOCS / "benchmarks.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (DOCS / "benchmarks.svg").write_text(draw(rows))
    print(f"{len(rows)} rows drawn")


if __name__ == "__main__":
    main()
