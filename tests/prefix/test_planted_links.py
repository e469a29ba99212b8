"""Links planted in an environment or its store: whatever minicon does, it stays inside.

The victim is a copy of what the link stands for, so that everything that follows links would find
what it expects there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.faults import Counter, counting, intercepted
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, executor, extract, python_package, snapshot

from minicon.api.change.pip_installation import record_pip_packages
from minicon.api.environment_variables import change_variables
from minicon.constants import GENERATIONS, GENERATIONS_INSIDE, PREFIX_PLACEHOLDER
from minicon.errors import Clobbered, MiniconError
from minicon.prefix.environment import prefix_location
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover
from minicon.prefix.moving import MoveOptions, clone_environment, move_environment
from minicon.prefix.removal import remove_environment, sweep
from minicon.prefix.rollback import rollback
from minicon.prefix.scripts.link_scripts import LinkScriptRunner
from minicon.shell.activation_files import write_activation_files

State = dict[str, tuple[str, int, str]]


class World:
    """An environment after two changes, and what can be done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.envs = folder / "envs"
        self.env = self.envs / "data"
        self.saved = folder / "saved"
        self.victim = folder / "victim"
        script = f"#!{PREFIX_PLACEHOLDER}/bin/sh\n"
        tool = PackageBuilder("tool").file("lib/tool.so", b"so").link("lib/tool.so.1", "tool.so")
        builders = {
            "python": python_package(),
            "tool": tool.file("bin/tool", script, prefix=PREFIX_PLACEHOLDER),
            "newer": PackageBuilder("tool").version("2.0").file("lib/tool.so", b"2"),
            "other": PackageBuilder("other").file("bin/other", b"other").file("lib/other/x", b"x"),
            "pure": PackageBuilder("pure")
            .noarch("python")
            .file("site-packages/pure/__init__.py", b"")
            .entry_point("pure = pure:main"),
        }
        self.packages = {n: extract(b, folder / "pkgs") for n, b in builders.items()}

    def make(self) -> None:
        self.install("python", "tool")
        self.install("python", "tool", "pure")
        (self.env / "notes").mkdir()
        (self.env / "notes" / "mine.txt").write_text("the user's")
        site_packages = self.packages["python"].directory  # where pip would have put something
        name = next(site_packages.glob("lib/*/site-packages")).relative_to(site_packages)
        dist_info = self.env / name / "byhand-1.0.dist-info"
        dist_info.mkdir()
        (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: byhand\nVersion: 1.0\n")
        (dist_info / "INSTALLER").write_text("pip\n")
        (dist_info / "RECORD").write_text("byhand-1.0.dist-info/METADATA,,\n")
        change_variables(self.env, ["A=1"])
        shutil.copytree(self.envs, self.saved, symlinks=True)

    def reset(self) -> None:
        for folder in (self.envs, self.victim):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.saved, self.envs, symlinks=True)

    def install(self, *names: str) -> None:
        steps = [write_activation_files]
        apply(self.env, *(self.packages[name] for name in names), before_switch=steps)

    def plant(self, path: str) -> State:
        """Replace an entry by a link; returns its target."""
        entry = self.envs / path
        self.victim.mkdir()
        behind = self.victim / entry.name
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, behind, symlinks=True)
            shutil.rmtree(entry)
        else:
            shutil.copy2(entry, behind, follow_symlinks=False)
            entry.unlink()
        entry.symlink_to(behind)
        return snapshot(self.victim)


def _details() -> dict[str, object]:
    return {"command": "minicon test", "version": "0", "now": 1.0, "durable": False}


COMMANDS: dict[str, Callable[[World], object]] = {
    "install": lambda w: w.install("python", "tool", "pure", "other"),
    "update": lambda w: w.install("python", "newer", "pure"),
    "remove": lambda w: w.install("python", "tool"),
    "variables": lambda w: change_variables(w.env, ["B=2"]),
    "activation": lambda w: write_activation_files(w.env),
    "pip records": lambda w: record_pip_packages(w.env, platform="linux-64"),
    "undo": lambda w: rollback(w.env, 1, durable=False),
    "rename": lambda w: move_environment(
        w.env, w.envs / "new", MoveOptions(finish=write_activation_files, **_details())
    ),
    "clone": lambda w: clone_environment(
        w.env, w.envs / "new", MoveOptions(finish=write_activation_files, **_details())
    ),
    "clean": lambda w: sweep(w.envs),
    "recover": lambda w: recover(w.env),
    "remove all": lambda w: remove_environment(w.env),
}


