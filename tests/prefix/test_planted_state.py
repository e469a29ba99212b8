"""State that another user wrote into or beside an environment: reported, and not changed."""

from __future__ import annotations

import json
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, small_channel
from tests.support.packages import PackageBuilder, build_channel
from tests.support.prefixes import apply, extract, snapshot

from minicon.constants import GENERATIONS, GENERATIONS_INSIDE
from minicon.errors import PrefixError
from minicon.fs.folder import Folder
from minicon.prefix.environment import prefix_location
from minicon.prefix.generations.entry_swap import EntryExchange, move_parts
from minicon.prefix.generations.journal import Journal
from minicon.prefix.generations.metadata import GenerationMetadata, read_generation_metadata
from minicon.prefix.generations.recovery import recover, state_problem
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import GENERATION_FILE
from minicon.prefix.removal import remove_environment, sweep
from minicon.prefix.rollback import rollback, undo

ONE, TWO, THREE = (f"stage-{digit * 16}" for digit in "123")
EXCHANGE = {
    "incoming": ONE,
    "outgoing": TWO,
    "final": ONE,
    "old": ["bin"],
    "new": ["bin", "conda-meta"],
    "part": "",
    "way": "",
}
MOVE = {"source": "/envs/old", "mark": "0" * 16, "changes": [["", ONE], ["3", TWO]]}
GOOD = [
    {"move": MOVE},
    {"move": {**MOVE, "mark": "", "changes": [["", ONE]]}},
    {"outgoing": ONE, "incoming": TWO},
    {"outgoing": ONE, "incoming": "3"},
    {"stages": [ONE, TWO], "original": ONE},
    {"stages": [ONE], "original": None},
    {"stages": [ONE], "original": ONE, "entries": EXCHANGE},
    {"entries": {**EXCHANGE, "part": "bin", "way": "in"}},
    {"entries": {**EXCHANGE, "incoming": "7", "final": "7", "old": ["\udce4 b\\c", ".x"]}},
]
FORGED = [
    *(None, 7, [], "x", {"stages": 7}, {"stages": None, "original": ONE}, {"unknown": 1}),
    {"outgoing": "/abs/dir", "incoming": "trash-1"},
    {"outgoing": "victim/authorized_keys", "incoming": "/abs/authorized_keys"},
    {"outgoing": "../../victim", "incoming": ONE},
    {"outgoing": ONE},
    {"incoming": ONE},
    {"outgoing": ONE, "incoming": ONE},
    {"outgoing": ONE, "incoming": "\u0663"},
    {"outgoing": "", "incoming": ONE},
    {"outgoing": [ONE], "incoming": {}},
    {"stages": [""], "original": "../../victim"},
    {"stages": [ONE], "original": TWO},
    {"stages": [ONE], "original": "../../victim"},
    {"stages": [ONE, "."], "original": ONE},
    {"entries": 7},
    {"entries": {**EXCHANGE, "old": ["../victim"]}},
    {"entries": {**EXCHANGE, "old": "bin"}},
    *({"entries": {**EXCHANGE, "new": [name]}} for name in ("", ".", "..", "a/b", "/x", "a\0", 7)),
    {"entries": {**EXCHANGE, "new": [".minicon-states"]}},
    {"entries": {**EXCHANGE, "new": [".Minicon-States"]}},
    {"entries": {**EXCHANGE, "final": "../victim"}},
    {"entries": {**EXCHANGE, "final": THREE}},
    {"entries": {**EXCHANGE, "incoming": ".."}},
    {"entries": {**EXCHANGE, "outgoing": ONE}},
    {"entries": {**EXCHANGE, "outgoing": "2", "incoming": "1", "final": "1"}},
    {"entries": {**EXCHANGE, "part": "../victim", "way": "in"}},
    {"entries": {**EXCHANGE, "part": "bin", "way": "sideways"}},
    {"entries": {**EXCHANGE, "way": "in"}},
    {"entries": {key: EXCHANGE[key] for key in ("old", "new")}},
    {"move": 7},
    *({"move": {**MOVE, "source": path}} for path in ("victim", "/a/../victim", "/a\0", "", 7)),
    *({"move": {**MOVE, "mark": mark}} for mark in ("x", None, 7)),
    *({"move": {**MOVE, "changes": [pair]}} for pair in (["", ".."], ["../x", ONE], [ONE], ONE)),
    {"move": {**MOVE, "more": 1}},
]
OTHER_USER = pwd.getpwuid(65534).pw_name
INVALID_METADATA: list[dict[str, object]] = [
    *({"number": number} for number in (True, -2, 1.5, "1", None, 10**30)),
    *({"number": 1, "stage": stage} for stage in ("..", "/x", 7, "stage-x", "stage-" + "A" * 16)),
    *({"number": 1, "previous": previous} for previous in (-1, "0", 1.0, 10**9)),
    *({"number": 1, "created": created} for created in (-1, 1e300, float("inf"), "0", None)),
    *({"number": 1, "created": float("nan")}, {"number": 1, "command": 7}),
    *({"number": 1, "more": 1}, {"stage": ""}, {"number": 1, "version": 2}),
]
COMMANDS = [
    *("list -p {env}", "history -p {env}", "verify -p {env}", "status -p {env}"),
    *("export -p {env}", "install --dry-run -y -p {env} {source} lone", "undo -y -p {env}"),
    *("remove -y -p {env} lone", "remove -y --all -p {env}", "rollback -y -p {env} 1"),
    *("doctor --fix -p {env}", "clean -y --all", "diff -p {env} 1", "tree -p {env}"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    channel = small_channel(tmp_path_factory.mktemp("channel"))
    return f"--override-channels -c {channel.as_uri()} --platform linux-64"


@pytest.fixture
def minicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("data", GOOD)
def test_what_the_writer_writes_is_read(data: object) -> None:
    journal = Journal.from_bytes(json.dumps(data).encode())
    assert json.loads(journal.to_bytes()) == data


def test_forged_journals_are_refused_as_a_whole() -> None:
    for data in FORGED:
        with pytest.raises(ValueError, match="it"):
            Journal.from_bytes(json.dumps(data).encode())
    for text in (b"", b"{", b"[" * 100_000, b"\xff", b'{"stages":' * 50_000):
        with pytest.raises(ValueError, match=r"\w"):
            Journal.from_bytes(text)


def test_forged_metadata_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    mark = GenerationMetadata(
        number=3, stage=ONE, previous=2, created=1.5, command="minicon create"
    )
    (tmp_path / GENERATION_FILE).write_bytes(mark.to_bytes())
    assert read_generation_metadata(tmp_path) == mark
    for data in INVALID_METADATA:
        (tmp_path / GENERATION_FILE).write_text(json.dumps({"version": 1, **data}))
        assert read_generation_metadata(tmp_path) == GenerationMetadata(number=0), data
    (tmp_path / GENERATION_FILE).unlink()
    os.mkfifo(tmp_path / GENERATION_FILE)
    assert read_generation_metadata(tmp_path) == GenerationMetadata(number=0)
    (tmp_path / GENERATION_FILE).unlink()
    (tmp_path / "mark").write_bytes(mark.to_bytes())
    (tmp_path / GENERATION_FILE).symlink_to("../mark")
    assert read_generation_metadata(tmp_path) == GenerationMetadata(number=0)


class World:
    """An environment with two revisions, and a directory beside it that must not be changed."""

    def __init__(self, minicon: CommandLine, source: str) -> None:
        self.minicon = minicon
        self.source = source
        self.env = minicon.folder / "envs" / "env"
        self.run(f"create -y -p {self.env} {source} hello=1.0").ok()
        self.run(f"install -y -p {self.env} {source} lone").ok()
        self.store = GenerationStore(self.env).folder
        self.victim = minicon.folder / "victim"
        self.victim.mkdir()
        (self.victim / "thesis.txt").write_text("years of work")
        (self.victim / "conda-meta").mkdir()
        (self.victim / "conda-meta" / "history").write_text("==> 2020-01-01 00:00:00 <==\n")

    def run(self, line: str):
        return self.minicon(line)

    def survives(self, command: str) -> str:
        """Nothing outside changes, nothing of the environment but by refusal; what is said."""
        before = snapshot(self.victim), snapshot(self.env), snapshot(self.store)
        outcome = self.run(command.format(env=self.env, source=self.source))
        assert outcome.code in (0, 1), outcome
        assert "bug" not in outcome.err, outcome.err
        after = snapshot(self.victim), snapshot(self.env), snapshot(self.store)
        for old, new in zip(before, after, strict=True):
            old.pop("lock", None)
            new.pop("lock", None)
            assert old == new, command
        return outcome.err


@pytest.fixture
def world(minicon: CommandLine, source: str) -> World:
    return World(minicon, source)


def journals(world: World) -> Iterator[dict[str, object]]:
    victim = str(world.victim)
    yield {"outgoing": victim, "incoming": "trash-1"}
    yield {"outgoing": "x/thesis.txt", "incoming": f"{victim}/thesis.txt"}
    yield {"stages": [read_generation_metadata(world.env).stage], "original": "../../../victim"}
    yield {"entries": {**EXCHANGE, "old": ["../../victim"], "new": []}}


@pytest.mark.parametrize("number", range(4))
def test_a_forged_journal_is_reported_and_unchanged(world: World, number: int) -> None:
    journal = list(journals(world))[number]
    (world.store / "journal").write_text(json.dumps(journal))
    (world.store / TWO).mkdir()
    for command in COMMANDS if number == 0 else COMMANDS[:1] + COMMANDS[6:8]:
        said = world.survives(command)
        if "clean" not in command:
            assert f"{world.store / 'journal'} is damaged" in said, (command, said)


@pytest.mark.parametrize("shape", ["folder", "link", "file"])
def test_a_store_inside_a_renamable_environment_is_not_used(world: World, shape: str) -> None:
    inside = world.env / GENERATIONS_INSIDE
    hidden = world.minicon.folder / "hidden"
    planted = inside if shape == "folder" else hidden
    (planted / "1" / "conda-meta").mkdir(parents=True)
    (planted / "1" / "conda-meta" / "history").write_text("# forged\n")
    (planted / "1" / GENERATION_FILE).write_bytes(
        GenerationMetadata(number=1, stage=ONE).to_bytes()
    )
    (planted / "1" / "evil").write_text("forged")
    journal = {"outgoing": str(world.victim), "incoming": "trash-1"}
    (planted / "journal").write_text(json.dumps(journal))
    if shape == "link":
        inside.symlink_to(hidden)
    elif shape == "file":
        inside.write_text("{}")
    for command in COMMANDS if shape == "folder" else COMMANDS[:2] + COMMANDS[6:9]:
        said = world.survives(command)
        if "clean" not in command:
            assert f"{inside} is not used" in said, (command, said)
    assert (planted / "1" / "evil").read_text() == "forged"


def test_a_link_script_that_plants_a_store_changes_nothing_outside(
    minicon: CommandLine,
) -> None:
    victim = minicon.folder / "victim"
    victim.mkdir()
    journal = json.dumps({"outgoing": str(victim), "incoming": "trash-1"})
    mark = GenerationMetadata(number=999_999_999, stage=ONE, previous=7).to_bytes().decode().strip()
    script = (
        "mkdir -p $PREFIX/.minicon-states/7/conda-meta\n"
        f"echo '{journal}' > $PREFIX/.minicon-states/journal\n"
        f"echo '{mark}' > $PREFIX/conda-meta/generation\n"
    )
    evil = PackageBuilder("evil").file("x", "1").script("post-link", script)
    fine = PackageBuilder("fine").file("y", "1")
    channel = build_channel(minicon.folder / "channel", [evil, fine])
    source = f"--override-channels -c {channel.as_uri()} --platform linux-64"
    env = minicon.folder / "envs" / "env"
    minicon(f"create -y -p {env} {source} evil").ok()
    before = snapshot(env)
    for command in COMMANDS:
        outcome = minicon(command.format(env=env, source=source).replace("lone", "fine"))
        assert outcome.code in (0, 1), outcome
        assert "bug" not in outcome.err
        assert snapshot(env) == before
        assert victim.is_dir()
    (env / GENERATIONS_INSIDE).rename(minicon.folder / "away")
    minicon(f"install -y -p {env} {source} fine").ok()  # a number is found all the same
    assert read_generation_metadata(env).number == 1
    minicon(f"undo -y -p {env}").ok()
    assert not (env / "y").exists()


def test_a_forged_revision_cannot_be_restored(world: World) -> None:
    (world.store / "1" / GENERATION_FILE).unlink()  # what is left is a folder of that name
    for command in ("undo -y -p {env}", "rollback -y -p {env} 1", "history -p {env}"):
        assert "1 is ignored" in world.survives(command)
    assert GenerationStore(world.env).numbers() == []


def test_links_in_a_store_are_not_followed(world: World) -> None:
    (world.victim / GENERATION_FILE).write_bytes(
        GenerationMetadata(number=7, stage=THREE).to_bytes()
    )
    (world.store / "7").symlink_to(world.victim)
    (world.store / "0").symlink_to(world.victim)
    (world.store / THREE).symlink_to(world.victim)
    (world.store / "8").mkdir()
    (world.store / "8" / "conda-meta").symlink_to(world.victim / "conda-meta")
    assert GenerationStore(world.env).numbers() == [1]
    for command in ("list -p {env}", "history -p {env}", "rollback -y -p {env} 7"):
        world.survives(command)
    (world.store / "journal").write_text(json.dumps({"outgoing": THREE, "incoming": ONE}))
    for command in COMMANDS[:1] + COMMANDS[6:8]:
        assert f"{THREE} is not a directory" in world.survives(command)


def test_a_store_that_is_a_link_is_not_used(world: World) -> None:
    stores = world.store.parent
    moved = world.minicon.folder / "moved"
    stores.rename(moved)
    stores.symlink_to(moved)
    for command in COMMANDS[:1] + COMMANDS[6:9]:
        assert f"{stores} is not used: it is a symbolic link" in world.survives(command)
    assert sweep(world.env.parent) == []


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o1777])
@pytest.mark.parametrize("which", ["stores", "store"])
def test_a_store_that_others_can_write_is_not_used(world: World, mode: int, which: str) -> None:
    folder = world.store if which == "store" else world.store.parent
    folder.chmod(mode)
    for command in COMMANDS[:2] + COMMANDS[6:8]:
        assert f"{folder} is not used: it can be written by other" in world.survives(command)
    folder.chmod(0o755)
    world.run(f"undo -y -p {world.env}").ok()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("which", ["stores", "store"])
