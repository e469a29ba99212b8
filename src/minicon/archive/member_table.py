"""MemberTable: the tree that an archive describes, checked before links are created.

Link targets are resolved from the members alone, never by the file system: ``realpath`` gives up
on long chains, and a check built on it can be bypassed.
"""

from __future__ import annotations

from minicon.archive.members import MemberKind
from minicon.archive.problems import unsafe
from minicon.fs.safe_path import COMPONENT_LIMIT, PATH_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.archive.members import ArchiveMember

    #: A regular file that was written: bytes, sha256 (hexadecimal), component of the archive.
    FoundFile = tuple[int, str, str]

#: Links that a path may pass through; Linux stops at 40 as well.
_LINKS_LIMIT = 40


class MemberTable:
    """All members seen so far, by path.

    Attributes:
        files: Regular files, hard links included once :meth:`add_hard_link` has resolved them.
        hard_links: Path → path of the earlier file whose content it shares.
        symbolic_links: Path → text of the link.
        folders: Folders, named or implied.
    """

    def __init__(self, archive: str) -> None:
        self.files: dict[str, FoundFile] = {}
        self.hard_links: dict[str, str] = {}
        self.symbolic_links: dict[str, str] = {}
        self.folders: set[str] = {""}
        self._archive = archive

    def claim(self, path: str, kind: str) -> None:
        """Reserve a path for a member.

        Raises:
            UnsafeArchive: The path exists already, or is below something that is no folder.
        """
        if kind == MemberKind.DIRECTORY:
            self._add_folder(path, path)
            return
        if path in self.files or path in self.symbolic_links or path in self.folders:
            raise unsafe(self._archive, "is contained twice", member=path)
        folder = path.rpartition("/")[0]
        if folder not in self.folders:
            self._add_folder(folder, path)

    def _add_folder(self, folder: str, member: str) -> None:
        while folder not in self.folders:
            if folder in self.files or folder in self.symbolic_links:
                problem = f"lies below {folder!r:.120}, which is no folder"
                raise unsafe(self._archive, problem, member=member)
            self.folders.add(folder)
            folder = folder.rpartition("/")[0]

    def add_hard_link(self, member: ArchiveMember, target: str) -> None:
        """Add a hard link to an earlier regular file of the same component.

        Raises:
            UnsafeArchive: There is no such file.
        """
        found = self.files.get(target)
        if found is None or found[2] != member.component:
            problem = f"is a hard link to {target!r:.120}, which is no earlier file of the archive"
            raise unsafe(self._archive, problem, member=member.path)
        self.files[member.path] = found
        self.hard_links[member.path] = self.hard_links.get(target, target)

    def add_symbolic_link(self, member: ArchiveMember) -> None:
        """Add a symbolic link; :meth:`check_symbolic_links` resolves it once all members are known.

        Raises:
            UnsafeArchive: Its text is absolute, or not a valid path.
        """
        problem = _target_problem(member.target)
        if problem is not None:
            problem = f"is a link to {member.target!r:.120}, which {problem}"
            raise unsafe(self._archive, problem, member=member.path)
        self.symbolic_links[member.path] = member.target

    def check_symbolic_links(self) -> None:
        """Resolve every link through the table.

        Raises:
            UnsafeArchive: A link leads outside the package, or to itself.
        """
        for path, target in self.symbolic_links.items():
            problem = self._leads_out(path)
            if problem is not None:
                problem = f"is a link to {target!r:.120}, which {problem}"
                raise unsafe(self._archive, problem, member=path)

    def _leads_out(self, path: str) -> str | None:
        here = path.split("/")[:-1]
        ahead = self.symbolic_links[path].split("/")[::-1]
        links = 1
        while ahead:
            component = ahead.pop()
            if component in ("", "."):
                continue
            if component == "..":
                if not here:
                    return "leads outside the package"
                if "/".join(here) not in self.folders:
                    # Another package may have a link of that name, to any target.
                    return f"leads up from {'/'.join(here)!r:.120}, which is no folder of it"
                here.pop()
                continue
            here.append(component)
            target = self.symbolic_links.get("/".join(here))
            if target is not None:
                links += 1
                if links > _LINKS_LIMIT:
                    return "leads through too many links"
                here.pop()
                ahead.extend(target.split("/")[::-1])
        return None

    def payload(self) -> Iterator[str]:
        """Yield the paths of files and links outside ``info/``."""
        for path in (*self.files, *self.symbolic_links):
            if not path.startswith("info/"):
                yield path


def _target_problem(target: str) -> str | None:
    if target.startswith("/") or target[1:2] == ":":
        return "is absolute"
    if "\0" in target or "\\" in target:
        return "contains a NUL character or a backslash"
    if len(target.encode()) > PATH_LIMIT:
        return f"is longer than {PATH_LIMIT} bytes"
    if any(len(part.encode()) > COMPONENT_LIMIT for part in target.split("/")):
        return f"has a component longer than {COMPONENT_LIMIT} bytes"
    return None
