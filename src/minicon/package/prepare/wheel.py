"""prepare_wheel: convert a wheel to a noarch python conda package, each file verified.

::

    archive ─ sha256, size ─ strict zip ─ per file: inflate ─ CRC ─ RECORD hash ─ write
                                                                     │
                          info/index.json · info/paths.json · info/link.json

This is done once per machine. Files are linked into environments from there; RECORD, INSTALLER and
commands are written per environment by :mod:`minicon.prefix`.
"""

from __future__ import annotations

import hashlib
import json
import os

from minicon.archive.strict_zip import ONE_PIECE
from minicon.archive.wheel_archive import WheelArchive
from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import PackageError, UnsafeArchive
from minicon.fs import operations
from minicon.models.package_files import PackageFiles, PathsEntry
from minicon.models.reporter import SilentReporter, SilentTask
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.wheel_layout import (
    SCRIPTS,
    may_differ,
    needs_digest,
    package_path,
    read_dist_info,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from minicon.archive.strict_zip import ZipEntry
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter, Task
    from minicon.package.prepare.wheel_layout import Digest

#: How a first line begins that means "the environment's python" (binary distribution format).
_PLACEHOLDER = b"#!python"
_SHEBANG = f"#!{PREFIX_PLACEHOLDER}/bin/python\n".encode()
#: Keys of a record that belong to the package itself.
_INDEX_KEYS = ("build", "build_number", "license", "name", "timestamp", "version")


def prepare_wheel(
    archive: Path,
    record: RepodataRecord,
    folder: Path,
    *,
    verify: bool = True,
    task: Task | None = None,
    reporter: Reporter | None = None,
) -> PackageFiles:
    """Fill an empty directory with a wheel's files in the form of a conda package.

    Cost: one thread, about one inflate and one SHA-256 of everything; a few MB of memory.

    Args:
        archive: The wheel.
        record: Its record: name, version, sha256 and size must match.
        folder: An empty directory, which the caller removes if this fails.
        verify: Whether to compare the archive's size and sha256; False only if the download has
            just done so.
        task: Progress, advanced by the unpacked bytes.
        reporter: Receives warnings.

    Returns:
        The package's list of files, every one verified.

    Raises:
        HashMismatch: The archive is not the one that the index lists.
        UnsafeArchive: The wheel contradicts itself or reaches outside of its directories.
        PackageError: The wheel is broken, or of another package.
        FileError: The disk is full, or the directory cannot be written.
    """
    if verify:
        ExpectedArchive.of_record(record).check_bytes(archive, record.fn)
    with operations.describing("unpack into", folder):
        try:
            with WheelArchive(archive) as wheel:
                return _WheelUnpacking(
                    wheel, record, folder, task or SilentTask(), reporter or SilentReporter()
                ).run()
        except PackageError as error:
            if record.fn in error.message:
                raise
            message = f"{record.fn}: {error.message}"
            raise type(error)(error.reference, message, hint=error.hint) from error


class _WheelUnpacking:
    """The conversion of one wheel; the caller removes its files if it fails."""

    def __init__(
        self,
        wheel: WheelArchive,
        record: RepodataRecord,
        folder: Path,
        task: Task,
        reporter: Reporter,
    ) -> None:
        """Read the wheel's metadata; nothing is written yet. Raises as :meth:`run`."""
        self._wheel = wheel
        self._record = record
        self._root = os.fspath(folder)
        self._task = task
        self._reporter = reporter
        self._info = read_dist_info(wheel, record, reporter)
        self._made = {self._root}

    def run(self) -> PackageFiles:
        """Write all files.

        Raises:
            UnsafeArchive: The wheel contradicts itself or reaches outside of its directories.
            PackageError: The wheel is broken, or of another package.
            OSError: The file system failed.
        """
        targets = self._targets()
        paths = [
            self._write(self._wheel.entries[name], target)
            for target, name in sorted(targets.items())
        ]
        self._write_info(paths)
        return PackageFiles(
            paths=tuple(paths), entry_points=self._info.entry_points, noarch="python"
        )

    def _targets(self) -> dict[str, str]:
        """Return the name in the wheel by path in the package, of all files to install."""
        targets: dict[str, str] = {}
        for name in self._wheel.entries:
            if needs_digest(name, self._info) and name not in self._info.digests:
                raise UnsafeArchive("unsafe-wheel", f"its RECORD lists no hash of {name}")
            target = package_path(name, self._info)
            if target is None or _is_cached_bytecode(name, self._wheel):
                continue
            if targets.setdefault(target, name) != name:
                raise UnsafeArchive("unsafe-wheel", f"two of its files would be {target}")
        return targets

    def _write(self, entry: ZipEntry, target: str) -> PathsEntry:
        digest = self._info.digests[entry.name]
        is_script = target.startswith(f"{SCRIPTS}/")
        mode = 0o755 if is_script or entry.mode & 0o111 else 0o644
        path = self._new_path(target)
        self._task.advance(entry.size)
        if entry.size > ONE_PIECE:
            hashing = _Hashing(self._wheel.pieces(entry), digest)
            operations.create_file_from(hashing.pieces(), path, mode)
            self._check(hashing.value, digest, entry)
            return PathsEntry(target, sha256=hashing.sha256, size_in_bytes=entry.size)
        data = b"".join(self._wheel.pieces(entry))
        value = hashlib.new(digest.algorithm, data).hexdigest()
        self._check(value, digest, entry)
        script = _with_placeholder(data) if is_script else None
        if script is not None:
            operations.create_file(path, script, mode)
            return PathsEntry(
                target,
                prefix_placeholder=PREFIX_PLACEHOLDER,
                file_mode="text",
                sha256=hashlib.sha256(script).hexdigest(),
                size_in_bytes=len(script),
            )
        operations.create_file(path, data, mode)
        known = digest.algorithm == "sha256"
        sha256 = value if known else hashlib.sha256(data).hexdigest()
        return PathsEntry(target, sha256=sha256, size_in_bytes=len(data))

    def _check(self, value: str, digest: Digest, entry: ZipEntry) -> None:
        if value == digest.value:
            return
        message = f"{entry.name} is not the file that its RECORD lists"
        if not may_differ(entry.name, self._info):
            raise UnsafeArchive("unsafe-wheel", message)
        self._reporter.warn(f"{self._record.fn}: {message}")

    def _new_path(self, target: str) -> str:
        folder = f"{self._root}/{target.rpartition('/')[0]}".rstrip("/")
        if folder not in self._made:
            operations.make_directory(folder)
            self._made.add(folder)
        return f"{self._root}/{target}"

    def _write_info(self, paths: list[PathsEntry]) -> None:
        record, info = self._record, self._info
        index = {
            **{key: record.data[key] for key in _INDEX_KEYS if key in record.data},
            "depends": list(record.depends),
            "noarch": "python",
            "subdir": record.subdir,
        }
        points = [f"{p.command} = {p.module}:{p.function}" for p in info.entry_points]
        self._write_json("index.json", index)
        self._write_json(
            "link.json",
            {
                "noarch": {"entry_points": points, "type": "python"},
                "package_metadata_version": 1,
            },
        )
        about = {"license": info.metadata.license, "summary": info.metadata.summary}
        self._write_json("about.json", {k: v for k, v in about.items() if v})
        self._write_json(
            "paths.json", {"paths": [entry.to_json() for entry in paths], "paths_version": 1}
        )

    def _write_json(self, name: str, data: dict[str, Any]) -> None:
        text = json.dumps(data, indent=None if name == "paths.json" else 2, sort_keys=True)
        operations.create_file(self._new_path(f"info/{name}"), f"{text}\n".encode())


class _Hashing:
    """Hashes pieces while they are written: for RECORD's digest, and sha256 for paths.json."""

    def __init__(self, pieces: Iterator[bytes | memoryview], digest: Digest) -> None:
        self._pieces = pieces
        self._sha256 = hashlib.sha256()
        other = digest.algorithm != "sha256"
        self._record = hashlib.new(digest.algorithm) if other else self._sha256

    def pieces(self) -> Iterator[bytes | memoryview]:
        for piece in self._pieces:
            self._sha256.update(piece)
            if self._record is not self._sha256:
                self._record.update(piece)
            yield piece

    @property
    def value(self) -> str:
        return self._record.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


def _with_placeholder(data: bytes) -> bytes | None:
    """Return a script with a first line to be relocated; None if it has none for python.

    The whole line is replaced, as pip does: what follows ``#!python`` in it is dropped.
    """
    if not data.startswith(_PLACEHOLDER):
        return None
    return _SHEBANG + data.partition(b"\n")[2]


def _is_cached_bytecode(name: str, wheel: WheelArchive) -> bool:
    """Whether a file is bytecode with its source in the wheel: it is compiled per environment."""
    folder, _, file = name.rpartition("/")
    if not file.endswith(".pyc") or not folder.endswith("__pycache__"):
        return False
    source = f"{folder[: -len('__pycache__')]}{file.partition('.')[0]}.py"
    return source in wheel.entries
