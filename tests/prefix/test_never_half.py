"""Old or new, never half: a change is failed and killed at every single step it has."""

from __future__ import annotations

import contextlib
import errno
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.faults import Counter, failing_at, intercepted, run_killed_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, executor, extract, python_package, snapshot

from minicon.constants import GENERATIONS, PREFIX_PLACEHOLDER
from minicon.errors import FileError, MiniconError
from minicon.fs import operations
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover

State = dict[str, tuple[str, int, str]]


@pytest.fixture
def packages(fast_path: Path) -> dict[str, Extracted]:
    cache = fast_path / "pkgs"
    tool = PackageBuilder("tool").file("share/common.txt", b"tool's").file("lib/tool.so", b"so")
    builders = {
        "python": python_package(),
        "tool1": tool.version("1.0").file("etc/tool.cfg", b"one").link("lib/tool.so.1", "tool.so"),
        "tool2": tool.version("2.0").file(
            "bin/tool", f"#!{PREFIX_PLACEHOLDER}/bin/sh\n", prefix=PREFIX_PLACEHOLDER
        ),
        "other": PackageBuilder("other").file("share/common.txt", b"other's"),
        "pure": PackageBuilder("pure")
        .noarch("python")
        .file("site-packages/pure/__init__.py", b"def main(): print('pure')\n")
        .entry_point("pure = pure:main"),
    }
    return {name: extract(builder, cache) for name, builder in builders.items()}


def state_of(envs: Path) -> State:
    """All that users see of a folder of environments: no generations, no times."""
    found = snapshot(envs)
    return {
        path: value
        for path, value in found.items()
        if GENERATIONS not in path and not path.endswith(("/generation", "/created_at"))
    }


class Scenario:
    """An environment before a change, and the change."""

    def __init__(
        self,
        root: Path,
        before: list[Extracted] | None,
        after: list[Extracted],
        **arguments: object,
    ) -> None:
        self.envs = root / "envs"
        self.path = self.envs / "data"
        self.saved = root / "saved"
        self.after = after
        self.arguments = arguments
        self.envs.mkdir(parents=True)
        if before is not None:
            apply(self.path, *before)
            (self.path / "notes").mkdir()
            (self.path / "notes" / "mine.txt").write_text("the user's")
            (self.path / "empty").mkdir()
        shutil.copytree(self.envs, self.saved, symlinks=True)
        self.old = state_of(self.envs)
        self.change()
        self.new = state_of(self.envs)
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.envs)
        shutil.copytree(self.saved, self.envs, symlinks=True)

    def change(self) -> None:
        apply(self.path, *self.after, **self.arguments)

    def check(self, exact: State | None = None) -> None:
        """I1, I3: after what the next command does first, all is old or all is new; it goes on."""
        recover(self.path)
        now = state_of(self.envs)
        if exact is not None:
            assert now == exact
        assert now in (self.old, self.new)
        store = self.envs / GENERATIONS / "data"
        left = [p.name for p in store.iterdir()] if store.exists() else []
        assert all(name.isdigit() or name == "lock" for name in left), left
        if now == self.old:
            self.change()
        assert state_of(self.envs) == self.new


SCENARIOS = {
    "create": lambda p: (None, [p["python"], p["tool1"], p["pure"]]),
    "update": lambda p: ([p["tool1"], p["python"]], [p["python"], p["tool2"], p["pure"]]),
    "remove": lambda p: ([p["python"], p["tool1"], p["pure"]], [p["python"]]),
    "clobber": lambda p: ([p["tool1"]], [p["tool1"], p["other"]]),
    "unclobber": lambda p: ([p["tool1"], p["other"]], [p["tool1"]]),
}


@pytest.fixture(params=SCENARIOS)
def scenario(
    request: pytest.FixtureRequest, fast_path: Path, packages: dict[str, Extracted]
) -> Scenario:
    before, after = SCENARIOS[request.param](packages)
    return Scenario(fast_path, before, after)


def steps(run: Callable[[int], bool]) -> Iterator[int]:
    """1, 2, 3 … until ``run`` says that the action completed; at least a few."""
    for at in itertools.count(1):
        if run(at):
            assert at > 5
            return
        yield at


def test_killed_at_every_step(scenario: Scenario) -> None:
    for _ in steps(lambda at: run_killed_at(at, scenario.change) == 0):
        scenario.check()
        scenario.reset()
    assert state_of(scenario.envs) == scenario.new


