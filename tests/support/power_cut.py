"""Simulated power cuts: record the changes of an action, and build the states a disk may have.

The recorder compares the directory before every change (:func:`minicon.fs.operations.checkpoint`)
to find the last one. The model is what POSIX guarantees and no more:

* A change of names (make, link, rename, exchange, remove) is one event of the directories involved.
  Events of one directory reach the disk in their order, those of different ones in any; an
  event of two directories reaches both at once.
* Until a file is synced, all, half or none of its bytes are on the disk.
* ``sync_file_system`` makes everything before it durable, ``sync_file`` the bytes of a file, or the
  names in a directory and all that they depend on.

::

    with recording(root) as record:
        action()
    for state in record.states(300, random.Random(1)):
        state.build()          # the directory is as it may be on the disk
        check()
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.faults import Counter, intercepted


@dataclass(frozen=True)
class Node:
    """A file, link or directory, by its inode number.

    Attributes:
        kind: ``f``, ``l`` or ``d``.
        data: Bytes of a file, or of a link's text.
    """

    kind: str
    mode: int
    data: bytes = b""
    modified_ns: int = 0


@dataclass(frozen=True)
class Look:
    """A directory tree at one moment: node by inode, and names by directory."""

    root: int
    nodes: dict[int, Node]
    names: dict[int, dict[str, int]]


@dataclass(frozen=True)
class Event:
    """Names that changed in one step: by directory, inode by name, None if removed."""

    changes: dict[int, dict[str, int | None]]


@dataclass
class Moment:
    """A moment between two changes: the tree, and the events before it."""

    look: Look
    event: Event | None = None
    synced: set[int] = field(default_factory=set)
    all_synced: bool = False


class Recorder:
    """Records the changes of a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.moments: list[Moment] = []
        self._known: dict[tuple[int, int, int], bytes] = {}
        self._pending: tuple[str, int | None] | None = None

    def look_before(self, counter: Counter) -> None:
        """Record the effect of the last change; called before the next one."""
        self.look()
        operation, path = counter.calls[-1]
        if operation.startswith("sync"):
            with contextlib.suppress(OSError):
                self._pending = (operation, os.stat(path).st_ino)

    def look(self) -> None:
        moment = Moment(self._now())
        if self.moments:
            moment.event = _difference(self.moments[-1].look, moment.look)
        if self._pending is not None:
            operation, inode = self._pending
            moment.all_synced = operation == "sync_file_system"
            moment.synced = {inode} if inode is not None else set()
            self._pending = None
        self.moments.append(moment)

    def _now(self) -> Look:
        nodes: dict[int, Node] = {}
        names: dict[int, dict[str, int]] = {}
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            status = folder.lstat()
            nodes[status.st_ino] = Node("d", stat.S_IMODE(status.st_mode))
            here = names.setdefault(status.st_ino, {})
            for entry in os.scandir(folder):
                facts = entry.stat(follow_symlinks=False)
                here[entry.name] = facts.st_ino
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif facts.st_ino not in nodes:
                    nodes[facts.st_ino] = self._node(entry, facts)
        return Look(self.root.lstat().st_ino, nodes, names)

    def _node(self, entry: os.DirEntry[str], facts: os.stat_result) -> Node:
        if entry.is_symlink():
            return Node("l", 0, os.fsencode(os.readlink(entry.path)))
        key = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if key not in self._known:
            self._known[key] = Path(entry.path).read_bytes()
        return Node("f", stat.S_IMODE(facts.st_mode), self._known[key], facts.st_mtime_ns)

    def states(self, count: int, chance: random.Random) -> Iterator[DiskState]:
        """Yield random possible states of the disk."""
        for _ in range(count):
            yield self._draw(chance.randrange(len(self.moments)), chance)

    def _draw(self, cut: int, chance: random.Random) -> DiskState:
        """Return a state that the disk may have if the power fails at this moment."""
        moments = self.moments[: cut + 1]
        start = max((n for n, m in enumerate(moments) if m.all_synced), default=0)
        durable = self._durable_events(moments, start)
        names = {folder: dict(entries) for folder, entries in moments[start].look.names.items()}
        willing = chance.choice((0.0, 0.5, 0.9, 1.0))
        stopped: set[int] = set()
        for number in range(start + 1, len(moments)):
            event = moments[number].event
            if event is None:
                continue
            touched = set(event.changes)
            wanted = not touched & stopped and chance.random() < willing
            if number in durable or wanted:
                _apply(event, names)
            else:
                stopped |= touched
        return DiskState(
            self.root, moments[0].look.root, names, self._nodes(moments, start, chance)
        )

    def _durable_events(self, moments: list[Moment], start: int) -> set[int]:
        """Return the events that a sync of a directory made durable, with their dependencies."""
        durable: set[int] = set()
        folders: set[int] = set()
        for number in range(len(moments) - 1, start, -1):
            event = moments[number].event
            # An event precedes the comparison that finds it; a sync in the same step covers it.
            folders |= moments[number].synced
            if event is not None and folders & set(event.changes):
                durable.add(number)
                folders |= set(event.changes)
        return durable

    def _nodes(self, moments: list[Moment], start: int, chance: random.Random) -> dict[int, Node]:
        """Return every node, files with the bytes that may be on the disk."""
        safe = dict(moments[start].look.nodes)
        seen: dict[int, Node] = dict(safe)
        for moment in moments[start + 1 :]:
            seen.update(moment.look.nodes)
            for inode in moment.synced & set(moment.look.nodes):
                safe[inode] = moment.look.nodes[inode]
        return {
            inode: node
            if safe.get(inode) == node or node.kind != "f"
            else Node("f", node.mode, chance.choice(_versions(node, safe.get(inode))))
            for inode, node in seen.items()
        }