def test_another_users_store_in_a_shared_folder(
    minicon: CommandLine, source: str, which: str
) -> None:
    shared = minicon.folder / "shared"
    store = shared / GENERATIONS / "env"
    (store / ONE / "conda-meta").mkdir(parents=True)
    (store / ONE / "conda-meta" / "history").write_text("# forged\n")
    shared.chmod(0o1777)
    victim = shared / "precious"
    victim.mkdir()
    (victim / "thesis.txt").write_text("years of work")
    (store / "journal").write_text(json.dumps({"outgoing": ONE, "incoming": TWO}))
    os.chown(store, 65534, 65534)
    if which == "stores":
        os.chown(store.parent, 65534, 65534)
    before = snapshot(shared)
    for command in (
        "create -y -p {env} {source} lone",
        "list -p {env}",
        "remove -y --all -p {env}",
    ):
        outcome = minicon(command.format(env=shared / "env", source=source))
        assert outcome.code == 1, outcome
        assert f"belongs to {OTHER_USER}" in outcome.err or "environment" in outcome.err
        assert snapshot(shared) == before
    assert sweep(shared) == []
    assert snapshot(shared) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_users_of_a_shared_environment_are_warned_only_of_changes(world: World) -> None:
    for folder, folders, names in os.walk(world.env.parent):
        for name in (".", *folders, *names):
            os.chown(Path(folder, name), 65534, 65534, follow_symlinks=False)
    assert world.survives("list -p {env}") == ""
    assert world.survives("export -p {env}") == ""
    for command in ("history -p {env}", "install -y -p {env} {source} hello=2.0", COMMANDS[6]):
        assert f"is not used: it belongs to {OTHER_USER}" in world.survives(command)


