"""FindLinks: a flat collection of distributions: a folder, one file, or an HTML page of links."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from minicon.errors import ChannelError
from minicon.fs.plain_file import read_named_file
from minicon.models.indexes.wheel_index import DistributionFile
from minicon.pypi.index.project_page import ProjectPage, group_releases, parse_links
from minicon.pypi.index.simple_index import LARGEST_PAGE
from minicon.pypi.index_inputs import IndexInputs
from minicon.pypi.urls import file_url, is_remote, local_path, without_credentials
from minicon.pypi.wheels.filenames import SDIST_EXTENSIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher

_DISTRIBUTIONS = (".whl", *SDIST_EXTENSIONS)
_PAGES = (".html", ".htm")


class FindLinks:
    """One value of pip's ``find-links``, read once. Safe to use from several threads.

    Args:
        location: A path, a ``file:`` URL, or the URL of an HTML page.
        fetcher: Opens URLs.
        subdir: Platform whose files are kept.
        reporter: Receives a warning if a local path does not exist.

    Attributes:
        inputs: The directory and its files; incomplete for a relative path.
    """

    def __init__(self, location: str, *, fetcher: Fetcher, subdir: str, reporter: Reporter) -> None:
        is_url = "://" in location
        path = Path(os.path.expanduser(location))
        url = location if is_url else file_url(path)
        self.url = without_credentials(url)
        self._fetcher = fetcher
        self._subdir = subdir
        self._reporter = reporter
        self._lock = threading.Lock()
        self.inputs = IndexInputs()
        if not is_url and not path.is_absolute():  # another one in another working directory
            self.inputs.add(None)
        self._files: list[DistributionFile] | None = None

    def page(self, name: str) -> ProjectPage | None:
        """Return the releases of a project (normalized name), or None.

        Raises:
            ChannelError: The location cannot be read. A local path that does not exist is only a
                warning, as in pip.
        """
        with self._lock:
            if self._files is None:
                self._files = list(self._list())
        releases = tuple(group_releases(self._files, name, self._subdir))
        return ProjectPage(releases) if releases else None

    def _list(self) -> Iterator[DistributionFile]:
        if is_remote(self.url):
            self.inputs.add(None)
            yield from self._remote()
            return
        path = local_path(self.url)
        try:
            if path is None:
                raise ChannelError(
                    "find-links",
                    f"cannot read find-links {self.url}: it is no path, http, https or file URL",
                    hint="correct find-links in pip's configuration",
                )
            self.inputs.add_folder(path)
            if not path.exists():
                self._reporter.warn(f"find-links names {path}, which does not exist")
                return
            for found in sorted(path.iterdir()) if path.is_dir() else [path]:
                yield from _local(found)
        except OSError as error:
            raise ChannelError(
                "find-links",
                f"cannot read find-links {path}: {error.strerror}",
                hint="correct find-links in pip's configuration, or create that directory",
            ) from error

    def _remote(self) -> Iterator[DistributionFile]:
        with self._fetcher.open(self.url, headers={"Accept": "text/html"}) as response:
            if response.status != 200:
                raise ChannelError(
                    "find-links",
                    f"{self.url} answered with HTTP status {response.status}",
                    hint="correct find-links in pip's configuration",
                )
            text = response.read(LARGEST_PAGE).decode("utf-8", "replace")
            yield from parse_links(text, response.url)


def _local(path: Path) -> Iterator[DistributionFile]:
    if path.name.endswith(_DISTRIBUTIONS):
        size = path.stat().st_size
        yield DistributionFile(filename=path.name, url=file_url(path), size=size)
    elif path.name.endswith(_PAGES):
        yield from parse_links(
            read_named_file(path, LARGEST_PAGE).decode("utf-8", "replace"), file_url(path)
        )
