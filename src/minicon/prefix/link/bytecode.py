"""Compile bytecode once per package and python, and share it among all environments.

::

    pkgs/pure-1.0-pyhd_0/site-packages/pure/__init__.py
    pkgs/.bytecode/pure-1.0-pyhd_0-cpython-311-1a2b…/
        manifest.json                                     what was compiled, with sizes
        site-packages/pure/__pycache__/__init__.cpython-311.pyc

The files contain the time and size of their source, as Python itself writes them: an edited source
is compiled again. A source is a hard link (or a copy with its time), so bytecode is valid in every
environment. Files with a placeholder differ between environments and get no bytecode. Folders of
tests get none because few users run them; they would be more than half of the work in scientific
packages.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from minicon.closing import Closing
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.plain_file import read_plain_file
from minicon.fs.remove import remove_tree
from minicon.fs.safe_path import are_plain, path_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.package_files import PathsEntry, PathType
from minicon.models.reporter import SilentReporter
from minicon.prefix.link.link import link_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Mapping, Sequence

    from minicon.models.reporter import Reporter, Task
    from minicon.prefix.environment.python_layout import PythonLayout
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.package_plan import PackagePlan

FOLDER = ".bytecode"
_MANIFEST = "manifest.json"
_TESTS = frozenset({"test", "tests"})
_TEST_FILE = lazy_pattern(r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py")
#: With fewer files, a second process costs more than it saves.
_FILES_PER_PROCESS = 150

# Runs in the environment's python, of whatever version; files that cannot be compiled (templates,
# Python 2 code) are skipped, as pip and conda do.
_PROGRAM = """\
import json, os, py_compile, sys, warnings
warnings.simplefilter("ignore")
os.environ.pop("SOURCE_DATE_EPOCH", None)
for number, (source, target, shown) in enumerate(json.load(sys.stdin), 1):
    try:
        py_compile.compile(source, target, shown, doraise=True)
    except Exception:
        pass
    if number % int(sys.argv[1]) == 0:
        os.write(1, b".")
"""
#: Sources between two signs of life of a process.
_REPORTED = 32


class _Compiled(NamedTuple):
    """A source and its bytecode, both relative to the package, and the bytecode's size."""

    source: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class _Job:
    plan: PackagePlan
    layout: PythonLayout
    sources: tuple[str, ...]
    folder: Path


