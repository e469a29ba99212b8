"""What docs/comparison.md marks as measured, where no other test or script shows it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder, build_channel

PAGE = Path(__file__).parent.parent.parent / "docs" / "comparison.md"


def test_the_library_of_pixi_explains_conflicts(tmp_path: Path) -> None:
    rattler = pytest.importorskip("rattler")
    parts = [PackageBuilder("c").noarch().version(version) for version in ("1", "2")]
    for name, spec in (("a", "c <2"), ("b", "c >=2")):
        parts.append(PackageBuilder(name).noarch().depends(spec))
    channel = rattler.Channel(build_channel(tmp_path, parts).as_uri())
    with pytest.raises(Exception, match="├─ ") as error:
        asyncio.run(rattler.solve([channel], ["a", "b"], platforms=["noarch"]))
    assert re.search(r"c (<2|>=2), which cannot be installed", str(error.value))


def test_every_source_is_cited_and_every_citation_has_a_source() -> None:
    table, _, sources = PAGE.read_text().partition("## Sources")
    cited = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", table)}
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", sources, re.MULTILINE)]
    assert listed == sorted(cited) == list(range(1, len(listed) + 1))
