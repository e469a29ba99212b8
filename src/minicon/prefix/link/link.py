"""Link the files of cached packages into a staged environment.

Directory by directory: two descriptors are opened for each, and every file in it costs one
``linkat`` with two bare names (about 1.3 times a C loop; a path per file would cost twice that).
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from functools import partial

from minicon.errors import Clobbered, PackageError
from minicon.fs import operations
from minicon.fs.clone import DEFAULT_METHODS, LinkMethod, LinkProbe, link_or_copy_file
from minicon.fs.folder import Folder
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.fs.safe_path import all_folders
from minicon.models.package_files import PathType
from minicon.models.prefix_record import LinkType
from minicon.prefix.link.entry_points import entry_point_files
from minicon.prefix.link.relocate import check_growth, codesign_command, growth_of, relocate
from minicon.prefix.plan.package_plan import PlannedFile, entry_in_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from minicon.models.package_files import PathsEntry
    from minicon.models.reporter import Task
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.package_plan import PackagePlan, PlannedFolder

#: Errors of a hard link after which a copy can still succeed.
NOT_LINKABLE = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES, errno.ENOTSUP})
#: Methods to try, best first, by the link type that the user chose.
_METHODS = {
    LinkType.HARDLINK: DEFAULT_METHODS,
    LinkType.SOFTLINK: (LinkMethod.SYMBOLIC_LINK,),
    LinkType.COPY: (LinkMethod.REFLINK, LinkMethod.COPY),
}
#: With conda's ``allow_softlinks``: a symbolic link where no hard link is possible.
_SOFT_METHODS = (LinkMethod.REFLINK, LinkMethod.HARD_LINK, LinkMethod.SYMBOLIC_LINK)
#: Link type in ``conda-meta`` by method.
LINK_TYPES = {
    LinkMethod.REFLINK: LinkType.COPY,
    LinkMethod.HARD_LINK: LinkType.HARDLINK,
    LinkMethod.SYMBOLIC_LINK: LinkType.SOFTLINK,
    LinkMethod.COPY: LinkType.COPY,
}


class Linker:
    """Links packages into one staged environment.

    Args:
        tree: The staged environment.
        prefix: Final absolute path of the environment, which replaces placeholders.
        subdir: Its platform.
        link_type: The user's choice, a value of :class:`LinkType`; see :data:`_METHODS`. Files
            with a placeholder are always copied.
        allow_softlinks: Whether symbolic links replace impossible hard links.
        redirects: Per package name, files that lost to another package: target to shadow path.
    """

    def __init__(
        self,
        tree: StagingDirectory,
        *,
        prefix: str,
        subdir: str,
        link_type: int,
        allow_softlinks: bool = False,
        redirects: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._tree = tree
        self._prefix = prefix
        self._subdir = subdir
        softly = allow_softlinks and link_type == LinkType.HARDLINK
        self._probe = LinkProbe(_SOFT_METHODS if softly else _METHODS[link_type])
        self._redirects = redirects
        #: Bytes by which files of the current package grew.
        self._grown = 0
        #: Links with ``..``: package, target, and absolute path.
        self._upward_links: list[tuple[str, str, str]] = []

    def link_folder_links(self, plans: Sequence[PackagePlan]) -> None:
        """Create the symbolic links first that are parents of other files."""
        links = [(plan, p) for plan in plans for p in plan.others if _is_symbolic(p)]
        if not links:
            return
        needed = _ancestors(plans)
        for plan, file in links:
            if file.target in needed:
                self._link_symbolic(plan, file)

    def make_empty_folders(self, plans: Sequence[PackagePlan]) -> None:
        """Create directories without files last: where another package has a file, it stays."""
        for plan in plans:
            for path in plan.empty_folders:
                with contextlib.suppress(Clobbered):
                    self._tree.folder(path)

    def link(self, plan: PackagePlan, task: Task) -> list[PathsEntry]:
        """Link all files of a package into the tree.

        Returns:
            One entry for each file that is not a plain file of the plan, with its path and hashes
            in the environment.

        Raises:
            OSError: Disk full and the like.
            PrefixError: A binary file has no room for the prefix, or a path is blocked.
            PackageError: Its text files would grow beyond all reason.
        """
        redirects = self._redirects.get(plan.record.name, {})
        method = self.method_for(plan)
        package = str(plan.directory)
        self._grown = 0
        for folder in plan.folders:
            names = folder.files.names
            if redirects:
                names = self._link_shadowed(plan, folder, redirects)
            if names:
                self._link_group(f"{package}/{folder.source}", folder.target, names, method)
                task.advance(len(names))
        entries = []
        for file in plan.others:
            target = redirects.get(file.target, file.target)
            entries.append(self._link_special(plan, file._replace(target=target), method))
        return [*entries, *self._write_entry_points(plan, redirects)]

    def _link_shadowed(
        self,
        plan: PackagePlan,
        folder: PlannedFolder,
        redirects: Mapping[str, str],
    ) -> list[str]:
        """Link the files of a directory that lost to another package; returns the other names."""
        start = f"{folder.target}/" if folder.target else ""
        method = self.method_for(plan)
        others = []
        for name in folder.files.names:
            shadow = redirects.get(start + name)
            if shadow is None:
                others.append(name)
                continue
            self._link_file(f"{plan.directory}/{folder.source}/{name}", shadow, method)
        return others

    def method_for(self, plan: PackagePlan) -> LinkMethod:
        """The method for the package's plain files; probed once per file system."""
        first = next((f"{folder.source}/{folder.files.names[0]}" for folder in plan.folders), None)
        if first is None:
            first = next((p.source for p in plan.others if _is_regular(p)), None)
        if first is None:
            return LinkMethod.COPY
        return self._probe.best_method(f"{plan.directory}/{first}", self._tree.root)

    def _link_group(
        self, source: str, target: str, names: Sequence[str], method: LinkMethod
    ) -> None:
        folder = self._tree.folder(target)
        if method is LinkMethod.HARD_LINK:
            with Folder.open(source) as source_folder:
                link_names(source_folder, folder, names)
            return
        for name in names:
            _link_file(f"{source}/{name}", folder, name, method)

    def _link_special(self, plan: PackagePlan, file: PlannedFile, method: LinkMethod) -> PathsEntry:
        source, target, entry = file
        if _is_symbolic(file):
            self._link_symbolic(plan, file)
            return entry
        if entry.path_type == PathType.DIRECTORY:
            return entry  # see make_empty_folders
        if entry.prefix_placeholder:
            return self._write_relocated(plan, file)
        if entry.no_link:
            method = LinkMethod.COPY
        self._link_file(f"{plan.directory}/{source}", target, method)
        return entry

    def check_links(self) -> None:
        """Refuse links that leave the environment, once all packages are linked.

        The links of each package alone stay inside; links of several packages combined may not.

        Raises:
            PackageError: ``unsafe-path``.
        """
        for package, target, path in self._upward_links:
            if self._tree.link_target(path) is None:
                raise PackageError(
                    "unsafe-path",
                    f"{package} has the link {target!r}, which leaves the environment "
                    "through another package's link",
                    hint="report this to the packages' channel",
                )

    def _link_symbolic(self, plan: PackagePlan, file: PlannedFile) -> None:
        text = os.readlink(f"{plan.directory}/{file.source}")
        folder, name = self._tree.parent_of(file.target)
        if ".." in text.split("/") and not text.startswith("/"):
            path = f"{folder.path}/{name}"
            self._upward_links.append((plan.record.dist_name, file.target, path))
        try:
            folder.symbolic_link(text, name)
        except FileExistsError:
            if folder.link_text(name) != text:
                _replacing(folder, name, lambda: folder.symbolic_link(text, name))

    def _write_relocated(self, plan: PackagePlan, file: PlannedFile) -> PathsEntry:
        source = f"{plan.directory}/{file.source}"
        with open(source, "rb") as reader:
            original = reader.read()
            mode = os.fstat(reader.fileno()).st_mode & 0o777
        self._grown += growth_of(original, file.entry, self._prefix)
        check_growth(f"{plan.record.dist_name}: {file.target}", self._grown)
        data = relocate(original, file.entry, self._prefix, self._subdir)
        folder, name = self._write(file.target, data, mode)
        digest = sha256_of(data)
        path = f"{folder.path}/{name}"
        command = codesign_command(path, self._subdir, sys.platform)
        if command and file.entry.file_mode == "binary" and data != original:
            import subprocess

            subprocess.run(command, capture_output=True, check=False)
            digest = sha256_of_file(path)
        return entry_in_prefix(
            file.entry,
            file.entry.path if not plan.layout else plan.layout.target(file.source),
            sha256_in_prefix=digest,
        )

    def _write_entry_points(
        self, plan: PackagePlan, redirects: Mapping[str, str]
    ) -> list[PathsEntry]:
        entries = []
        for entry, data in entry_point_files(plan, self._prefix):
            self._write(redirects.get(entry.path, entry.path), data, 0o755)
            entries.append(entry)
        return entries

    def _write(self, target: str, data: bytes, mode: int) -> tuple[Folder, str]:
        folder, name = self._tree.parent_of(target)
        _replacing(folder, name, lambda: folder.create_file(name, data, mode))
        return folder, name

    def _link_file(self, source: str, target: str, method: LinkMethod) -> None:
        _link_file(source, *self._tree.parent_of(target), method)


