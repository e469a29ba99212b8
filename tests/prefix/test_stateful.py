"""F8: any sequence of changes, rollbacks, kills and edits, against a model made of dictionaries."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.prefix.conftest import MEMORY
from tests.support.faults import run_killed_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, executor, extract, snapshot

from minicon.errors import PrefixError
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover
from minicon.prefix.repair import verify_prefix
from minicon.prefix.rollback import generations, rollback, undo

NAMES = "abc"
VERSIONS = "12"
Packages = dict[str, str]
KEEP = 3


def contents(name: str, version: str) -> dict[str, str]:
    """Files of a package: its own, one per version, and one that all packages claim."""
    return {
        f"lib/{name}": f"{name}{version}",
        f"lib/{name}.d/v{version}": version,
        "share/common": f"from {name}{version}",
    }


def model(packages: Packages) -> dict[str, str]:
    files: dict[str, str] = {}
    for name in sorted(packages):
        files.update(contents(name, packages[name]))
    return files


class Environment(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        folder = MEMORY if os.access(MEMORY, os.W_OK) else None
        self.root = Path(tempfile.mkdtemp(prefix="minicon-test-", dir=folder))
        self.env = self.root / "envs" / "data"
        self.built: dict[tuple[str, str], Extracted] = {}
        for name in NAMES:
            for version in VERSIONS:
                builder = PackageBuilder(name).version(version)
                for path, text in contents(name, version).items():
                    builder = builder.file(path, text)
                self.built[name, version] = extract(builder, self.root / "pkgs")
        self.packages: Packages = {}
        self.user: dict[str, str] = {}
        self.kept: dict[int, Packages] = {}
        self.number = 1

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def change(self, packages: Packages) -> None:
        selected = [self.built[name, packages[name]] for name in sorted(packages)]
        apply(self.env, *selected, executor=executor(keep_generations=KEEP))

    @initialize(packages=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VERSIONS)))
    def create(self, packages: Packages) -> None:
        self.change(packages)
        self.packages = packages
        self.sync()

    def sync(self) -> None:
        """Read which generations there are; what is in them, the model knows."""
        everything = generations(self.env)
        (current,) = (g.number for g in everything if g.is_current)
        self.kept[current] = self.packages
        self.kept = {g.number: self.kept[g.number] for g in everything}
        self.number = current

    @rule(packages=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VERSIONS)))
    def install(self, packages: Packages) -> None:
        self.change(packages)
        self.packages = packages
        self.sync()
        assert len(self.kept) <= KEEP + 1

    @rule(
        packages=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VERSIONS)),
        at=st.integers(1, 40),
    )
    def install_killed(self, packages: Packages, at: int) -> None:
        run_killed_at(at, lambda: self.change(packages))
        recover(self.env)
        now = {r.name: r.record.version for r in Prefix(self.env).records()}
        assert now in (self.packages, packages)
        if generations(self.env)[-1].number not in self.kept:
            self.packages = packages
        self.sync()

    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.kept)))
        rollback(self.env, number, durable=False)
        self.packages = self.kept[number]
        self.sync()

    @rule(data=st.data(), at=st.integers(1, 12))
    def roll_back_killed(self, data: st.DataObject, at: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.kept)))
        run_killed_at(at, lambda: rollback(self.env, number, durable=False))
        recover(self.env)
        (current,) = (g.number for g in generations(self.env) if g.is_current)
        assert current in (self.number, number)
        self.packages = self.kept[current]
        self.sync()

    @rule()
    def undo_and_roll_back(self) -> None:
        before = self.number
        with contextlib.suppress(PrefixError):  # nothing to undo
            undo(self.env, durable=False)
        rollback(self.env, before, durable=False)
        self.sync()
        assert self.number == before

    @rule(name=st.sampled_from(["note", "share/mine", "own/deep/file"]), text=st.text(max_size=3))
    def user_writes(self, name: str, text: str) -> None:
        path = self.env / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(text.encode())
        self.user[name] = text

    @rule(name=st.sampled_from(["note", "share/mine", "own/deep/file"]))
    def user_removes(self, name: str) -> None:
        (self.env / name).unlink(missing_ok=True)
        self.user.pop(name, None)

    @invariant()
    def the_environment_is_the_model(self) -> None:
        found = {
            path: (self.env / path).read_bytes().decode()
            for path, (kind, _, _) in snapshot(self.env, metadata=False).items()
            if kind == "-"
        }
        assert found == {**model(self.packages), **self.user}
        prefix = Prefix(self.env)
        assert {r.name: r.record.version for r in prefix.records()} == self.packages
        assert verify_prefix(prefix) == ()
        assert recover(self.env) is False


Environment.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=15,
)
TestEnvironment = Environment.TestCase
