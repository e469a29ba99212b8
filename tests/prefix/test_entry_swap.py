"""Where an environment cannot be renamed: mount points, other people's folders, image layers."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

import pytest
from tests.prefix.test_never_half import SCENARIOS, State, packages, run_failing, steps  # noqa: F401
from tests.support.faults import Counter, intercepted, run_killed_at
from tests.support.prefixes import Extracted, apply, snapshot

from minicon.constants import GENERATIONS, GENERATIONS_INSIDE
from minicon.errors import FileError
from minicon.fs import operations
from minicon.prefix.environment import prefix_location
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.moving import MoveOptions, clone_environment, move_environment
from minicon.prefix.removal import remove_environment
from minicon.prefix.rollback import redo, rollback, undo


def state_of(path: Path) -> State:
    """All that users see of an environment."""
    hidden = (f"{GENERATIONS_INSIDE}", "conda-meta/generation", "conda-meta/created_at")
    return {name: what for name, what in snapshot(path).items() if not name.startswith(hidden)}


class Fixed:
    """An environment that cannot be renamed, before and after a change."""

    def __init__(self, root: Path, before: list[Extracted] | None, after: list[Extracted]) -> None:
        self.root = root / "volume"
        self.path = self.root / "env"
        self.saved = root / "saved"
        self.path.mkdir(parents=True)
        self.after = after
        if before is not None:
            apply(self.path, *before)
            (self.path / "notes").mkdir()
            (self.path / "notes" / "mine.txt").write_text("the user's")
            (self.path / "empty").mkdir()
        self.old = state_of(self.path)
        shutil.copytree(self.root, self.saved, symlinks=True)
        self.change()
        self.new = state_of(self.path)
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.saved, self.root, symlinks=True)

    def change(self) -> None:
        apply(self.path, *self.after)

    def check(self) -> None:
        recover(self.path)
        now = state_of(self.path)
        assert now in (self.old, self.new)
        store = GenerationStore(self.path).folder
        left = os.listdir(store) if store.exists() else []
        assert all(name.isdigit() or name in ("lock", ".gitignore") for name in left), left
        if now == self.old:
            self.change()
        assert state_of(self.path) == self.new


def is_fixed(path: str) -> bool:
    return os.path.basename(path) == "env" and os.path.isdir(path)


@pytest.fixture
def unmovable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the environment were a mount point."""
    monkeypatch.setattr(prefix_location, "_cannot_be_renamed", is_fixed)


@pytest.fixture
def image_layer(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """As if folders with these inode numbers came from a lower layer: they cannot be renamed."""
    lower: set[int] = set()
    rename = os.rename

    def is_lower(name: str, directory: int | None) -> bool:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            return stat.S_ISDIR(status.st_mode) and status.st_ino in lower
        return False

    def refusing(source: str, target: str, *, source_directory: int, target_directory: int) -> None:
        operations.checkpoint("rename", target, target_directory)
        if is_lower(source, source_directory):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory)

    exchange = operations.exchange

    def refusing_exchange(
        first: str, second: str, *, first_directory: int, second_directory: int
    ) -> bool:
        if is_lower(first, first_directory) or is_lower(second, second_directory):
            operations.checkpoint("exchange", second, second_directory)
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return exchange(
            first, second, first_directory=first_directory, second_directory=second_directory
        )

    monkeypatch.setattr(operations, "rename", refusing)
    monkeypatch.setattr(operations, "exchange", refusing_exchange)
    return lower


def folders_below(path: Path) -> set[int]:
    return {os.lstat(folder).st_ino for folder, _, _ in os.walk(path)}


@pytest.mark.usefixtures("unmovable")
@pytest.mark.parametrize("kind", ["create", "update", "remove", "unclobber"])
def test_killed_and_failed_at_every_step(
    kind: str,
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
) -> None:
    scenario = Fixed(fast_path, *SCENARIOS[kind](packages))
    for _ in steps(lambda at: run_killed_at(at, scenario.change) == 0):
        scenario.check()
        scenario.reset()
    assert state_of(scenario.path) == scenario.new
    assert not (scenario.root / GENERATIONS).exists()
    scenario.reset()
    for lasting in (False, True) if kind == "update" else ():
        for _ in steps(lambda at, lasting=lasting: run_failing(scenario, at, lasting=lasting)):
            scenario.check()
            scenario.reset()
        scenario.reset()


