"""PackageCache: extracted packages, stored by content, shared by environments and processes.

A directory with its final name is complete: it was filled and verified under another name, flushed
to disk, and renamed in one step. So readers need no lock.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from pathlib import Path

from minicon.counted import counted
from minicon.errors import FileError, PackageError
from minicon.fs import operations
from minicon.fs.disk import GroupSync
from minicon.fs.lock import DEFAULT_TIMEOUT, locked
from minicon.fs.operations import describing
from minicon.fs.ownership import check_ownership
from minicon.fs.remove import move_to_trash, remove_tree
from minicon.lean_dataclasses import dataclass
from minicon.models.reporter import SilentReporter
from minicon.package.cache.cache_folder import (
    RECORD_FILE,
    CacheFolder,
    cache_key,
    is_same_package,
    key_of_work,
    read_record_data,
)
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.package.manifest import Manifest

    Prepare = Callable[[Path], PackageFiles | Manifest | None]


@dataclass(frozen=True)
class CachedPackage:
    """A complete extracted package in a cache.

    Attributes:
        record: The package's record.
        directory: Its path. Its files must not be written to.
    """

    record: RepodataRecord
    directory: Path

    @functools.cached_property
    def files(self) -> PackageFiles:
        """The package's list of its files; read on first use.

        Raises:
            PackageError: Its list of files cannot be read.
        """
        from minicon.package.info_files import read_package_files

        return read_package_files(self.directory)

    @functools.cached_property
    def manifest(self) -> Manifest:
        """The same list in the form that linking uses; read on first use.

        Raises:
            PackageError: Its list of files cannot be read.
        """
        from minicon.package.manifest import Manifest, read_manifest

        return read_manifest(self.directory) or Manifest.of(self.files)


class PackageCache:
    """One or several directories of extracted packages. Thread-safe and process-safe.

    Args:
        directories: The layers, searched in this order. New packages are added to the first that
            is writable; the others, for instance conda's own ``pkgs/``, are only read.
        durable: Flush packages to disk before they are renamed. Without it, a power cut (not a
            killed process) can leave broken packages behind.
        shared: Accept directories that a group can write, see :mod:`minicon.fs.ownership`.
        lock_timeout: Seconds to wait for another process that prepares the same package.
        reporter: Receives warnings of ignored layers, and notes while waiting.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        *,
        durable: bool = True,
        shared: bool = False,
        lock_timeout: float = DEFAULT_TIMEOUT,
        reporter: Reporter | None = None,
    ) -> None:
        self._reporter = reporter or SilentReporter()
        self._durable = durable
        self._shared = shared
        self._timeout = lock_timeout
        self._layers = self._usable_layers(
            [Path(os.path.abspath(path)) for path in directories], shared
        )
        self._home = next((layer for layer in self._layers if layer.is_writable), None)
        self._sync = GroupSync(self._home.path) if self._home else None

    def _usable_layers(self, directories: Sequence[Path], shared: bool) -> list[CacheFolder]:
        layers = []
        for number, path in enumerate(directories):
            try:
                check_ownership(path, "package cache", shared=shared)
                layer = CacheFolder(path)
                layer.check_own_folders()
            except FileError as error:
                if number == 0:
                    raise
                self._reporter.warn(f"{error.message}; it is ignored")
                continue
            layers.append(layer)
        return layers

    @property
    def directory(self) -> Path:
        """The layer that new packages are added to.

        Raises:
            FileError: ``no-writable-cache``: no layer is writable.
        """
        return self._writable().path

    def _writable(self) -> CacheFolder:
        if self._home is None:
            paths = ", ".join(str(layer.path) for layer in self._layers) or "none configured"
            raise FileError(
                "no-writable-cache",
                f"no package cache is writable ({paths})",
                hint="set pkgs_dirs to a directory that you can write to",
            )
        return self._home

    def find(self, record: RepodataRecord) -> CachedPackage | None:
        """Return the package if a layer has the archive that ``record`` lists; else None.

        Costs reading one small file; for packages that another tool extracted, also one ``lstat``
        per file.

        Raises:
            PackageError: The record's name, version, build or hash is invalid.
        """
        key = cache_key(record)
        for layer in self._layers:
            for directory in layer.candidates(key, record):
                data = read_record_data(directory)
                if data is None or not is_same_package(data, record):
                    continue
                if directory.name == key or _is_complete(directory):
                    return CachedPackage(record, directory)
        return None

    def missing(self, records: Iterable[RepodataRecord]) -> tuple[RepodataRecord, ...]:
        """Return the records whose packages are in no layer.

        Costs listing each layer once, and :meth:`find` for the packages listed.

        Raises:
            PackageError: As :meth:`find` does.
        """
        listed = [(layer, layer.names()) for layer in self._layers]

        def is_cached(record: RepodataRecord) -> bool:
            key = cache_key(record)
            listed_directories = (
                directory.name in names
                for layer, names in listed
                if names
                for directory in layer.candidates(key, record)
            )
            return any(listed_directories) and self.find(record) is not None

        return tuple([record for record in records if not is_cached(record)])

    def ensure(self, record: RepodataRecord, prepare: Prepare) -> CachedPackage:
        """Return the package; prepare it if no layer has it.

        If several processes or threads need one package, one prepares it and the others wait. If
        preparation fails, nothing is left behind.

        Args:
            record: The package.
            prepare: Fills an empty directory with the package, including ``info/``. Returns the
                package's list of files if it has verified every one of them, or the manifest if
                it has also written that; else None, and all are verified afterwards.

        Raises:
            PackageError: The record is invalid, or the prepared package is incomplete; or as
                ``prepare`` raises.
            FileError: The file system failed, or another process did not finish in time.
        """
        found = self.find(record)
        if found is not None:
            return found
        key = cache_key(record)
        home = self._writable()
        self._set_up(home)
        with self._key_lock(home, key):
            found = self.find(record)
            return found if found is not None else self._make(home, key, record, prepare)

    @contextlib.contextmanager
    def _key_lock(
        self, home: CacheFolder, key: str, timeout: float | None = None
    ) -> Iterator[None]:
        seconds = self._timeout if timeout is None else timeout
        path = home.locks / f"{key}.lock"
        with locked(
            path,
            timeout=seconds,
            on_wait=lambda holder: self._reporter.note(
                f"waiting for {holder}, which prepares {key}"
            ),
            busy=lambda holder: FileError(
                "locked",
                f"{key} in the package cache {home.path} is locked by {holder}",
                hint="wait for it to end, then try again",
            ),
        ):
            yield

    @contextlib.contextmanager
    def in_use(self, *, alone: bool = False) -> Iterator[None]:
        """Lock the cache while packages are linked from it, so that none is removed meanwhile.

        Any number of processes may use the cache at once. A cache that is only read is never
        cleaned and needs no lock.

        Args:
            alone: Exclude all other users, to clean the cache.

        Raises:
            FileError: ``locked``: another process did not finish in time; names it.
        """
        home = self._home
        if home is None:
            yield
            return
        self._set_up(home)
        with locked(
            home.users_lock,
            timeout=self._timeout,
            shared=not alone,
            on_wait=lambda holder: self._reporter.note(
                f"waiting for {holder}, which uses the package cache {home.path}"
            ),
            busy=lambda holder: FileError(
                "locked",
                f"the package cache {home.path} is in use by {holder}",
                hint="wait for it to end, then try again",
            ),
        ):
            yield

    def _set_up(self, home: CacheFolder) -> None:
        """Create the directories, and the files by which conda recognises a package cache."""
        if (home.path / "urls.txt").exists() and home.work.is_dir():
            return
        with describing("make", home.path):
            operations.make_directory(home.path)
            operations.make_directory(home.work, 0o770 if self._shared else 0o700)
            operations.make_directory(home.locks)
            for name in ("urls", "urls.txt"):
                with contextlib.suppress(FileExistsError):
                    operations.create_file(home.path / name, b"")

    def _make(
        self, home: CacheFolder, key: str, record: RepodataRecord, prepare: Prepare
    ) -> CachedPackage:
        """Prepare, verify, flush to disk, rename. The caller holds the key's lock."""
        from minicon.package.manifest import Manifest, make_manifest

        work = home.work / key
        with describing("write", work):
            remove_tree(work)  # of a process that died
            for path in home.left_by_processes(key):
                with contextlib.suppress(OSError):  # it writes for some milliseconds yet
                    remove_tree(path)
            operations.make_directory(work)
        try:
            files = prepare(work)
            if files is None:
                _check_complete(work, key)
            with describing("write", work):
                if not isinstance(files, Manifest):
                    make_manifest(work, files)
                text = json.dumps(record.to_json(), indent=2).encode()
                operations.replace_file(work / RECORD_FILE, text, durable=False)
                self._publish(home, work, home.path / key, record)
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(work)
            raise
        return CachedPackage(record, home.path / key)

    def _publish(self, home: CacheFolder, work: Path, final: Path, record: RepodataRecord) -> None:
        if self._durable and self._sync is not None:
            self._sync.sync()
        if final.exists():  # broken, or another package: find() did not accept it
            remove_tree(move_to_trash(final, home.trash))
        operations.rename(work, final)
        if self._durable:
            operations.sync_directory(home.path)
        if record.url:
            line = f"{without_secrets(record.url)}\n"
            operations.append_file(home.path / "urls.txt", line.encode())

    def entries(self) -> Iterator[CachedPackage]:
        """Yield all packages of the layer that new ones are added to, by directory name."""
        if self._home is not None:
            for directory, record in self._home.packages():
                yield CachedPackage(record, directory)

    def remove(self, entry: CachedPackage) -> None:
        """Remove a package from the cache; hard links to its files in environments stay.

        Raises:
            FileError: Another process has locked it, or its layer is only read.
        """
        home = self._writable()
        if entry.directory.parent != home.path:
            message = f"{entry.directory} is in a package cache that is only read"
            raise FileError("read-only", message)
        with self._key_lock(home, entry.directory.name), describing("remove", entry.directory):
            if os.path.lexists(entry.directory):
                remove_tree(move_to_trash(entry.directory, home.trash))

    def sweep(self) -> list[Path]:
        """Remove what interrupted processes left behind: incomplete packages, trash, unused locks.

        Anything that a running process has locked is kept.

        Returns:
            The paths removed.

        Raises:
            FileError: The file system failed.
        """
        if self._home is None or not self._home.path.is_dir():
            return []
        removed = []
        with describing("sweep", self._home.path):
            for folder in (self._home.work, self._home.trash):
                paths = sorted(folder.iterdir()) if folder.is_dir() else []
                removed += [path for path in paths if self._sweep_one(self._home, path)]
            self._sweep_locks(self._home)
        return removed

    def _sweep_one(self, home: CacheFolder, path: Path) -> bool:
        if path.parent == home.trash:
            remove_tree(path)
            return True
        try:
            with self._key_lock(home, key_of_work(path.name), timeout=0):
                remove_tree(path)
        except FileError as error:
            if error.reference != "locked":
                raise
            return False
        return True

    def _sweep_locks(self, home: CacheFolder) -> None:
        """Remove lock files that no process holds; a process that waits for one notices."""
        for path in sorted(home.locks.glob("*.lock")):
            with contextlib.suppress(FileError), locked(path, timeout=0):
                operations.remove_file(path)


def _check_complete(directory: Path, key: str) -> None:
    """Verify every file of a package whose preparation did not. Raises PackageError."""
    from minicon.package.validate import verify_package

    problems = verify_package(directory)
    if problems:
        more = f" (and {counted(len(problems) - 1, 'more problem')})" if len(problems) > 1 else ""
        message = f"{key} is incomplete or damaged: {problems[0]}{more}"
        hint = "run 'minicon clean --packages' and try again; or report it to the channel's owner"
        raise PackageError("incomplete-package", message, hint=hint)


def _is_complete(directory: Path) -> bool:
    """Whether a package that another tool extracted has all files, with their sizes."""
    from minicon.package.validate import verify_package

    return not verify_package(directory, hashes=False, extras=False)
