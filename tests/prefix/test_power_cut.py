"""Old or new after a power cut, too: whatever part of the unsynced changes reached the disk."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.prefix.test_entry_swap import folders_below, image_layer  # noqa: F401
from tests.prefix.test_never_half import SCENARIOS, packages, state_of  # noqa: F401
from tests.support.packages import PackageBuilder
from tests.support.power_cut import recording
from tests.support.prefixes import Extracted, apply, executor, extract

from minicon.constants import GENERATIONS
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.package.cache.package_cache import PackageCache
from minicon.package.validate import verify_package
from minicon.prefix.generations.recovery import recover
from minicon.prefix.rollback import rollback
from minicon.prefix.scripts.link_scripts import LinkScriptRunner
from minicon.prefix.scripts.script_files import LinkScript

#: Per change; more of them by a variable, for a long run.
STATES = int(os.environ.get("MINICON_POWER_CUTS", "60"))

pytestmark = pytest.mark.skipif(
    not Path("/dev/shm").is_dir(), reason="needs a file system that uses no inode number twice"
)


class Cut:
    """An environment in ``envs/``, a change of it, and all that a power cut may leave."""

    def __init__(self, root: Path, prepare: Callable[[Path], object]) -> None:
        self.envs = root / "envs"
        self.path = self.envs / "data"
        self.envs.mkdir()
        prepare(self.path)
        if self.path.exists():
            (self.path / "mine.txt").write_text("the user's")
        self.old = state_of(self.envs)
        self.new: object = None

    def survives(self, change: Callable[[], object], *, states: int = STATES) -> int:
        """Check every state drawn; returns how many there were."""
        with recording(self.envs) as record:
            change()
        self.new = state_of(self.envs)
        assert self.new != self.old
        for state in record.states(states, random.Random(5)):
            state.build()
            recover(self.path)
            now = state_of(self.envs)
            assert now in (self.old, self.new), set(now.items()) ^ set(self.new.items())
            store = self.envs / GENERATIONS / "data"
            left = [p.name for p in store.iterdir()] if store.exists() else []
            assert all(name.isdigit() or name == "lock" for name in left), left
            if now == self.old:
                change()
            assert state_of(self.envs) == self.new
        return states


def durably(path: Path, *wanted: Extracted) -> None:
    apply(path, *wanted, executor=executor(durable=True))


@pytest.mark.parametrize("kind", ["create", "update", "remove", "clobber"])
@pytest.mark.parametrize("exchange", [True, False])
def test_changes(
    kind: str,
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    *,
    exchange: bool,
) -> None:
    if not exchange:
        monkeypatch.setattr(operations, "exchange", lambda *_, **__: False)
    before, after = SCENARIOS[kind](packages)
    cut = Cut(fast_path, lambda path: durably(path, *before) if before is not None else None)
    assert cut.survives(lambda: durably(cut.path, *after))


@pytest.mark.parametrize("kind", ["update", "remove"])
def test_changes_entry_by_entry(
    kind: str,
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As below a folder that cannot be written to; the generations lie where they always do."""

    def refused(_: object, second: str, *, second_directory: int, **__: object) -> bool:
        operations.checkpoint("exchange", second, second_directory)
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(operations, "exchange", refused)
    before, after = SCENARIOS[kind](packages)
    cut = Cut(fast_path, lambda path: durably(path, *(before or [])))
    assert cut.survives(lambda: durably(cut.path, *after))