def link_names(source: Folder, target: Folder, names: Sequence[str]) -> None:
    """Hard-link files of one directory into another, by name; copy those that cannot be linked."""
    if source.descriptor is None or target.descriptor is None:
        for name in names:
            link_or_copy(source, name, target, name)
        return
    while (refused := _link_until_refused(names, source.descriptor, target.descriptor)) is not None:
        link_or_copy(source, names[refused], target, names[refused])
        names = names[refused + 1 :]


def _link_until_refused(names: Sequence[str], source: int, target: int) -> int | None:
    """Link until one file is refused where a copy may succeed; returns its index, or None."""
    try:
        operations.hard_link_names(names, source, target)
    except OSError as error:
        if error.errno != errno.EEXIST and error.errno not in NOT_LINKABLE:
            raise
        return names.index(os.fsdecode(error.filename))
    return None


def link_or_copy(source: Folder, name: str, target: Folder, target_name: str) -> None:
    """Hard-link one file, replacing an existing one; copy it if it cannot be linked."""
    try:
        _replacing(target, target_name, lambda: source.hard_link(name, target, target_name))
    except OSError as error:
        if error.errno not in NOT_LINKABLE:
            raise
        _copy(source, name, target, target_name)


def _copy(source: Folder, name: str, target: Folder, target_name: str) -> None:
    text = source.link_text(name)
    if text is not None:
        _replacing(target, target_name, lambda: target.symbolic_link(text, target_name))
    else:
        _link_file(f"{source.path}/{name}", target, target_name, LinkMethod.COPY)


def _link_file(source: str, target: Folder, name: str, method: LinkMethod) -> None:
    link = partial(link_or_copy_file, source, target.at(name), method, directory=target.descriptor)
    _replacing(target, name, link)


def _replacing(folder: Folder, name: str, create: Callable[[], object]) -> None:
    """Create a file; an existing one (of a name that differs in case only) is replaced."""
    try:
        create()
    except FileExistsError:
        folder.remove_file(name)
        create()


def _is_symbolic(file: PlannedFile) -> bool:
    return file.entry.path_type == PathType.SOFTLINK


def _is_regular(file: PlannedFile) -> bool:
    return file.entry.path_type == PathType.HARDLINK


def _ancestors(plans: Iterable[PackagePlan]) -> set[str]:
    """Every directory that contains files of packages."""
    return all_folders({folder for plan in plans for folder in plan.target_folders()})
