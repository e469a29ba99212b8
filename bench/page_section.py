"""Sections and tables of a page of measurements, each written by the script that measures."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_section(path: Path, title: str, lines: list[str]) -> None:
    """Put lines below ``## TITLE`` of a Markdown page, in place of what was there."""
    text = path.read_text() if path.exists() else ""
    before, _, rest = text.partition(f"## {title}\n")
    _, mark, after = rest.partition("\n## ")
    section = "\n".join([f"## {title}", "", *lines, ""])
    path.write_text(f"{before.rstrip()}\n\n{section}{mark}{after}".lstrip())


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table of which ``./dev docs`` draws a plot (docs/plots.py)."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
