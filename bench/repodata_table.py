"""Write docs/benchmarks-channel-client.csv, which ``./dev docs`` draws.

    python bench/repodata_table.py LOAD_LATENCY.json LOAD.json CREATE.json CREATE_COLD.json

The files are those that ``repodata_load.py --latency 0.03``, ``repodata_load.py``, and
``repodata_create.py`` without and with ``--cold --latency 0.03 --kinds shards --sizes 1M`` wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from page_section import write_table

DOCS = Path(__file__).parent.parent / "docs"
TABLE = DOCS / "benchmarks-channel-client.csv"
FIELDS = (
    "what", "minicon_s", "rattler_s", "minicon_cpu_s", "rattler_cpu_s", "minicon_mb", "rattler_mb"
)  # fmt: skip


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


def main() -> None:
    rows = collect(*map(Path, sys.argv[1:]))
    write_table(TABLE, FIELDS, (list(each.values()) for each in rows))
    print(f"{len(rows)} rows written; ./dev docs draws them")


if __name__ == "__main__":
    main()
