"""Linking: the files of a cached package become files of an environment.

Whole folders at a time: for each folder two descriptors are opened, and every file below costs
one ``linkat`` with two bare names (about 1.3 times a C loop; a path per file would cost twice).
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from functools import partial

from minicon.errors import PackageError
from minicon.fs import operations
from minicon.fs.clone import DEFAULT_METHODS, LinkMethod, LinkProbe, link_or_copy_file
from minicon.fs.folder import Folder
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.models.package_files import PathsEntry, PathType
from minicon.models.prefix_record import LinkType
from minicon.prefix.link.relocate import (
    check_growth,
    codesign_command,
    growth_of,
    is_windows,
    relocate,
)
from minicon.prefix.plan.file_layout import Placement, moved
from minicon.prefix.plan.noarch_python import entry_point_path, entry_point_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from minicon.models.reporter import Task
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.file_layout import FolderPlacement, PackagePlan

#: Refusals of a hard link after which a copy still can succeed.
NOT_LINKABLE = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES, errno.ENOTSUP})
#: Methods to try, best first, per link type that users ask for.
METHODS = {
    LinkType.HARDLINK: DEFAULT_METHODS,
    LinkType.SOFTLINK: (LinkMethod.SYMBOLIC_LINK,),
    LinkType.COPY: (LinkMethod.REFLINK, LinkMethod.COPY),
}
#: With conda's ``allow_softlinks``: where no hard link is possible, a symbolic link.
SOFT_METHODS = (LinkMethod.REFLINK, LinkMethod.HARD_LINK, LinkMethod.SYMBOLIC_LINK)
#: What conda-meta calls a method.
LINK_TYPES = {
    LinkMethod.REFLINK: LinkType.COPY,
    LinkMethod.HARD_LINK: LinkType.HARDLINK,
    LinkMethod.SYMBOLIC_LINK: LinkType.SOFTLINK,
    LinkMethod.COPY: LinkType.COPY,
}


class Linker:
    """Puts packages into one staged environment.

    Args:
        tree: Where to put them.
        prefix: Final absolute path of the environment, which goes into the files.
        subdir: Its platform.
        link_type: What the user wants, a value of :class:`LinkType`; see :data:`METHODS`. Files
            that must be rewritten are always copies.
        allow_softlinks: Whether a symbolic link may stand in for an impossible hard link.
        redirects: Per package name, files that another package wins: target to hidden place.
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
        self._probe = LinkProbe(SOFT_METHODS if softly else METHODS[link_type])
        self._redirects = redirects
        #: Bytes by which files of the package at hand grew.
        self._grown = 0
        #: Links that climb: package, target, and absolute path.
        self._climbing: list[tuple[str, str, str]] = []

    def link_folder_links(self, plans: Sequence[PackagePlan]) -> None:
        """Make those symbolic links of packages first that other files' folders lead through."""
        links = [(plan, p) for plan in plans for p in plan.others if _is_symbolic(p)]
        if not links:
            return
        needed = _ancestors(plans)
        for plan, placement in links:
            if placement.target in needed:
                self._link_symbolic(plan, placement)

    def link(self, plan: PackagePlan, task: Task) -> list[PathsEntry]:
        """Put all files of a package into the tree.

        Returns:
            One entry for each file that is not plain, with the path and hashes it has in the
            environment; plain files are as the plan has them.

        Raises:
            OSError: Disk full and the like.
            PrefixError: A binary has no room for the prefix, or something is in the way.
            PackageError: Its files would become far longer than any are.
        """
        redirects = self._redirects.get(plan.record.name, {})
        method = self.method_for(plan)
        package = str(plan.directory)
        self._grown = 0
        for folder in plan.folders:
            names = folder.files.names
            if redirects:
                names = self._link_hidden(plan, folder, redirects)
            if names:
                self._link_group(f"{package}/{folder.source}", folder.target, names, method)
                task.advance(len(names))
        entries = []
        for placement in plan.others:
            place = redirects.get(placement.target, placement.target)
            entries.append(self._link_special(plan, placement._replace(target=place), method))
        return [*entries, *self._write_entry_points(plan, redirects)]

    def _link_hidden(
        self,
        plan: PackagePlan,
        folder: FolderPlacement,
        redirects: Mapping[str, str],
    ) -> list[str]:
        """Link those files of a folder that lost to another package; gives the other ones."""
        start = f"{folder.target}/" if folder.target else ""
        method = self.method_for(plan)
        others = []
        for name in folder.files.names:
            hidden = redirects.get(start + name)
            if hidden is None:
                others.append(name)
                continue
            self._place(f"{plan.directory}/{folder.source}/{name}", hidden, method)
        return others

    def method_for(self, plan: PackagePlan) -> LinkMethod:
        """How the package's files come into the tree: found out once per file system."""
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
            _place(f"{source}/{name}", folder, name, method)

    def _link_special(
        self, plan: PackagePlan, placement: Placement, method: LinkMethod
    ) -> PathsEntry:
        source, target, entry = placement
        if _is_symbolic(placement):
            self._link_symbolic(plan, placement)
            return entry
        if entry.path_type == PathType.DIRECTORY:
            self._tree.folder(target)
            return entry
        if entry.prefix_placeholder:
            return self._write_relocated(plan, placement)
        if entry.no_link:
            method = LinkMethod.COPY
        self._place(f"{plan.directory}/{source}", target, method)
        return entry

    def check_links(self) -> None:
        """Refuse links that lead out of the environment, once all packages are in the tree.

        Each package's own links stay inside; those of several together need not.

        Raises:
            PackageError: One leads outside.
        """
        for package, target, path in self._climbing:
            if self._tree.place_of_link(path) is None:
                raise PackageError(
                    "unsafe-path",
                    f"{package} has the link {target!r}, which leads out of the environment "
                    "through another package's link",
                    hint="report this to the packages' channel",
                )

    def _link_symbolic(self, plan: PackagePlan, placement: Placement) -> None:
        text = os.readlink(f"{plan.directory}/{placement.source}")
        folder, name = self._tree.place(placement.target)
        if ".." in text.split("/") and not text.startswith("/"):
            path = f"{folder.path}/{name}"
            self._climbing.append((plan.record.dist_name, placement.target, path))
        try:
            folder.symbolic_link(text, name)
        except FileExistsError:
            if folder.link_text(name) != text:
                _replacing(folder, name, lambda: folder.symbolic_link(text, name))

    def _write_relocated(self, plan: PackagePlan, placement: Placement) -> PathsEntry:
        source = f"{plan.directory}/{placement.source}"
        with open(source, "rb") as reader:
            original = reader.read()
            mode = os.fstat(reader.fileno()).st_mode & 0o777
        self._grown += growth_of(original, placement.entry, self._prefix)
        check_growth(f"{plan.record.dist_name}: {placement.target}", self._grown)
        data = relocate(original, placement.entry, self._prefix, self._subdir)
        folder, name = self._write(placement.target, data, mode)
        digest = sha256_of(data)
        path = f"{folder.path}/{name}"
        command = codesign_command(path, self._subdir, sys.platform)
        if command and placement.entry.file_mode == "binary" and data != original:
            subprocess.run(command, capture_output=True, check=False)
            digest = sha256_of_file(path)
        return moved(
            placement.entry,
            placement.entry.path if not plan.layout else plan.layout.place(placement.source),
            sha256_in_prefix=digest,
        )

    def _write_entry_points(
        self, plan: PackagePlan, redirects: Mapping[str, str]
    ) -> list[PathsEntry]:
        if plan.layout is None:
            return []
        kind = (
            PathType.WINDOWS_ENTRY_POINT_SCRIPT
            if is_windows(self._subdir)
            else PathType.UNIX_ENTRY_POINT
        )
        entries = []
        for point in plan.entry_points:
            target = entry_point_path(point, plan.layout)
            data = entry_point_script(point, plan.layout, self._prefix)
            self._write(redirects.get(target, target), data, 0o755)
            entries.append(
                PathsEntry(target, kind, size_in_bytes=len(data), sha256_in_prefix=sha256_of(data))
            )
        return entries

    def _write(self, target: str, data: bytes, mode: int) -> tuple[Folder, str]:
        folder, name = self._tree.place(target)
        _replacing(folder, name, lambda: folder.create_file(name, data, mode))
        return folder, name

    def _place(self, source: str, target: str, method: LinkMethod) -> None:
        _place(source, *self._tree.place(target), method)


