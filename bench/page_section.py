"""Sections of a page of measurements, each written by the script that measures."""

from __future__ import annotations

from pathlib import Path


def write_section(path: Path, title: str, lines: list[str]) -> None:
    """Put lines below ``## TITLE`` of a Markdown page, in place of what was there."""
    text = path.read_text() if path.exists() else ""
    before, _, rest = text.partition(f"## {title}\n")
    _, mark, after = rest.partition("\n## ")
    section = "\n".join([f"## {title}", "", *lines, ""])
    path.write_text(f"{before.rstrip()}\n\n{section}{mark}{after}".lstrip())
