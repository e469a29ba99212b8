"""Locks are solved for any platform from any machine, kept where they can be, and merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.channels import ChannelBuilder

from minicon.api.lock.lock_inputs import (
    LockInputs,
    LockTarget,
    read_inputs,
    stale_platforms,
    targets_of,
)
from minicon.api.lock.lock_merging import merge_lock_files
from minicon.api.lock.lock_mismatches import mismatches
from minicon.api.lock.lock_targets import choose_targets, machine_profile, read_profile
from minicon.api.lock.locking import lock_changes, make_lock
from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.envs.locks.conda_lock import format_conda_lock, parse_conda_lock
from minicon.envs.locks.lock_files import write_lock_file
from minicon.errors import SolveError, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.lockfile import LockedPackage, Lockfile
from minicon.models.records import VirtualPackage

PLATFORMS = ("linux-64", "osx-arm64", "win-64")


@pytest.fixture
def channel(tmp_path: Path) -> ChannelBuilder:
    """app needs lib; fast needs __cuda, and modern a recent __glibc."""
    builder = ChannelBuilder(tmp_path / "channel")
    for platform in PLATFORMS:
        for version in ("1.0", "1.1"):
            builder.add(f"lib-{version}-0", subdir=platform)
            builder.add(f"app-{version}-0", subdir=platform, depends=["lib >=1"])
        builder.add("tool-1.0-0", subdir=platform, depends=["lib >=1.1"])
        builder.add("test-runner-1.0-0", subdir=platform)
    builder.add("fast-1.0-cuda_0", depends=["__cuda >=12"])
    builder.add("modern-1.0-0", depends=["__glibc >=2.36"])
    builder.add("pure-1.0-0", subdir="noarch", noarch="generic")
    return builder.write()


@pytest.fixture
def services(tmp_path: Path, channel: ChannelBuilder) -> Services:
    settings = load_settings(environ={}, home=tmp_path, working_directory=tmp_path).settings
    services = Services(replace(settings, channels=(channel.url,), local_repodata_ttl=0))
    services.environ = {}
    return services


def inputs(tmp_path: Path, text: str, name: str = "environment.yml") -> LockInputs:
    (tmp_path / name).write_text(text)
    return LockInputs(files=(tmp_path / name,), folder=tmp_path)


def targets(*platforms: str) -> list[LockTarget]:
    return [LockTarget(platform=platform) for platform in platforms]


def versions(lock: Lockfile, platform: str = "linux-64") -> dict[str, str]:
    return {p.name: p.version for p in lock.packages if p.platform == platform}


def test_several_platforms_at_once(tmp_path: Path, services: Services) -> None:
    requested = inputs(tmp_path, "dependencies: [app, pure, 'sel(win): tool']\n".replace(
        "'sel(win): tool'", "{'sel(win)': tool}"))  # fmt: skip
    lock = make_lock(services, requested, targets(*PLATFORMS))
    assert lock.platforms == PLATFORMS
    assert versions(lock) == {"app": "1.1", "lib": "1.1", "pure": "1.0"}
    assert set(versions(lock, "win-64")) == {"app", "lib", "pure", "tool"}
    urls = {p.url.rsplit("/", 2)[1] for p in lock.packages if p.name == "app"}
    assert urls == set(PLATFORMS)
    assert all(p.sha256 for p in lock.packages)
    text = format_conda_lock(lock)
    assert format_conda_lock(parse_conda_lock(text, source="x")) == text
    assert format_conda_lock(make_lock(services, requested, targets(*PLATFORMS))) == text


def test_one_change_touches_one_block(tmp_path: Path, services: Services) -> None:
    text = format_conda_lock(
        make_lock(services, inputs(tmp_path, "dependencies: [app]\n"), targets("linux-64"))
    )
    more = format_conda_lock(
        make_lock(services, inputs(tmp_path, "dependencies: [app, pure]\n"), targets("linux-64"))
    )
    kept = [line for line in text.splitlines() if "linux-64: " not in line]
    rest = iter(more.splitlines())
    assert all(line in rest for line in kept)


def test_virtual_packages_are_those_of_the_target(tmp_path: Path, services: Services) -> None:
    requested = inputs(tmp_path, "dependencies: [fast]\n")
    with pytest.raises(SolveError):
        make_lock(services, requested, targets("linux-64"))
    target = LockTarget(platform="linux-64", virtual_packages=(VirtualPackage("__cuda", "12.4"),))
    lock = make_lock(services, requested, [target])
    assert versions(lock) == {"fast": "1.0"}
    again = parse_conda_lock(format_conda_lock(lock), source="x")
    assert targets_of(again) == (target,)
    assert stale_platforms(services, requested, again) == ()
    modern = inputs(tmp_path, "dependencies: [modern]\n")
    with pytest.raises(SolveError):
        make_lock(services, modern, targets("linux-64"))
    glibc = choose_targets(services, modern, platforms=["linux-64"],
                           virtual_packages=["__glibc=2.36"])  # fmt: skip
    assert versions(make_lock(services, modern, glibc)) == {"modern": "1.0"}


def test_profiles(tmp_path: Path, services: Services) -> None:
    profile = tmp_path / "machine.json"
    profile.write_text(json.dumps(machine_profile(services)))
    target = read_profile(profile)
    assert target.platform == services.settings.platform
    assert set(target.virtual_packages) == set(services.virtual_packages)
    texts = ["[]", "{}", '{"platform": "x", "virtual_packages": []}', "nonsense", "[" * 10_000]
    texts += [
        f'{{"platform": "linux-64", "virtual_packages": [{fact}]}}' for fact in ("1", '"a b"')
    ]
    for text in texts:
        profile.write_text(text)
        with pytest.raises(SpecError):
            read_profile(profile)


def test_update_changes_one_package_and_what_it_requires(
    tmp_path: Path, services: Services, channel: ChannelBuilder
) -> None:
    requested = inputs(tmp_path, "dependencies: [app, pure]\n")
    before = make_lock(services, requested, targets("linux-64"))
    channel.add("lib-2.0-0")
    channel.add("app-2.0-0", depends=["lib >=2"])
    channel.add("pure-2.0-0", subdir="noarch", noarch="generic")
    channel.write()
    kept = make_lock(services, requested, targets("linux-64"), before=before)
    assert versions(kept) == versions(before)
    only_pure = make_lock(services, requested, targets("linux-64"), before=before, update=["pure"])
    assert versions(only_pure) == {"app": "1.1", "lib": "1.1", "pure": "2.0"}
    app = make_lock(services, requested, targets("linux-64"), before=before, update=["app"])
    assert versions(app) == {"app": "2.0", "lib": "2.0", "pure": "1.0"}
    assert [(c.name, c.before, c.after) for c in lock_changes(before, app)] == [
        ("app", "1.1 0", "2.0 0"),
        ("lib", "1.1 0", "2.0 0"),
    ]
    indirect = make_lock(services, requested, targets("linux-64"), before=before, update=["lib"])
    assert versions(indirect) == {"app": "1.1", "lib": "2.0", "pure": "1.0"}
    fresh = make_lock(services, requested, targets("linux-64"))
    assert versions(fresh) == {"app": "2.0", "lib": "2.0", "pure": "2.0"}
    with pytest.raises(SpecError, match="unknown"):
        make_lock(services, requested, targets("linux-64"), before=before, update=["unknown"])


def test_a_dropped_dependency_leaves_the_lock(tmp_path: Path, services: Services) -> None:
    before = make_lock(
        services, inputs(tmp_path, "dependencies: [app, pure]\n"), targets("linux-64")
    )
    after = make_lock(services, inputs(tmp_path, "dependencies: [pure]\n"), targets("linux-64"),
                      before=before)  # fmt: skip
    assert versions(after) == {"pure": "1.0"}


def test_stale_locks_are_noticed(tmp_path: Path, services: Services) -> None:
    requested = inputs(tmp_path, "dependencies: [app]\n")
    lock = make_lock(services, requested, targets("linux-64", "win-64"))
    assert stale_platforms(services, requested, lock) == ()
    requested = inputs(tmp_path, "# a comment\nname: other\ndependencies:\n- app\n")
    assert stale_platforms(services, requested, lock) == ()
    requested = inputs(tmp_path, "dependencies: [app, {'sel(win)': tool}]\n")
    assert stale_platforms(services, requested, lock) == ("win-64",)
    requested = inputs(tmp_path, "dependencies: [app>1]\n")
    assert stale_platforms(services, requested, lock) == ("linux-64", "win-64")


def test_requirement_files_count(tmp_path: Path, services: Services) -> None:
    (tmp_path / "requirements.txt").write_text("leaf>=1\n")
    requested = inputs(tmp_path, "dependencies: [app, {pip: [-r requirements.txt]}]\n")
    target = LockTarget(platform="linux-64")
    before = read_inputs(services, requested, target).content_hash
    (tmp_path / "requirements.txt").write_text("# a comment\nleaf >= 1\n")
    assert read_inputs(services, requested, target).content_hash == before
    (tmp_path / "requirements.txt").write_text("leaf>=2\n")
    assert read_inputs(services, requested, target).content_hash != before


def test_groups_become_categories(tmp_path: Path, services: Services) -> None:
    text = "dependencies: [app]\ngroups:\n  test: [test-runner, tool]\n  all: [tool]\n"
    lock = make_lock(services, inputs(tmp_path, text), targets("linux-64"))
    assert {p.name for p in lock.for_platform("linux-64")} == {"app", "lib"}
    assert {p.name for p in lock.for_platform("linux-64", ["all"])} == {"app", "lib", "tool"}
    names = {p.name for p in lock.for_platform("linux-64", ["test"])}
    assert names == {"app", "lib", "tool", "test-runner"}


def test_packages_without_a_fixed_file_are_refused(tmp_path: Path, services: Services) -> None:
    (tmp_path / "pkg").mkdir()
    requested = inputs(tmp_path, "dependencies: [app, {pip: [./pkg]}]\n")
    with pytest.raises(SpecError, match="no fixed file"):
        make_lock(services, requested, targets("linux-64"))


def write(path: Path, lock: Lockfile) -> Path:
    write_lock_file(path, lock)
    return path


def test_merge_without_conflict_needs_no_solving(tmp_path: Path, services: Services) -> None:
    base = make_lock(services, inputs(tmp_path, "dependencies: [app]\n"), targets("linux-64"))
    requested = inputs(tmp_path, "dependencies: [app, pure]\n")
    pure = make_lock(services, requested, targets("linux-64"))
    ours = replace(pure, content_hash=base.content_hash)
    paths = [write(tmp_path / name, lock) for name, lock in
             (("base.yml", base), ("ours.yml", ours), ("theirs.yml", base))]  # fmt: skip
    (tmp_path / "environment.yml").unlink()
    outcome = merge_lock_files(services, *paths, target=tmp_path / "conda-lock.yml")
    assert outcome.settled
    assert not outcome.solved
    assert versions(parse_conda_lock(paths[1].read_text(), source="x")) == versions(pure)


def locked(name: str, version: str, *depends: str, manager: str = "pip") -> LockedPackage:
    file = f"{name}-{version}-py3-none-any.whl" if manager == "pip" else f"{name}-{version}-0.conda"
    return LockedPackage(
        name=name, version=version, platform="linux-64", depends=depends, sha256="0" * 64,
        url=f"https://h.test/c/noarch/{file}", build="" if manager == "pip" else "0",
        manager=manager,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("packages", "problems"),
    [
        ([locked("furo", "1", "ng >=1.0.0.beta2"), locked("ng", "1.0.0b2")], ()),
        (
            [locked("furo", "1", "ng >=1.0.0.beta2"), locked("ng", "1.0.0a9")],
            ("furo needs ng >=1.0.0.beta2 and not 1.0.0a9 (linux-64)",),
        ),
        ([locked("a", "1", "B_c<2; sys_platform == 'win32'"), locked("b-c", "3")], ()),
        ([locked("a", "1", "torch>=2"), locked("pytorch", "2.1", manager="conda")], ()),
        (
            [locked("a", "1", "torch>=2"), locked("pytorch", "1.9", manager="conda")],
            ("a needs torch>=2 and not 1.9 (linux-64)",),
        ),
        (
            [locked("a", "1", "b >=1.0.post1", manager="conda"),
             locked("b", "1.0", manager="conda")],
            ("a needs b >=1.0.post1 and not 1.0 (linux-64)",),
        ),
        ([locked("a", "1", "b", manager="conda")], ("a needs b (linux-64)",)),
    ],
)  # fmt: skip
def test_each_dependency_is_checked_by_the_rules_of_its_kind(
    packages: list[LockedPackage], problems: tuple[str, ...]
) -> None:
    python = locked("python", "3.11.7", manager="conda")
    lock = Lockfile(packages=(*packages, python), platforms=("linux-64",))
    assert mismatches(lock) == problems


def test_merging_the_same_never_solves(tmp_path: Path, services: Services) -> None:
    odd = Lockfile(packages=(locked("a", "1", "b", manager="conda"),), platforms=("linux-64",))
    paths = [write(tmp_path / f"{name}.yml", odd) for name in ("base", "ours", "theirs")]
    outcome = merge_lock_files(services, *paths, target=tmp_path / "conda-lock.yml")
    assert (outcome.settled, outcome.solved) == (True, False)


def test_merge_solves_again_where_both_sides_changed_the_inputs(
    tmp_path: Path, services: Services
) -> None:
    base = make_lock(services, inputs(tmp_path, "dependencies: [app=1.0]\n"), targets("linux-64"))
    ours = make_lock(
        services, inputs(tmp_path, "dependencies: [app=1.0, pure]\n"), targets("linux-64")
    )
    theirs = make_lock(
        services, inputs(tmp_path, "dependencies: [app=1.0, tool]\n"), targets("linux-64")
    )
    requested = inputs(tmp_path, "dependencies: [app=1.0, pure, tool]\n")
    paths = [write(tmp_path / name, lock) for name, lock in
             (("base.yml", base), ("ours.yml", ours), ("theirs.yml", theirs))]  # fmt: skip
    outcome = merge_lock_files(services, *paths, target=tmp_path / "conda-lock.yml")
    assert outcome.settled
    assert outcome.solved
    merged = parse_conda_lock(paths[1].read_text(), source="x")
    assert set(versions(merged)) == {"app", "lib", "pure", "tool"}
    assert stale_platforms(services, requested, merged) == ()
    assert mismatches(merged) == ()


def test_merge_before_the_environment_file_is_merged(tmp_path: Path, services: Services) -> None:
    base = make_lock(services, inputs(tmp_path, "dependencies: [app]\n"), targets("linux-64"))
    theirs = make_lock(
        services, inputs(tmp_path, "dependencies: [app, tool]\n"), targets("linux-64")
    )
    requested = inputs(tmp_path, "dependencies: [app, pure]\n")
    ours = make_lock(services, requested, targets("linux-64"))
    paths = [write(tmp_path / name, lock) for name, lock in
             (("base.yml", base), ("ours.yml", ours), ("theirs.yml", theirs))]  # fmt: skip
    outcome = merge_lock_files(services, *paths, target=tmp_path / "conda-lock.yml")
    assert outcome.settled
    assert not outcome.solved
    merged = parse_conda_lock(paths[1].read_text(), source="x")
    assert set(versions(merged)) == {"app", "lib", "pure", "tool"}
    assert stale_platforms(services, requested, merged) == ("linux-64",)


def test_merge_that_cannot_be_settled_changes_nothing(
    tmp_path: Path, services: Services, channel: ChannelBuilder
) -> None:
    channel.add("lib-2.0-0")
    channel.add("new-1.0-0", depends=["lib >=2"])
    channel.add("old-1.0-0", depends=["lib <1.1"])
    channel.write()
    locks = [
        make_lock(services, inputs(tmp_path, f"dependencies: [{names}]\n"), targets("linux-64"))
        for names in ("lib=1.1", "new", "old")
    ]
    paths = [
        write(tmp_path / f"{name}.yml", lock)
        for name, lock in zip(("base", "ours", "theirs"), locks, strict=True)
    ]
    inputs(tmp_path, "dependencies:\n<<<<<<< HEAD\n- new\n=======\n- old\n>>>>>>>\n")
    before = paths[1].read_bytes()
    outcome = merge_lock_files(services, *paths, target=tmp_path / "conda-lock.yml")
    assert not outcome.settled
    assert "old needs lib <1.1 and not 2.0" in (outcome.reason or "")
    assert paths[1].read_bytes() == before


def test_a_lock_of_another_tool_is_up_to_date_while_it_satisfies_the_file(
    services: Services, tmp_path: Path, channel: ChannelBuilder
) -> None:
    text = f"channels: [{channel.url}]\nplatforms: [linux-64]\ndependencies:\n- app=1.0\n"
    given = inputs(tmp_path, text)
    ours = make_lock(services, given, [LockTarget(platform="linux-64")])
    foreign = replace(ours, content_hash={"linux-64": "f" * 64}, metadata={})
    assert stale_platforms(services, given, ours) == ()
    assert stale_platforms(services, given, replace(foreign, metadata=ours.metadata)) == (
        "linux-64",
    )
    for dependency, stale in (
        ("app=1.0", False),
        ("app >=1\n- lib", False),
        ("app=1.1", True),
        ("app\n- tool", True),
        ("app\n- pip: [requests]", True),
        ("app\n- pip: [lib>=1]", False),  # conda's package has the project
        ("lib", True),  # app is no longer requested
    ):
        changed = inputs(tmp_path, text.replace("app=1.0", dependency))
        assert bool(stale_platforms(services, changed, foreign)) == stale, dependency
    moved = inputs(tmp_path, text.replace(channel.url, "conda-forge"))
    assert stale_platforms(services, moved, foreign) == ("linux-64",)