def _versions(node: Node, safe: Node | None) -> list[bytes]:
    """Return the content that an unsynced file may have: all, half of it, or the previous one."""
    return [node.data, node.data[: len(node.data) // 2], safe.data if safe else b""]


@dataclass(frozen=True)
class DiskState:
    """One possible state of the disk."""

    root: Path
    inode: int
    names: dict[int, dict[str, int]]
    nodes: dict[int, Node]

    def build(self) -> None:
        """Make the directory equal to this state."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        self._fill(self.root, self.inode, {})

    def _fill(self, folder: Path, inode: int, made: dict[int, Path]) -> None:
        for name, child in self.names.get(inode, {}).items():
            path, node = folder / name, self.nodes[child]
            if node.kind == "d":
                path.mkdir()
                self._fill(path, child, made)
                path.chmod(node.mode)
            elif node.kind == "l":
                path.symlink_to(os.fsdecode(node.data))
            elif child in made:
                os.link(made[child], path)
            else:
                path.write_bytes(node.data)
                path.chmod(node.mode)
                if node.modified_ns:
                    os.utime(path, ns=(node.modified_ns, node.modified_ns))
                made[child] = path


def _difference(before: Look, after: Look) -> Event | None:
    changes: dict[int, dict[str, int | None]] = {}
    for folder, new in after.names.items():
        old = before.names.get(folder, {})
        changed: dict[str, int | None] = {n: i for n, i in new.items() if old.get(n) != i}
        changed |= dict.fromkeys(old.keys() - new.keys())
        if changed:
            changes[folder] = changed
    return Event(changes) if changes else None


def _apply(event: Event, names: dict[int, dict[str, int]]) -> None:
    for folder, changed in event.changes.items():
        here = names.setdefault(folder, {})
        for name, inode in changed.items():
            if inode is None:
                here.pop(name, None)
            else:
                here[name] = inode


@contextlib.contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record what a block does to an existing directory, on a file system in memory.

    Inode numbers must not be reused; tmpfs does not.
    """
    recorder = Recorder(root)
    recorder.look()
    recorder.moments[0].all_synced = True
    with intercepted(recorder.look_before):
        yield recorder
    recorder.look()