@pytest.fixture(params=["beside", "inside"])
def world(
    request: pytest.FixtureRequest, fast_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """With generations beside the environment, and in it, as at a mount point."""
    if request.param == "inside":
        monkeypatch.setattr(prefix_location, "_cannot_be_renamed", os.path.isdir)
        (fast_path / "envs/data").mkdir(parents=True)
    world = World(fast_path)
    world.make()
    return world


def attempt(world: World, command: str) -> MiniconError | None:
    try:
        COMMANDS[command](world)
    except MiniconError as error:
        return error
    return None


def planted_paths(world: World) -> list[str]:
    """Everything that minicon wrote, and the folders it is in; few of the kept generations."""
    paths = sorted(snapshot(world.envs))
    store = f"data/{GENERATIONS_INSIDE}/" if (world.env / GENERATIONS_INSIDE).is_dir() else ""
    kept = f"{store or f'{GENERATIONS}/data/'}1/"
    rest = ("conda-meta", "conda-meta/history", "conda-meta/generation", "lib")
    return [p for p in paths if not p.startswith(kept) or p.removeprefix(kept) in rest]


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_is_a_link_nothing_is_written_behind_it(world: World, command: str) -> None:
    paths = [path for path in planted_paths(world) if path != "data"]
    assert {"data/conda-meta", "data/conda-meta/minicon", "data/conda-meta/history"} <= set(paths)
    for path in paths:
        world.reset()
        behind = world.plant(path)
        error = attempt(world, command)
        assert snapshot(world.victim) == behind, f"{command} wrote through {path}: {error}"


@pytest.mark.parametrize("command", ["install", "update", "undo", "rename", "variables"])
def test_links_that_appear_during_a_change(world: World, command: str) -> None:
    """Before each change, the directory that is about to be changed is replaced by a link.

    But for the folder from which the environment is reached: who can write there decides what
    the environment is.
    """
    world.reset()
    border = world.env if (world.env / GENERATIONS_INSIDE).is_dir() else world.envs
    with counting() as counter:
        attempt(world, command)
    for at in range(1, counter.count + 1, 1 + counter.count // 150):
        world.reset()
        behind: list[State] = []

        def swap(counter: Counter, at: int = at, behind: list[State] = behind) -> None:
            folder = Path(os.path.dirname(counter.calls[-1][1]))
            if counter.count == at and folder.is_relative_to(border) and folder != border:
                shutil.copytree(folder, world.victim, symlinks=True)
                folder.rename(folder.with_name(f"{folder.name}-moved"))
                folder.symlink_to(world.victim)
                behind.append(snapshot(world.victim))

        with intercepted(swap) as counter:
            error = attempt(world, command)
        if behind:
            assert snapshot(world.victim) == behind[0], f"{counter.calls[at - 1]}: {error}"


def test_a_store_behind_a_link_is_refused(world: World) -> None:
    """A neighbour in a shared folder, or a package in an environment, may have put it there."""
    inside = world.env / GENERATIONS_INSIDE
    paths = (
        [inside]
        if inside.is_dir()
        else [world.envs / GENERATIONS, world.envs / GENERATIONS / "data"]
    )
    for path in paths:
        for command in ("install", "remove", "undo", "rename", "remove all"):
            world.reset()
            world.plant(str(path.relative_to(world.envs)))
            before = snapshot(world.folder)
            error = attempt(world, command)
            assert error is not None, command
            assert error.reference in ("foreign-store", "link-in-the-way")
            assert str(path) in error.message
            assert snapshot(world.folder) == before


@pytest.mark.parametrize("name", ["conda-meta", "conda-meta/history"])
def test_metadata_behind_a_link_is_refused(world: World, name: str) -> None:
    world.reset()
    world.plant(f"data/{name}")
    before = snapshot(world.env)
    error = attempt(world, "install")
    assert error is not None
    assert error.reference in ("link-in-the-way", "not-a-folder")
    assert name in error.message
    assert snapshot(world.env) == before


@pytest.mark.parametrize("name", ["conda-meta/minicon", "conda-meta/minicon/activation.sh"])
def test_what_is_minicons_own_alone_is_made_again(world: World, name: str) -> None:
    for command in ("install", "variables", "activation"):
        world.reset()
        world.plant(f"data/{name}")
        assert attempt(world, command) is None
        assert not (world.env / name).is_symlink()
        assert (world.env / "conda-meta/minicon/activation.sh").is_file()


def test_variables_replace_a_link_and_keep_its_target(world: World) -> None:
    world.reset()
    behind = world.plant("data/conda-meta/state")
    change_variables(world.env, ["B=2"])
    assert Prefix(world.env).state_variables()["B"] == "2"
    assert snapshot(world.victim) == behind


def test_a_pre_link_script_cannot_lead_minicon_out(fast_path: Path) -> None:
    """The reported case: conda-meta/minicon becomes a link before the texts are written."""
    world = World(fast_path)
    world.make()
    world.victim.mkdir()
    (world.victim / "activation.sh").write_text("precious")
    builder = PackageBuilder("evil").script(
        "pre-link",
        f'rm -r "$PREFIX/conda-meta/minicon"; ln -s {world.victim} "$PREFIX/conda-meta/minicon"',
    )
    world.packages["evil"] = extract(builder, fast_path / "pkgs")
    runner = LinkScriptRunner(root_prefix=fast_path)
    packages = [world.packages[name] for name in ("python", "tool", "evil")]
    apply(
        world.env,
        *packages,
        executor=executor(link_scripts=runner),
        before_switch=[write_activation_files],
    )
    assert Prefix(world.env).record("evil")
    assert (world.victim / "activation.sh").read_text() == "precious"
    assert sorted(os.listdir(world.victim)) == ["activation.sh"]
    assert not (world.env / "conda-meta/minicon").is_symlink()


def test_links_that_scripts_put_for_directories_are_not_followed(fast_path: Path) -> None:
    """Files that were copies while scripts ran get their originals back, but not elsewhere."""
    world = World(fast_path)
    world.make()
    shutil.copytree(world.env / "lib", world.victim / "lib", symlinks=True)
    behind = snapshot(world.victim)
    swap = f'mv "$PREFIX/lib" "$PREFIX/moved"; ln -s {world.victim}/lib "$PREFIX/lib"'
    builder = PackageBuilder("evil").script("post-link", swap)
    world.packages["evil"] = extract(builder, fast_path / "pkgs")
    runner = LinkScriptRunner(root_prefix=fast_path)
    packages = [world.packages[name] for name in ("python", "tool", "evil")]
    apply(world.env, *packages, executor=executor(link_scripts=runner))
    assert (world.env / "lib").is_symlink()
    assert snapshot(world.victim) == behind


def test_files_of_packages_follow_links_inside_but_not_outside(fast_path: Path) -> None:
    world = World(fast_path)
    (fast_path / "victim").mkdir()
    builders = {
        "base": PackageBuilder("base").file("lib/a", b"a").link("lib64", "lib"),
        "guest": PackageBuilder("guest").file("lib64/b", b"b"),
        "out": PackageBuilder("out").link("share", "../../victim"),
        "through": PackageBuilder("through").file("share/c", b"c"),
    }
    packages = {name: extract(b, fast_path / "pkgs") for name, b in builders.items()}
    apply(world.env, packages["base"], packages["guest"])
    assert (world.env / "lib/b").read_bytes() == b"b"
    apply(world.env, packages["base"])
    assert not (world.env / "lib/b").exists()
    with pytest.raises(Clobbered, match="share must be a directory, but it is a link out"):
        apply(world.env, packages["out"], packages["through"])
    assert list((fast_path / "victim").iterdir()) == []
