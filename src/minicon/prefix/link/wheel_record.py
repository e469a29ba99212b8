"""Write the installation files of a wheel: RECORD, INSTALLER, REQUESTED, direct_url.json.

``pip list``, ``pip check`` and ``pip uninstall`` read them (PEP 376, PEP 610, PEP 627).
"""

from __future__ import annotations

import json
import posixpath
from binascii import b2a_base64

from minicon.fs.hashing import sha256_of
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import PathsEntry, PathType
from minicon.prefix.plan.package_plan import entry_in_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.package_plan import PackagePlan, PlannedFolder

_INSTALLER = b"minicon\n"
#: Characters that the csv module puts into quotes.
_SPECIAL = lazy_pattern(r"""[,"'\s]""")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
#: Names of the installation files in a dist-info directory.
INSTALLATION_FILES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


def write_installation_files(
    plan: PackagePlan, entries: Sequence[PathsEntry], tree: StagingDirectory, *, requested: bool
) -> list[PathsEntry]:
    """Write the files that describe this installation of a wheel.

    Args:
        plan: The wheel.
        entries: Its files that are not plain files of the plan: bytecode, commands, scripts.
        tree: The staged environment.
        requested: Whether the user requested it by name (PEP 376's ``REQUESTED``).

    Returns:
        Entries of the files written; empty for a package without a dist-info directory.
    """
    folder = dist_info_folder(plan)
    if folder is None or plan.layout is None:
        return []
    files = {"INSTALLER": _INSTALLER}
    if requested:
        files["REQUESTED"] = b""
    direct_url = plan.record.data.get("direct_url")
    if direct_url:
        files["direct_url.json"] = json.dumps(direct_url).encode()
    written = [_write(tree, f"{folder}/{name}", data) for name, data in files.items()]
    site_packages = plan.layout.site_packages
    text = "".join(
        (
            *(_plain_lines(planned, site_packages) for planned in plan.folders),
            record_lines(
                [_with_size(entry, tree) for entry in (*entries, *written)],
                site_packages,
                f"{folder}/RECORD",
            ),
        )
    )
    return [*written, _write(tree, f"{folder}/RECORD", text.encode())]


def _with_size(entry: PathsEntry, tree: StagingDirectory) -> PathsEntry:
    """An entry with its size in the environment, which a replaced placeholder has changed."""
    if entry.prefix_placeholder is None:
        return entry
    folder, name = tree.parent_of(entry.path)
    status = folder.status(name)
    return entry_in_prefix(
        entry, entry.path, prefix_placeholder=None, size_in_bytes=status.st_size if status else None
    )


def dist_info_folder(plan: PackagePlan) -> str | None:
    """Path of its ``NAME-VERSION.dist-info``, or None; others belong to vendored projects."""
    site_packages = plan.layout.site_packages if plan.layout else ""
    for _, folder, files in plan.folders:
        parent, _, name = folder.rpartition("/")
        if parent == site_packages and name.endswith(".dist-info") and "METADATA" in files.names:
            return folder
    return None


def _plain_lines(folder: PlannedFolder, site_packages: str) -> str:
    """The lines of the plain files of one directory."""
    names, sizes = folder.files.names, folder.files.sizes
    joined = "".join(names)
    if _SPECIAL.search(folder.target + joined) or "-" in folder.files.digests or -1 in sizes:
        entries = folder.files.entries(folder.target)
        return _csv_lines([_row(entry, site_packages) for entry in entries])
    path = posixpath.relpath(folder.target or ".", site_packages)
    start = "" if path == "." else f"{path}/"
    raw = bytes.fromhex(folder.files.digests)
    return "".join(
        [
            f"{start}{name},sha256={_encoded(raw[32 * number : 32 * number + 32])},{size}\n"
            for number, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
    )


def record_lines(entries: Iterable[PathsEntry], site_packages: str, own_path: str) -> str:
    """The lines of RECORD, one ``path,sha256=…,size`` per file (PEP 427).

    Args:
        entries: Files; RECORD itself is added.
        site_packages: Directory that the paths are relative to.
        own_path: Path of RECORD, which has neither hash nor size.
    """
    rows = [_row(entry, site_packages) for entry in entries]
    rows.append((posixpath.relpath(own_path, site_packages), "", ""))
    return _csv_lines(rows)


def _row(entry: PathsEntry, site_packages: str) -> tuple[str, str, str]:
    start = f"{site_packages}/"
    is_inside = entry.path.startswith(start)
    path = entry.path[len(start) :] if is_inside else posixpath.relpath(entry.path, site_packages)
    return path, *_digest(entry)


def _csv_lines(rows: Sequence[tuple[str, str, str]]) -> str:
    if not _SPECIAL.search("".join([path for path, _, _ in rows])):
        return "".join([f"{path},{digest},{size}\n" for path, digest, size in rows])
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _digest(entry: PathsEntry) -> tuple[str, str]:
    sha256 = entry.sha256_in_prefix or entry.sha256
    if sha256 is None or entry.path_type == PathType.PYC_FILE:
        return "", ""
    encoded = _encoded(bytes.fromhex(sha256))
    size = entry.size_in_bytes
    return f"sha256={encoded}", "" if size is None else str(size)


def _encoded(digest: bytes) -> str:
    """Encode a hash as RECORD has it: URL-safe base64 without padding."""
    return b2a_base64(digest, newline=False).translate(_URL_SAFE, b"=").decode()


def _write(tree: StagingDirectory, path: str, data: bytes) -> PathsEntry:
    tree.create_file(path, data)
    return PathsEntry(
        path,
        PathType.HARDLINK,
        sha256=sha256_of(data),
        size_in_bytes=len(data),
    )