def test_stores_are_made_for_this_user_alone(tmp_path: Path) -> None:
    package = extract(PackageBuilder("p").file("x", "1"), tmp_path / "pkgs")
    before = os.umask(0)
    try:
        apply(tmp_path / "envs" / "env", package)
    finally:
        os.umask(before)
    store = GenerationStore(tmp_path / "envs" / "env").folder
    for folder in (store, store.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert state_problem(tmp_path / "envs" / "env") is None


def test_orphaned_generations_do_not_belong_to_a_new_environment(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "env"
    tree = tmp_path / "envs" / GENERATIONS / "env" / "1"
    (tree / "conda-meta").mkdir(parents=True)
    (tree / "conda-meta" / "history").write_text("# forged\n")
    (tree / GENERATION_FILE).write_bytes(GenerationMetadata(number=1, stage=ONE).to_bytes())
    apply(env, extract(PackageBuilder("p").file("x", "1"), tmp_path / "pkgs"))
    for go_back in (undo, lambda path: rollback(path, 1)):
        with pytest.raises(PrefixError, match=r"was not kept|has no earlier revision"):
            go_back(env)
    assert (env / "x").read_text() == "1"


def test_a_copied_store_is_used_only_in_an_environment_that_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / "env"
    first = extract(PackageBuilder("p").file("x", "1"), tmp_path / "pkgs")
    with monkeypatch.context() as patch:
        patch.setattr(
            prefix_location, "_cannot_be_renamed", lambda path: os.path.basename(path) == "env"
        )
        env.mkdir()
        apply(env, first)
        apply(env, first, extract(PackageBuilder("q").file("y", "1"), tmp_path / "pkgs"))
        assert GenerationStore(env).numbers() == [1]
        assert state_problem(env) is None
    before = snapshot(env)
    assert "is not used" in str(state_problem(env))
    assert not recover(env)
    for change in (undo, remove_environment, lambda path: apply(path, first)):
        with pytest.raises(PrefixError):
            change(env)
    assert snapshot(env) == before


def test_files_that_wait_for_a_package_are_only_its_own(tmp_path: Path) -> None:
    env = tmp_path / "env"
    first = extract(PackageBuilder("p").file("x", "1"), tmp_path / "pkgs")
    apply(env, first)
    waiting = env / "conda-meta" / "shadowed" / first.record.dist_name
    for path in (".minicon-states/journal", "conda-meta/x.json", "y"):
        (waiting / path).parent.mkdir(parents=True, exist_ok=True)
        (waiting / path).write_text("{}")
    apply(env, first, extract(PackageBuilder("q").file("z", "1"), tmp_path / "pkgs"))
    assert sorted(path.name for path in env.iterdir()) == ["conda-meta", "x", "z"]
    assert not (env / "conda-meta" / "x.json").exists()


def test_a_cache_that_others_can_write_is_not_read(minicon: CommandLine, source: str) -> None:
    cache = minicon.root / "cache"
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    for command in (f"create -y -n a {source} lone", f"search {source} lone"):
        outcome = minicon(command)
        assert outcome.code == 1
        assert f"refusing to use the cache {cache}: it can be written by other" in outcome.err
    assert list(cache.iterdir()) == []


def test_parts_are_never_moved_through_a_link(tmp_path: Path) -> None:
    victim, tree = tmp_path / "victim", tmp_path / "tree"
    for folder in (victim, tree):
        folder.mkdir()
        (folder / f"{folder.name}.txt").write_text(folder.name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/tree").symlink_to(victim)
    with Folder.open(tmp_path) as folder, folder.child("other") as linked:
        for one, other in ((folder, linked), (linked, folder)):
            with pytest.raises(OSError, match="is a symbolic link"):
                move_parts("tree", one, other)
    assert [path.name for path in victim.iterdir()] == ["victim.txt"]
    assert [path.name for path in tree.iterdir()] == ["tree.txt"]


def test_an_exchange_reads_what_it_writes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "odd \\ name").mkdir(parents=True)
        os.mkdir(os.fsencode(tmp_path / name) + b"/\xe4\xff")
    made = EntryExchange.between(tmp_path / "a", tmp_path / "b", tmp_path / ONE)
    made = EntryExchange(**{**made.to_json(), "incoming": TWO, "final": TWO})
    assert EntryExchange.from_json(json.loads(json.dumps(made.to_json()))) == made
    back = made.reversed()
    assert EntryExchange.from_json(json.loads(json.dumps(back.to_json()))) == back


def test_the_sweep_keeps_to_the_stores_of_its_folder(tmp_path: Path) -> None:
    """The name of a store may be that of a link to an environment elsewhere."""
    stores = tmp_path / "envs" / GENERATIONS
    (stores / "data").mkdir(parents=True)
    kept = tmp_path / "else" / GENERATIONS / "env" / "1"
    kept.mkdir(parents=True)
    (tmp_path / "envs" / "data").symlink_to(tmp_path / "else" / "env")
    assert sweep(tmp_path / "envs") == []
    assert kept.is_dir()
