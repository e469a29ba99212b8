"""Draw docs/benchmarks-channel-client.svg from the CSV beside it.

    python bench/repodata_draw.py [LOAD_LATENCY.json LOAD.json CREATE.json CREATE_COLD.json]

With the files that ``repodata_load.py --latency 0.03``, ``repodata_load.py``, and
``repodata_create.py`` without and with ``--cold --latency 0.03 --kinds shards --sizes 1M`` wrote,
the CSV is made anew first. Bars are processor time, which other work on the machine changes least.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parent.parent / "docs"
TABLE = DOCS / "benchmarks-channel-client.csv"
FIELDS = (
    "what", "minicon_s", "rattler_s", "minicon_cpu_s", "rattler_cpu_s", "minicon_mb", "rattler_mb"
)  # fmt: skip
COLOURS = {"minicon": "#2a6f97", "rattler": "#c9a227"}
WIDTH, LABEL, ROW, SCALE = 760, 250, 46, 85  # pixels; SCALE is one second


def collect(latency: Path, load: Path, create: Path, cold: Path) -> list[dict[str, str]]:
    rows = [
        row(f"{name}{', 30 ms' if path is latency and name.startswith('cold') else ''}", *pair)
        for path in (latency, load)
        for name, pair in json.loads(path.read_text()).items()
    ]
    runs = json.loads(cold.read_text())
    pair = (runs[f"{tool} shards 1M"] for tool in ("minicon", "rattler"))
    rows.append(row("cold create --dry-run, shards, 30 ms", *pair))
    runs = json.loads(create.read_text())
    for size in ("1M", "30k"):
        for kind in ("shards", "whole"):
            ours, theirs = (runs[f"{tool} {kind} {size}"] for tool in ("minicon", "rattler"))
            rows.append(row(f"create --dry-run, {kind}, {size}", ours, theirs))
    return rows


def row(what: str, ours: list[float], theirs: list[float]) -> dict[str, str]:
    seconds = (f"{each[at]:.2f}" for at in (0, 2) for each in (ours, theirs))
    values = (*seconds, f"{ours[1]:.0f}", f"{theirs[1]:.0f}")
    return dict(zip(FIELDS, (what, *values), strict=True))


def draw(rows: list[dict[str, str]]) -> str:
    height = ROW * len(rows) + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, each in enumerate(rows):
        top = ROW * number + 10
        ratio = float(each["minicon_cpu_s"]) / float(each["rattler_cpu_s"])
        parts.append(f'<text x="8" y="{top + 14}">{escape(each["what"])}</text>')
        parts.append(f'<text x="8" y="{top + 30}" fill="#555">ratio {ratio:.2f}</text>')
        for offset, tool in enumerate(COLOURS):
            seconds, memory = each[f"{tool}_cpu_s"], each[f"{tool}_mb"]
            length = min(float(seconds), 4.2) * SCALE
            y = top + 17 * offset
            parts.append(
                f'<rect x="{LABEL}" y="{y}" width="{length:.0f}" height="14" '
                f'fill="{COLOURS[tool]}"/><text x="{LABEL + length + 5:.0f}" y="{y + 11}">'
                f"{tool} {seconds} s, {memory} MB</text>"
            )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def main() -> None:
    if len(sys.argv) == 5:
        with TABLE.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(collect(*map(Path, sys.argv[1:])))
    with TABLE.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    TABLE.with_suffix(".svg").write_text(draw(rows))
    print(f"{len(rows)} rows drawn")


if __name__ == "__main__":
    main()
