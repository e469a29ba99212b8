"""What pip expects to find of a wheel's installation: RECORD and its neighbours.

``pip list``, ``pip check`` and ``pip uninstall`` read them (PEP 376, PEP 610, PEP 627).
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from binascii import b2a_base64

from minicon.fs import operations
from minicon.fs.hashing import sha256_of
from minicon.models.package_files import PathsEntry, PathType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.prefix.placement import PackagePlan
    from minicon.prefix.staged_tree import StagedTree

INSTALLER = b"minicon\n"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
#: What may be written into the dist-info folder, beside what the wheel brings.
INSTALLATION_FILES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


def write_installation_files(
    plan: PackagePlan, entries: Sequence[PathsEntry], tree: StagedTree, *, requested: bool
) -> list[PathsEntry]:
    """Write the files that describe this installation of a wheel.

    Args:
        plan: The wheel.
        entries: All its files in the environment, bytecode and commands included.
        tree: The environment being built.
        requested: Whether the user asked for it by name (PEP 376's ``REQUESTED``).

    Returns:
        Entries of the files written; empty for a package without a dist-info folder.
    """
    folder = dist_info_folder(plan)
    if folder is None or plan.layout is None:
        return []
    files = {"INSTALLER": INSTALLER}
    if requested:
        files["REQUESTED"] = b""
    direct_url = plan.record.data.get("direct_url")
    if direct_url:
        files["direct_url.json"] = json.dumps(direct_url).encode()
    written = [_write(tree, f"{folder}/{name}", data) for name, data in files.items()]
    record = record_text([*entries, *written], plan.layout.site_packages, f"{folder}/RECORD")
    return [*written, _write(tree, f"{folder}/RECORD", record.encode())]


def dist_info_folder(plan: PackagePlan) -> str | None:
    """Its ``NAME-VERSION.dist-info`` in the prefix, or None."""
    for placement in plan.placements:
        folder, _, name = placement.target.rpartition("/")
        if name == "METADATA" and folder.endswith(".dist-info"):
            return folder
    return None


def record_text(entries: Iterable[PathsEntry], site_packages: str, own_path: str) -> str:
    """The content of RECORD: one line ``path,sha256=…,size`` per file (PEP 427's encoding).

    Args:
        entries: All files but RECORD itself.
        site_packages: Folder that the paths are relative to.
        own_path: Of RECORD, which has neither hash nor size.
    """
    start = f"{site_packages}/"
    rows: list[tuple[str, str, str]] = []
    for entry in entries:
        path = entry.path
        if path.startswith(start):
            path = path[len(start) :]
        else:
            path = posixpath.relpath(path, site_packages)
        rows.append((path, *_digest(entry)))
    rows.append((posixpath.relpath(own_path, site_packages), "", ""))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _digest(entry: PathsEntry) -> tuple[str, str]:
    sha256 = entry.sha256_in_prefix or entry.sha256
    if sha256 is None or entry.path_type == PathType.PYC_FILE:
        return "", ""
    padded = b2a_base64(bytes.fromhex(sha256), newline=False)
    encoded = padded.translate(_URL_SAFE, b"=").decode()
    # The size that is recorded is the one in the package; replacing the prefix may change it.
    known = entry.size_in_bytes is not None and entry.prefix_placeholder is None
    return f"sha256={encoded}", str(entry.size_in_bytes) if known else ""


def _write(tree: StagedTree, path: str, data: bytes) -> PathsEntry:
    operations.create_file(tree.path(path), data)
    return PathsEntry(
        path,
        PathType.HARDLINK,
        sha256=sha256_of(data),
        size_in_bytes=len(data),
    )
