"""Stored pages: what is parsed of them, and which are a cache miss."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from minicon.models.indexes.wheel_index import DistributionFile, Release
from minicon.pypi.index import page_cache
from minicon.pypi.index.page_cache import CachedPage, Freshness, PageCache
from minicon.pypi.index.project_page import ProjectPage

FRESHNESS = Freshness(fetched=0, expires=1)


def page(size: int) -> ProjectPage:
    def file(version: str) -> DistributionFile:
        name = f"demo-{version}-py3-none-any.whl"
        reason = "broken" if version == "2" else None
        return DistributionFile(
            name, f"https://f.example/{name}", yanked=reason is not None, yanked_reason=reason
        )

    versions = [str(each) for each in range(size, 0, -1)]
    return ProjectPage(tuple([Release("demo", Version(v), (file(v),), text=v) for v in versions]))


def stored(tmp_path: Path, given: ProjectPage) -> PageCache:
    cache = PageCache(tmp_path, "https://index.example/simple/", "linux-64")
    cache.store("demo", CachedPage(given, FRESHNESS))
    return cache


def test_files_are_parsed_of_the_releases_that_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = stored(tmp_path, page(100))
    parsed = []
    load = page_cache._load_file
    monkeypatch.setattr(
        page_cache, "_load_file", lambda base, row: parsed.append(row) or load(base, row)
    )
    found = cache.load("demo")
    assert found is not None
    assert found.page is not None
    releases = found.page.releases
    assert [each.version for each in releases if each.is_yanked] == [Version("2")]
    assert [len(each.files) for each in releases] == [1] * 100
    assert not parsed
    assert releases[40].files[0].filename == "demo-60-py3-none-any.whl"
    assert releases[40].files[0].url == "https://f.example/demo-60-py3-none-any.whl"
    assert len(parsed) == 1
    assert found.page == page(100)


def test_damaged_files_are_a_cache_miss(tmp_path: Path) -> None:
    cache = stored(tmp_path, page(3))
    (path,) = tmp_path.rglob("demo.json")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"demo-1-py3", b"demo-9-py3"))
    assert cache.load("demo") is None
    path.write_bytes(content[:-3])
    assert cache.load("demo") is None
    path.write_bytes(content)
    assert cache.load("demo") is not None
