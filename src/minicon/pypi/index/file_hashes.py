"""Hashes of files for which no index lists one: local files, and those of plain indexes."""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.fs.hashing import sha256_of_file
from minicon.pypi.urls import is_remote, local_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.pypi.wheels.whole_files import WholeFiles


def local_sha256(file: DistributionFile) -> str | None:
    """Compute the hash of a local file; None for a remote one.

    Raises:
        ChannelError: The file cannot be read.
    """
    path = local_path(file.url)
    if path is None:
        return None
    try:
        return sha256_of_file(path)
    except OSError as error:
        raise ChannelError("wheel-unreadable", f"cannot read {path}: {error.strerror}") from error


def computed_sha256(file: DistributionFile, files: Callable[[], WholeFiles]) -> str | None:
    """Compute the hash of a file that its index lists without one. Costs reading all of it.

    Args:
        file: The file.
        files: Returns what downloads remote files.

    Raises:
        ChannelError: The file cannot be read (OfflineError while offline).
    """
    return files().get(file).name if is_remote(file.url) else local_sha256(file)