@pytest.mark.usefixtures("unmovable")
def test_a_move_that_fails_once_is_undone_at_once(
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
) -> None:
    scenario = Fixed(fast_path, *SCENARIOS["update"](packages))
    undone, at, failed = 0, 0, True

    def fail(counter: Counter) -> None:
        nonlocal failed
        operation, path = counter.calls[-1]
        moves = operation == "rename" and Path(path).parent == scenario.path
        if moves and not failed and counter.count >= at:
            failed = True
            raise OSError(errno.EIO, "Input/output error")

    while True:
        at, failed = at + 1, False
        with intercepted(fail), contextlib.suppress(FileError):
            scenario.change()
        if not failed:
            break
        assert state_of(scenario.path) == scenario.old  # nothing needed recovery
        undone += 1
        scenario.check()
        scenario.reset()
    assert undone > 5


@pytest.mark.usefixtures("unmovable")
def test_going_back_and_forth(fast_path: Path, packages: dict[str, Extracted]) -> None:  # noqa: F811
    scenario = Fixed(fast_path, *SCENARIOS["update"](packages))
    scenario.change()
    kept = fast_path / "kept"
    shutil.copytree(scenario.root, kept, symlinks=True)

    def back() -> None:
        rollback(scenario.path, 1, clock=lambda: 1.7e9)

    def records() -> set[str]:
        return {record.record.dist_name for record in Prefix(scenario.path).records()}

    two = records()
    back()
    one = records()
    assert one != two
    for at in range(1, 500):
        shutil.rmtree(scenario.root)
        shutil.copytree(kept, scenario.root, symlinks=True)
        if run_killed_at(at, back) == 0:
            break
        recover(scenario.path)
        assert records() in (one, two)
        assert (scenario.path / "notes" / "mine.txt").read_text() == "the user's"
        assert GenerationStore(scenario.path).numbers() in ([1], [2])
    redo(scenario.path)
    assert records() == two


@pytest.mark.usefixtures("unmovable")
def test_rename_clone_and_removal_keep_the_mount_point(
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
) -> None:
    scenario = Fixed(fast_path, *SCENARIOS["update"](packages))
    options = MoveOptions(command="", version="0", now=1.0, finish=lambda *_: None)
    copy, moved = fast_path / "copy", fast_path / "moved"
    clone_environment(scenario.path, copy, options)
    assert not (copy / GENERATIONS_INSIDE).exists()
    scenario.change()
    move_environment(scenario.path, moved, options)
    assert not scenario.path.exists()
    assert [each.number for each in GenerationStore(moved).generations()] == [1, 2]
    shutil.copytree(moved, scenario.path, symlinks=True)
    shutil.rmtree(moved)
    for at in range(1, 500):
        if run_killed_at(at, lambda: remove_environment(scenario.path)) == 0:
            break
        recover(scenario.path)
        assert state_of(scenario.path) == {} or Prefix(scenario.path).is_environment
    assert not scenario.path.exists()


@pytest.mark.parametrize("inside", [False, True])
def test_a_later_layer_of_an_image_changes_what_an_earlier_one_made(
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
    image_layer: set[int],
    monkeypatch: pytest.MonkeyPatch,
    *,
    inside: bool,
) -> None:
    if inside:
        monkeypatch.setattr(prefix_location, "_cannot_be_renamed", is_fixed)
    scenario = Fixed(fast_path, *SCENARIOS["update"](packages))

    def reset() -> None:
        image_layer.clear()
        scenario.reset()
        image_layer.update(folders_below(scenario.root) - {os.lstat(scenario.root).st_ino})

    for at in range(3 if inside else 1, 2000, 4):  # between them, every second step
        reset()
        if run_killed_at(at, scenario.change) == 0:
            break
        scenario.check()
    assert at > 50
    for at in range(6 if inside else 2, 2000, 8):
        reset()
        if run_failing(scenario, at, lasting=False):
            break
        scenario.check()
    assert state_of(scenario.path) == scenario.new
    image_layer.update(folders_below(scenario.root))  # a third layer: back, and away
    undo(scenario.path)
    assert state_of(scenario.path).keys() >= {"etc/tool.cfg", "notes/mine.txt"}
    image_layer.update(folders_below(scenario.root))
    remove_environment(scenario.path)
    assert not scenario.path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_own_environment_in_a_directory_of_another_user(
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
) -> None:
    scenario = Fixed(fast_path, *SCENARIOS["update"](packages))
    other_user = 65534
    shutil.rmtree(scenario.root / GENERATIONS)
    fast_path.chmod(0o755)
    for folder, folders, names in os.walk(scenario.path):
        for name in (".", *folders, *names):
            os.chown(Path(folder, name), other_user, other_user, follow_symlinks=False)

    def change() -> None:
        os.setuid(other_user)
        scenario.change()

    def without_records(state: State) -> State:  # they say "copied" now
        return {path: what for path, what in state.items() if not path.startswith("conda-meta/")}

    assert run_killed_at(100_000, change) == 0
    assert without_records(state_of(scenario.path)) == without_records(scenario.new)
    assert [generation.number for generation in GenerationStore(scenario.path).generations()]
    assert not (scenario.root / GENERATIONS).exists()
