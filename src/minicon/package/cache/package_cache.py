"""PackageCache: extracted packages, kept by content, shared by environments and processes.

A folder that bears its final name is whole: it was filled and verified under another name,
made durable, and renamed in one step. So readers need no lock.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from pathlib import Path

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
    is_same_package,
    read_record_data,
)
from minicon.package.cache.cache_key import cache_key, key_of_work
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.package.manifest import Manifest

    Prepare = Callable[[Path], PackageFiles | None]


@dataclass(frozen=True)
class CachedPackage:
    """A package that lies extracted and whole in a cache.

    Attributes:
        record: Which package it is.
        directory: Where it lies. Its files must not be written to.
    """

    record: RepodataRecord
    directory: Path

    @functools.cached_property
    def files(self) -> PackageFiles:
        """What the package says of its files; read when first asked for.

        Raises:
            PackageError: Its list of files cannot be read.
        """
        from minicon.package.info_files import read_package_files

        return read_package_files(self.directory)

    @functools.cached_property
    def manifest(self) -> Manifest:
        """The same in the form that linking wants; read when first asked for.

        Raises:
            PackageError: Its list of files cannot be read.
        """
        from minicon.package.manifest import Manifest, read_manifest

        return read_manifest(self.directory) or Manifest.of(self.files)


class PackageCache:
    """One or several directories of extracted packages. Thread-safe and process-safe.

    Args:
        directories: The layers, first found wins. The first one that can be written takes new
            packages; the others, conda's own ``pkgs/`` among them, are only read.
        durable: Write packages out to the disk before they get their name. Without it, a power
            cut (not a kill) can leave broken packages behind.
        shared: Accept folders that a group can write, see :mod:`minicon.fs.ownership`.
        lock_timeout: Seconds to wait for another process that makes the same package.
        reporter: Told about layers that are left out, and about waiting.
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
                self._reporter.warn(f"{error.message}; it is left out")
                continue
            layers.append(layer)
        return layers

    @property
    def directory(self) -> Path:
        """The layer that takes new packages.

        Raises:
            FileError: ``no-writable-cache``: none can be written.
        """
        return self._writable().path

    def _writable(self) -> CacheFolder:
        if self._home is None:
            places = ", ".join(str(layer.path) for layer in self._layers) or "none configured"
            raise FileError(
                "no-writable-cache",
                f"no package cache can be written ({places})",
                hint="set pkgs_dirs to a folder of yours",
            )
        return self._home

    def find(self, record: RepodataRecord) -> CachedPackage | None:
        """The package, if a layer has the very archive that RECORD means, whole.

        Costs reading one small file; for folders that another tool made, one ``lstat`` per file
        of the package too.

        Raises:
            PackageError: The record's name, version, build or hash is impossible.
        """
        key = cache_key(record)
        for layer in self._layers:
            for directory in layer.candidates(key, record):
                data = read_record_data(directory)
                if data is None or not is_same_package(data, record):
                    continue
                if directory.name == key or _is_whole(directory):
                    return CachedPackage(record, directory)
        return None

    def missing(self, records: Iterable[RepodataRecord]) -> tuple[RepodataRecord, ...]:
        """Those of some records whose packages no layer has.

        Costs reading each layer's list of folders once, and for what is there as :meth:`find`.

        Raises:
            PackageError: As :meth:`find` does.
        """
        listed = [(layer, layer.names()) for layer in self._layers]

        def is_there(record: RepodataRecord) -> bool:
            key = cache_key(record)
            places = (
                directory.name in names
                for layer, names in listed
                if names
                for directory in layer.candidates(key, record)
            )
            return any(places) and self.find(record) is not None

        return tuple([record for record in records if not is_there(record)])

    def ensure(self, record: RepodataRecord, prepare: Prepare) -> CachedPackage:
        """The package, made ready first if no layer has it.

        Of several processes (and threads) that want one package, one prepares it and the others
        wait for it. If preparing fails, nothing is left behind.

        Args:
            record: Which package.
            prepare: Fills an empty folder with the package, ``info/`` included. It returns what
                the package says of its files if it has verified every one of them, else None:
                then all are verified here.

        Raises:
            PackageError: The record is impossible, or what was prepared is not whole; or
                whatever PREPARE raises.
            FileError: The file system refused, or the wait for another process was in vain.
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
            on_wait=lambda holder: self._reporter.note(f"waiting for {holder}, which makes {key}"),
            busy=lambda holder: FileError(
                "locked",
                f"{key} in the package cache {home.path} is held by {holder}",
                hint="wait for it to end, then try again",
            ),
        ):
            yield

    @contextlib.contextmanager
    def in_use(self, *, alone: bool = False) -> Iterator[None]:
        """Say that packages are being linked from the cache, so that none is cleaned away.

        Any number of processes may use the cache at once. A cache that is only read is not ours
        to clean, and needs no such word.

        Args:
            alone: Keep all others from using it: for whoever cleans.

        Raises:
            FileError: ``locked``: the wait for others was in vain; names one.
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
        """Make the folders and the files by which conda knows a package cache."""
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
        """Prepare, verify, make durable, rename. The caller holds the key's lock."""
        from minicon.package.manifest import make_manifest

        work = home.work / key
        with describing("write", work):
            remove_tree(work)  # of a process that died
            operations.make_directory(work)
        try:
            files = prepare(work)
            if files is None:
                _check_whole(work, key)
            with describing("write", work):
                manifest = make_manifest(work, files)
                text = json.dumps(record.to_json(), indent=2).encode()
                operations.replace_file(work / RECORD_FILE, text, durable=False)
                self._publish(home, work, home.path / key, record)
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(work)
            raise
        cached = CachedPackage(record, home.path / key)
        cached.__dict__["manifest"] = manifest
        return cached

    def _publish(self, home: CacheFolder, work: Path, final: Path, record: RepodataRecord) -> None:
        if self._durable and self._sync is not None:
            self._sync.sync()
        if final.exists():  # broken, or not ours: find() did not take it
            remove_tree(move_to_trash(final, home.trash))
        operations.rename(work, final)
        if self._durable:
            operations.sync_directory(home.path)
        if record.url:
            line = f"{without_secrets(record.url)}\n"
            operations.append_file(home.path / "urls.txt", line.encode())

    def entries(self) -> Iterator[CachedPackage]:
        """All packages of the layer that takes new ones, by name of their folders."""
        if self._home is not None:
            for directory, record in self._home.packages():
                yield CachedPackage(record, directory)

    def remove(self, entry: CachedPackage) -> None:
        """Remove a package from the cache; environments that hold links to its files keep them.

        Raises:
            FileError: Another process works on it, or it lies in a layer that is only read.
        """
        home = self._writable()
        if entry.directory.parent != home.path:
            message = f"{entry.directory} lies in a package cache that is only read"
            raise FileError("read-only", message)
        with self._key_lock(home, entry.directory.name), describing("remove", entry.directory):
            if os.path.lexists(entry.directory):
                remove_tree(move_to_trash(entry.directory, home.trash))

    def sweep(self) -> list[Path]:
        """Remove what processes left behind that died: half-made packages, trash, idle locks.

        What a living process works on is left alone.

        Returns:
            What was removed.

        Raises:
            FileError: The file system refused.
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
        """Remove lock files nobody holds; who waits for one notices that it is gone."""
        for path in sorted(home.locks.glob("*.lock")):
            with contextlib.suppress(FileError), locked(path, timeout=0):
                operations.remove_file(path)


def _check_whole(directory: Path, key: str) -> None:
    """Verify every file of a package that was made by who did not. Raises PackageError."""
    from minicon.package.validate import verify_package

    problems = verify_package(directory)
    if problems:
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        message = f"{key} is not what it should be: {problems[0]}{more}"
        raise PackageError("incomplete-package", message)


def _is_whole(directory: Path) -> bool:
    """Whether a folder that another tool made has all files, at their sizes."""
    from minicon.package.validate import verify_package

    return not verify_package(directory, hashes=False, extras=False)