def run_failing(scenario: Scenario, at: int, *, lasting: bool) -> bool:
    error = OSError(errno.ENOSPC, "No space left on device")
    with failing_at(at, error, lasting=lasting) as counter:
        failure = attempt(scenario.change)
    assert failure is None or failure.reference == "disk-full"
    return counter.count < at


def attempt(action: Callable[[], None]) -> FileError | None:
    try:
        action()
    except FileError as failure:
        return failure
    return None


@pytest.mark.parametrize("kind", ["create", "update"])
@pytest.mark.parametrize("lasting", [False, True])
def test_full_disk_at_every_step(
    kind: str, fast_path: Path, packages: dict[str, Extracted], *, lasting: bool
) -> None:
    scenario = Scenario(fast_path, *SCENARIOS[kind](packages))
    for _ in steps(lambda at: run_failing(scenario, at, lasting=lasting)):
        scenario.check()
        scenario.reset()


@pytest.mark.parametrize("kind", ["create", "update"])
def test_interrupted_at_every_step(
    kind: str, fast_path: Path, packages: dict[str, Extracted]
) -> None:
    scenario = Scenario(fast_path, *SCENARIOS[kind](packages))

    def run(at: int) -> bool:
        def interrupt(counter: Counter) -> None:
            if counter.count == at:
                raise KeyboardInterrupt

        with intercepted(interrupt) as counter, contextlib.suppress(KeyboardInterrupt):
            scenario.change()
        return counter.count < at

    for _ in steps(run):
        scenario.check()
        scenario.reset()


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: object, second: str, *, second_directory: int, **__: object) -> bool:
        operations.checkpoint("exchange", second, second_directory)
        return False

    monkeypatch.setattr(operations, "exchange", unsupported)


@pytest.mark.usefixtures("no_exchange")
def test_killed_at_every_step_where_paths_cannot_be_exchanged(
    fast_path: Path, packages: dict[str, Extracted]
) -> None:
    before, after = SCENARIOS["update"](packages)
    scenario = Scenario(fast_path, before, after)
    for _ in steps(lambda at: run_killed_at(at, scenario.change) == 0):
        scenario.check()
        scenario.reset()
    for _ in steps(lambda at: run_failing(scenario, at, lasting=False)):
        scenario.check()
        scenario.reset()


def refuse(_: Path) -> None:
    raise MiniconError("refused", "a step after the switch failed")


@pytest.mark.parametrize("kind", ["create", "update", "remove"])
def test_failing_step_after_the_switch_is_undone(
    kind: str, fast_path: Path, packages: dict[str, Extracted]
) -> None:
    before, after = SCENARIOS[kind](packages)
    scenario = Scenario(fast_path, before, after)
    seen: list[State] = []

    def look(_: Path) -> None:
        seen.append(state_of(scenario.envs))

    for exchange in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not exchange:
                patch.setattr(operations, "exchange", lambda *_, **__: False)
            with pytest.raises(MiniconError, match="after the switch"):
                apply(scenario.path, *after, after_switch=[look, refuse])
            scenario.check(exact=scenario.old)
            scenario.reset()
    assert seen == [scenario.new, scenario.new]


@pytest.mark.parametrize("kind", ["create", "update"])
def test_killed_during_steps_after_the_switch(
    kind: str, fast_path: Path, packages: dict[str, Extracted]
) -> None:
    before, after = SCENARIOS[kind](packages)
    scenario = Scenario(fast_path, before, after)

    def change() -> None:
        apply(scenario.path, *after, after_switch=[lambda p: operations.set_mode(p, 0o755)])

    for _ in steps(lambda at: run_killed_at(at, change) == 0):
        scenario.check()
        scenario.reset()


def test_durable_changes_are_synced_before_they_are_seen(
    fast_path: Path, packages: dict[str, Extracted]
) -> None:
    path = fast_path / "envs" / "data"
    with intercepted(lambda _: None) as counter:
        apply(path, packages["tool1"], executor=executor(durable=True))
    names = [operation for operation, _ in counter.calls]
    assert names.index("sync_file_system") < names.index("rename")
    assert "link" not in " ".join(names[names.index("sync_file_system") :])
    assert Prefix(path).is_environment