class BytecodeCompiler:
    """Adds bytecode to the Python packages of a staged environment.

    Args:
        reporter: Notified of compilation.
        processes: How many to use; by default one per processor.
    """

    def __init__(self, reporter: Reporter | None = None, *, processes: int | None = None) -> None:
        self._reporter = reporter or SilentReporter()
        self._processes = processes or os.cpu_count() or 1

    def __call__(
        self,
        plans: Sequence[PackagePlan],
        tree: StagingDirectory,
        redirects: Mapping[str, Mapping[str, str]],
    ) -> dict[str, list[PathsEntry]]:
        """Compile packages whose bytecode is not cached, and link all bytecode.

        Args:
            plans: The packages that were linked into the tree.
            tree: The staged environment; its python runs the compiler.
            redirects: Per package name, files that lost to another package.

        Returns:
            Entries of the files added, per package name.
        """
        with _TemporaryFolder() as temporary:
            jobs = [job for plan in plans if (job := _job(plan, temporary))]
            missing = [job for job in jobs if not (job.folder / _MANIFEST).is_file()]
            self._compile(missing, tree)
            return {
                job.plan.record.name: _link(job, tree, redirects.get(job.plan.record.name, {}))
                for job in jobs
            }

    def _compile(self, jobs: Sequence[_Job], tree: StagingDirectory) -> None:
        if not jobs:
            return
        work: list[tuple[str, str, str]] = []
        temporary = []
        for job in jobs:
            operations.make_directory(job.folder.parent)
            folder = job.folder.with_name(f".{job.folder.name}.{os.urandom(4).hex()}")
            operations.make_directory(folder)
            temporary.append(folder)
            for source in job.sources:
                target = f"{folder}/{job.layout.bytecode_path(source)}"
                work.append((f"{job.plan.directory}/{source}", target, source))
        task = self._reporter.start("compile", "", len(work), "files")
        try:
            self._run(f"{tree.root.path}/{jobs[0].layout.executable}", work, task)
            for job, folder in zip(jobs, temporary, strict=True):
                _publish(job, folder)
        finally:
            task.finish()
            for folder in temporary:
                with contextlib.suppress(OSError):
                    remove_tree(folder)

    def _run(self, python: str, work: Sequence[tuple[str, str, str]], task: Task) -> None:
        count = max(1, min(self._processes, len(work) // _FILES_PER_PROCESS))
        running = []
        signs, output = os.pipe()
        try:
            for part in range(count):
                process = _start(python, output)
                if process is None:
                    self._reporter.note(
                        f"{python} does not run: bytecode will be compiled at first use"
                    )
                    return
                running.append((process, work[part::count]))
            for process, part_of_work in running:
                assert process.stdin is not None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(part_of_work).encode())
                    process.stdin.close()
            os.close(output)
            output = -1
            while read := os.read(signs, 1024):  # ends with the last process
                task.advance(_REPORTED * len(read))
            for process, _ in running:
                process.wait()
        finally:
            for end in {signs, output} - {-1}:
                os.close(end)
            for process, _ in running:
                if process.poll() is None:
                    process.kill()
                process.wait()
                if process.stdin is not None:
                    with contextlib.suppress(OSError):
                        process.stdin.close()


class _TemporaryFolder(Closing):
    """Holds bytecode where the package cache is read-only; created at first use.

    It is among the system's temporary files, where no program of the environment can put a link
    into it.
    """

    def __init__(self) -> None:
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """Its path."""
        if self._path is None:
            import tempfile

            self._path = Path(tempfile.mkdtemp(prefix="minicon-bytecode-"))
        return self._path

    def close(self) -> None:
        """Remove it."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                remove_tree(self._path)


def _start(python: str, output: int) -> subprocess.Popen[bytes] | None:
    import subprocess

    try:
        return subprocess.Popen(
            [python, "-I", "-S", "-B", "-c", _PROGRAM, str(_REPORTED)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None


def _job(plan: PackagePlan, temporary: _TemporaryFolder) -> _Job | None:
    layout = plan.layout
    if layout is None or layout.version.startswith("2."):
        return None
    shipped = {file.target for file in plan.others}
    for _, target, files in plan.folders:
        if target.endswith("__pycache__"):
            shipped.update(f"{target}/{name}" for name in files.names)
    tests = _folders_of_tests(plan)
    sources = tuple(
        f"{source}/{name}"
        for source, target, files in plan.folders
        if f"{target}/".startswith(f"{layout.site_packages}/")
        and not (tests and _tests_folder(target) in tests)
        for name in files.names
        if name.endswith(".py")
        and not (shipped and layout.bytecode_path(f"{target}/{name}") in shipped)
    )
    return _Job(plan, layout, sources, _folder_for(plan, layout, temporary)) if sources else None


def _tests_folder(folder: str) -> str | None:
    """The outermost ``test`` or ``tests`` of a path, or None."""
    parts = folder.split("/")
    depth = next((number for number, part in enumerate(parts) if part in _TESTS), None)
    return None if depth is None else "/".join(parts[: depth + 1])


def _folders_of_tests(plan: PackagePlan) -> set[str]:
    """Folders named ``test`` or ``tests`` that hold tests; ``django/test`` is used at run time."""
    found = ((_tests_folder(target), files.names) for _, target, files in plan.folders)
    return {folder for folder, names in found if folder and any(map(_TEST_FILE.fullmatch, names))}


def _folder_for(plan: PackagePlan, layout: PythonLayout, temporary: _TemporaryFolder) -> Path:
    name = f"{plan.directory.name}-{layout.cache_tag}-{_identity(plan.directory)}"
    shared = plan.directory.parent / FOLDER / name
    if (shared / _MANIFEST).is_file() or os.access(plan.directory.parent, os.W_OK):
        return shared
    return temporary.path / name


def _identity(package: Path) -> str:
    """Identify one extraction of a package: another has other times, and needs other bytecode."""
    status = package.stat()
    return f"{status.st_ino:x}{status.st_mtime_ns:x}"


def stale_bytecode(cache: Path, *, gone: Collection[Path] = ()) -> list[Path]:
    """Bytecode directories in a package cache whose packages are missing.

    Call it while no process links from the cache: incomplete directories count as stale too.

    Args:
        cache: The directory of packages.
        gone: Packages to treat as missing.
    """
    folder = cache / FOLDER
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [folder / name for name in names if not _is_of_a_package(name, cache, gone)]


def _is_of_a_package(name: str, cache: Path, gone: Collection[Path]) -> bool:
    # A cache tag has one dash, as in cpython-311.
    package, *tag_and_identity = name.rsplit("-", 3)
    path = cache / package
    try:
        return path not in gone and tag_and_identity[-1:] == [_identity(path)]
    except OSError:
        return False


def _publish(job: _Job, folder: Path) -> None:
    """Rename a finished directory to its name, unless another process was faster."""
    found = []
    for source in job.sources:
        path = job.layout.bytecode_path(source)
        with contextlib.suppress(OSError):
            found.append(_Compiled(source, path, os.stat(folder / path).st_size))
    operations.create_file(folder / _MANIFEST, json.dumps(found).encode())
    with contextlib.suppress(FileExistsError, OSError):
        operations.rename(folder, job.folder)


def _read_manifest(folder: Path) -> list[_Compiled]:
    """Read and validate the manifest of a bytecode directory; empty if it is invalid."""
    try:
        rows = json.loads(read_plain_file(folder / _MANIFEST))
        found = [_Compiled(*row) for row in rows]
        paths = [path for compiled in found for path in (compiled.source, compiled.path)]
        is_valid = all(type(compiled.size) is int for compiled in found) and (
            are_plain(paths) or all(path_problem(path) is None for path in paths)
        )
    except (OSError, ValueError, TypeError, RecursionError):
        return []
    return found if is_valid else []


def _link(job: _Job, tree: StagingDirectory, redirects: Mapping[str, str]) -> list[PathsEntry]:
    target_of = job.layout.target
    groups: dict[str, list[_Compiled]] = {}
    for compiled in _read_manifest(job.folder):
        if not redirects or target_of(compiled.source) not in redirects:
            groups.setdefault(compiled.path.rpartition("/")[0], []).append(compiled)
    entries = []
    for folder, members in groups.items():
        target = target_of(f"{folder}/x").rpartition("/")[0]
        names = [compiled.path.rpartition("/")[2] for compiled in members]
        with Folder.open(f"{job.folder}/{folder}") as source:
            link_names(source, tree.folder(target), names)
        entries += [
            PathsEntry(f"{target}/{name}", PathType.PYC_FILE, size_in_bytes=compiled.size)
            for name, compiled in zip(names, members, strict=True)
        ]
    return entries