def test_changes_of_what_an_image_brought(
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
    image_layer: set[int],  # noqa: F811
) -> None:
    before, after = SCENARIOS["update"](packages)
    cut = Cut(fast_path, lambda path: durably(path, *(before or [])))

    def change() -> None:
        image_layer.update(folders_below(cut.path))
        try:
            durably(cut.path, *after)
        finally:
            image_layer.clear()

    assert cut.survives(change)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_changes_with_a_step_after_the_switch(
    kind: str,
    fast_path: Path,
    packages: dict[str, Extracted],  # noqa: F811
) -> None:
    before, after = SCENARIOS[kind](packages)
    cut = Cut(fast_path, lambda path: durably(path, *before) if before is not None else None)
    slow = executor(durable=True)

    def change() -> None:
        step = [lambda path: operations.set_mode(path, 0o755)]
        apply(cut.path, *after, executor=slow, after_switch=step)

    assert cut.survives(change)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_changes_with_scripts_before_and_after(kind: str, fast_path: Path) -> None:
    class Marking(LinkScriptRunner):
        """Leaves a trace without starting a program, which would take long."""

        def _run(self, script: LinkScript, prefix: Path, temporary: Path) -> None:
            operations.replace_file(prefix / "trace", script.action.encode(), durable=False)

    def package(version: str) -> Extracted:
        builder = PackageBuilder("s").version(version).file("share/v", version)
        for action in ("pre-link", "post-link", "pre-unlink", "post-unlink"):
            builder = builder.script(action, "true")
        return extract(builder, fast_path / "pkgs")

    marking = executor(durable=True, link_scripts=Marking(root_prefix=fast_path))
    one, two = package("1.0"), package("2.0")

    def change(path: Path, wanted: Extracted) -> None:
        apply(path, wanted, executor=marking)

    cut = Cut(fast_path, lambda path: change(path, one) if kind == "update" else None)
    assert cut.survives(lambda: change(cut.path, two))


def test_rollback(fast_path: Path, packages: dict[str, Extracted]) -> None:  # noqa: F811
    def prepare(path: Path) -> None:
        durably(path, packages["tool1"])
        durably(path, packages["tool2"])

    cut = Cut(fast_path, prepare)
    # Times differ in the history that each attempt writes: one clock for all of them.
    assert cut.survives(lambda: rollback(cut.path, 1, clock=lambda: 1.7e9))


def test_the_package_cache_never_yields_a_bad_package(fast_path: Path) -> None:
    builder = PackageBuilder("tool").file("bin/tool", b"#!/bin/sh\n").file("lib/big", b"x" * 9999)
    builder = builder.link("lib/link", "big")
    package = extract(builder, fast_path / "made")
    (package.directory / "info").mkdir()
    for name, data in builder.info_files().items():
        (package.directory / "info" / name).write_bytes(data)
    pkgs = fast_path / "pkgs"
    pkgs.mkdir()

    def prepare(folder: Path) -> None:
        remove_tree(folder)
        copy_tree(package.directory, folder)

    def ensure() -> Path:
        return PackageCache([pkgs]).ensure(package.record, prepare).directory

    with recording(pkgs) as record:
        ensure()
    for state in record.states(STATES, random.Random(6)):
        state.build()
        found = PackageCache([pkgs]).find(package.record)
        assert found is None or verify_package(found.directory) == []
        assert verify_package(ensure()) == []
        PackageCache([pkgs]).sweep()
        assert list((pkgs / ".work").iterdir()) == []


def copy_tree(source: Path, target: Path) -> None:
    """As :func:`shutil.copytree`, through the functions that are watched."""
    operations.make_directory_at(None, str(target))
    for path in sorted(source.iterdir()):
        if path.is_symlink():
            operations.symbolic_link(str(path.readlink()), target / path.name)
        elif path.is_dir():
            copy_tree(path, target / path.name)
        else:
            operations.copy_file(path, target / path.name)


def test_the_model_finds_what_is_not_synced(fast_path: Path) -> None:
    """Replacing a file without a sync is what loses it: the simulation must show that."""
    folder = fast_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"old content")

    def contents(*, durable: bool) -> set[bytes]:
        with recording(folder) as record:
            operations.replace_file(folder / "file", b"new content", durable=durable)
        found = set()
        for state in record.states(100, random.Random(7)):
            state.build()
            found.add((folder / "file").read_bytes())
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "file").write_bytes(b"old content")
        return found

    assert contents(durable=True) == {b"old content", b"new content"}
    assert b"" in contents(durable=False)