def link_names(source: Folder, target: Folder, names: Sequence[str]) -> None:
    """Hard-link files of one folder into another, by name; copy what cannot be linked."""
    if source.descriptor is None or target.descriptor is None:
        for name in names:
            link_or_copy(source, name, target, name)
        return
    while (refused := _link_until_refused(names, source.descriptor, target.descriptor)) is not None:
        link_or_copy(source, names[refused], target, names[refused])
        names = names[refused + 1 :]


def _link_until_refused(names: Sequence[str], source: int, target: int) -> int | None:
    """Link names until one is refused for a reason that a copy may not have; where it is."""
    try:
        operations.hard_link_names(names, source, target)
    except OSError as error:
        if error.errno != errno.EEXIST and error.errno not in NOT_LINKABLE:
            raise
        return names.index(os.fsdecode(error.filename))
    return None


def link_or_copy(source: Folder, name: str, target: Folder, target_name: str) -> None:
    """Hard-link one file, replacing what is there; copy it if it cannot be linked."""
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
        _place(f"{source.path}/{name}", target, target_name, LinkMethod.COPY)


def _place(source: str, target: Folder, name: str, method: LinkMethod) -> None:
    place = partial(link_or_copy_file, source, target.at(name), method, directory=target.descriptor)
    _replacing(target, name, place)


def _replacing(folder: Folder, name: str, make: Callable[[], object]) -> None:
    """Make a file; where one is in the way (names that differ in case only), the later wins."""
    try:
        make()
    except FileExistsError:
        folder.remove_file(name)
        make()


def _is_symbolic(placement: Placement) -> bool:
    return placement.entry.path_type == PathType.SOFTLINK


def _is_regular(placement: Placement) -> bool:
    return placement.entry.path_type == PathType.HARDLINK


def _ancestors(plans: Iterable[PackagePlan]) -> set[str]:
    """Every folder that has to be there for the files of packages."""
    found: set[str] = set()
    for path in {folder for plan in plans for folder in plan.target_folders()}:
        folder = path
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
