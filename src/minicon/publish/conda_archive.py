"""Write a ``.conda`` archive from the directory of an extracted package.

A ``.conda`` is an uncompressed zip of ``metadata.json``, an ``info-*.tar.zst`` and a
``pkg-*.tar.zst``. Equal directories give equal bytes: names are sorted, owners and times fixed.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

from minicon.constants import CONDA_EXTENSION
from minicon.fs import operations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LEVEL = 12
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_conda_archive(folder: Path, directory: Path, dist_name: str) -> Path:
    """Pack a package's files, including ``info/``, into an archive.

    Args:
        folder: The extracted package.
        directory: Destination; created if missing.
        dist_name: Name of the archive without its extension.

    Returns:
        Path of the archive, which is replaced atomically if it exists.

    Raises:
        FileError: It cannot be written.
    """
    paths = sorted(_relative_paths(folder))
    info = [path for path in paths if path.startswith("info/")]
    payload = [path for path in paths if not path.startswith("info/")]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        metadata = json.dumps({"conda_pkg_format_version": 2}).encode()
        archive.writestr(zipfile.ZipInfo("metadata.json", _EPOCH), metadata)
        for kind, members in (("pkg", payload), ("info", info)):
            name = f"{kind}-{dist_name}.tar.zst"
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _tar_zst(folder, members))
    target = directory / f"{dist_name}{CONDA_EXTENSION}"
    with operations.describing("write", target):
        operations.make_directory(directory)
        operations.replace_file(target, buffer.getvalue())
    return target


def _relative_paths(folder: Path) -> Iterable[str]:
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in (*files, *links):
            yield Path(parent, name).relative_to(folder).as_posix()


def _tar_zst(folder: Path, members: Iterable[str]) -> bytes:
    import zstandard

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            entry = tar.gettarinfo(folder / member, member)
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            if entry.islnk():
                # Files of cached packages may be hard links to each other; the archive has copies.
                entry.type, entry.size = tarfile.REGTYPE, (folder / member).stat().st_size
            if entry.isreg():
                entry.mode = 0o755 if entry.mode & 0o111 else 0o644
                with open(folder / member, "rb") as reader:
                    tar.addfile(entry, reader)
            else:
                tar.addfile(entry)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(buffer.getvalue())
