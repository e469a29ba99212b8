"""Fixtures for tests of the source ``pypi``: a served index and a PypiIndex on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.api_world import Notes as ApiNotes
from tests.support.api_world import make_services
from tests.support.package_index import PackageIndex, serving

from minicon.api.services import Services
from minicon.models.package_names import NameMap
from minicon.models.records import VirtualPackage
from minicon.net.routing import UrlFetcher, make_fetcher
from minicon.pypi.index.configuration import IndexConfiguration
from minicon.pypi.index.pypi_index import PypiIndex

GLIBC = VirtualPackage("__glibc", "2.36")


class Notes:
    """A reporter that keeps its messages."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def start(self, *_: object) -> Notes:
        return self

    def advance(self, amount: int) -> None:
        pass

    def work_on(self, label: str) -> None:
        pass

    def finish(self) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def served() -> Iterator[PackageIndex]:
    with serving(PackageIndex()) as index:
        yield index


@pytest.fixture
def fetcher(tmp_path: Path) -> UrlFetcher:
    return make_fetcher(home=tmp_path, environment={}, max_retries=0)


@pytest.fixture
def open_index(
    tmp_path: Path, fetcher: UrlFetcher, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., PypiIndex]]:
    """Make a PypiIndex over the given index URLs."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened: list[PypiIndex] = []

    def make(*urls: str, find_links: tuple[str, ...] = (), **options: object) -> PypiIndex:
        configuration = IndexConfiguration(index_urls=urls, find_links=find_links)
        facts = {
            "fetcher": fetcher,
            "cache_dir": tmp_path / "cache",
            "subdir": "linux-64",
            "virtual_packages": [GLIBC],
            "reporter": notes,
            "names": NameMap([]),
            **options,
        }
        opened.append(PypiIndex(configuration, **facts))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@pytest.fixture
def services(tmp_path: Path, served: PackageIndex) -> Services:
    services = make_services(tmp_path, ApiNotes())
    services.environ |= {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": served.index_url,
        "NO_PROXY": "127.0.0.1",
        "PIP_RETRIES": "0",
    }
    return services
