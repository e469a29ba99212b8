"""WholeFiles: files that had to be downloaded while planning, kept until they are installed.

A file is downloaded whole to compute its hash if its index lists none, and to read METADATA if its
server does not support ranges. Every plan looks for kept files: what downloads them is imported
where it is used.
"""

from __future__ import annotations

import contextlib
import os
import threading

from minicon.fs import operations
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher

FOLDER = "pypi-files-v1"


def kept_file(cache_dir: Path, sha256: str | None) -> Path | None:
    """Return the kept file with a hash, to be verified by the caller; None if there is none."""
    path = cache_dir / FOLDER / sha256 if sha256 else None
    return path if path is not None and path.is_file() else None


class WholeFiles:
    """Downloads files once. Safe to use from several threads.

    Args:
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        reporter: Shows the progress of downloads.
    """

    def __init__(self, fetcher: Fetcher, cache_dir: Path, reporter: Reporter) -> None:
        from minicon.pypi.shared_results import SharedResults

        self._fetcher = fetcher
        self._cache_dir = cache_dir
        self._reporter = reporter
        self._downloaded = SharedResults(self._download)

    def get(self, file: DistributionFile) -> Path:
        """Return the path of a remote file, whose name is its hash; downloaded if need be.

        Raises:
            HashMismatch: It does not match the hash that its index lists.
            ChannelError: It cannot be downloaded (OfflineError while offline).
        """
        return kept_file(self._cache_dir, file.sha256) or self._downloaded.get(file)

    def _download(self, file: DistributionFile) -> Path:
        from minicon.fs.hashing import sha256_of_file

        folder = self._cache_dir / FOLDER
        operations.make_directory(folder, 0o700)
        name = f"{file.url} {os.getpid()} {threading.get_ident()}"
        path = folder / f"{short_hash(name)}.new"
        try:
            download_file(self._fetcher, self._reporter, file, path)
            kept = folder / sha256_of_file(path)
            operations.rename(path, kept)
        finally:
            with contextlib.suppress(OSError):
                operations.remove_file(path)
        return kept


def download_file(fetcher: Fetcher, reporter: Reporter, file: DistributionFile, path: Path) -> None:
    """Download a file of an index with progress, verified if its index lists a hash.

    Raises:
        HashMismatch: It does not match the hash that its index lists.
        ChannelError: It cannot be downloaded (OfflineError while offline).
    """
    from minicon.net.download import download, reported

    with reported(reporter, file.filename, file.size) as task:
        download(
            fetcher,
            file.url,
            path,
            sha256=file.sha256,
            size=file.size,
            allow_unverified=True,
            task=task,
        )
