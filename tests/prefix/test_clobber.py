"""Files that several packages, or a package and the user, claim."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import (
    Extracted,
    apply,
    executor,
    extract,
    python_package,
    snapshot,
)

from minicon.api.inspect.status import environment_status
from minicon.errors import Clobbered
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.repair import verify_prefix


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def message(self, package: str, text: str) -> None:
        self.notes.append(f"{package}: {text}")


@pytest.fixture
def claimants(tmp_path: Path) -> dict[str, Extracted]:
    return {
        name: extract(
            PackageBuilder(name).file("share/f", name).file(f"share/{name}", name), tmp_path / "p"
        )
        for name in "abc"
    }


def content(env: Path) -> str:
    path = env / "share/f"
    return path.read_text() if path.exists() else ""


def test_the_winner_depends_on_the_set_and_not_on_the_way(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    """Every way through up to three sets of packages ends where a fresh environment does."""
    sets = ["", "a", "ab", "bc"]
    for number, path in enumerate(itertools.product(sets, repeat=2)):
        env = tmp_path / "envs" / f"e{number}"
        for names in (*path, "abc", "ac"):
            apply(env, *(claimants[n] for n in names))
            assert content(env) == names[-1:], (path, names)
        apply(env)
        assert snapshot(env, metadata=False) == {}
        assert not (env / "conda-meta/shadowed").exists()


def test_a_file_and_a_directory_exclude_each_other(tmp_path: Path) -> None:
    """The later package wins, and both files are kept, whatever was installed before."""
    paths = {"a": "share/f", "b": "share/f/b", "c": "share/f/b/c", "d": "share/f/d"}
    each = {
        name: extract(PackageBuilder(name).file(path, name).file(f"own/{name}"), tmp_path / "p")
        for name, path in paths.items()
    }
    used = {"": "", "ab": "b", "ba": "a", "abcd": "cd", "bdac": "cd"}
    for number, before in enumerate(used):
        for after, expected in used.items():
            env = tmp_path / "envs" / f"e{number}{after}"
            for names in (before, after):
                apply(env, *(each[name] for name in names))
            files = {p for p, kind in snapshot(env, metadata=False).items() if kind[0] == "-"}
            wanted = {f"own/{name}" for name in after} | {paths[name] for name in expected}
            assert files == wanted, (before, after)
            assert verify_prefix(Prefix(env)) == ()
            assert environment_status(env).missing == ()
            apply(env)
            assert snapshot(env, metadata=False) == {}


@pytest.mark.parametrize("names", ["ab", "ba", "a,ab", "b,ab", "ac", "ca", "a,ac", "c,ac", "abc"])
def test_an_empty_directory_yields_to_files(tmp_path: Path, names: str) -> None:
    """Of a is a directory what is a file of b, and c has a file above it."""
    a = PackageBuilder("a").file("own/a").empty_folder("share/f/g").empty_folder("share/f")
    builders = {"a": a}
    builders |= {n: PackageBuilder(n).file(p, n) for n, p in (("b", "share/f"), ("c", "share"))}
    each = {name: extract(builder, tmp_path / "p") for name, builder in builders.items()}
    env = tmp_path / "env"
    for linked in names.split(","):
        apply(env, *(each[name] for name in linked))
    assert (env / ("share" if "c" in names else "share/f")).is_file()
    assert (env / "own/a").is_file()
    assert verify_prefix(Prefix(env)) == ()
    apply(env, each["a"], executor=executor(options={"path_conflict": "prevent"}))
    apply(env)
    assert snapshot(env, metadata=False) == {}


def test_the_users_file_stays_where_a_package_has_an_empty_directory(tmp_path: Path) -> None:
    env = tmp_path / "env"
    apply(env, extract(PackageBuilder("b").file("own/b"), tmp_path / "p"))
    (env / "share").write_text("mine")
    apply(env, extract(PackageBuilder("a").empty_folder("share/f"), tmp_path / "p"))
    assert (env / "share").read_text() == "mine"


def test_both_packages_and_paths_are_named(tmp_path: Path) -> None:
    a = extract(PackageBuilder("a").file("share/f", "a"), tmp_path / "p")
    b = extract(PackageBuilder("b").file("share/f/x", "b").file("share/f/y"), tmp_path / "p")
    runner = executor(options={"path_conflict": "prevent"})
    for first, second in ((a, b), (b, a)):
        with pytest.raises(Clobbered) as caught:
            apply(tmp_path / "envs" / "data", first, second, executor=runner)
        assert {"share/f of a", "share/f/x of b"} == set(
            caught.value.message.removesuffix(" (1 more path like it)")
            .removesuffix(" exclude each other")
            .split(" and ")
        )


def test_a_file_cannot_replace_the_users_directory(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    b = extract(PackageBuilder("b").file("share/f/x", "b"), tmp_path / "p")
    a = extract(PackageBuilder("a").file("share/f", "a"), tmp_path / "p")
    apply(env, b)
    (env / "share/f/mine").write_text("mine")
    for packages in ((a,), (b, a)):
        with pytest.raises(Clobbered, match="share/f must be a file of a package, but"):
            apply(env, *packages)
    apply(env, a, b)
    assert (env / "share/f/x").read_text() == "b"
    assert (env / "share/f/mine").read_text() == "mine"


def test_a_new_version_of_the_loser_waits_too(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    newer = extract(PackageBuilder("a").version("2").file("share/f", "a2"), tmp_path / "p")
    apply(env, claimants["a"], claimants["b"])
    apply(env, newer, claimants["b"])
    assert content(env) == "b"
    apply(env, newer)
    assert content(env) == "a2"


def test_a_winner_that_gives_the_path_up_returns_it(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    newer = extract(PackageBuilder("b").version("2").file("other", "x"), tmp_path / "p")
    apply(env, claimants["a"], claimants["b"])
    apply(env, claimants["a"], newer)
    assert content(env) == "a"


@pytest.mark.parametrize("setting", ["clobber", "warn", "prevent"])
def test_conflicts_are_reported(
    setting: str, tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    reporter = Notes()
    runner = executor(options={"path_conflict": setting})
    if setting == "prevent":
        with pytest.raises(Clobbered, match="share/f belongs to b and to a"):
            apply(env, claimants["a"], claimants["b"], executor=runner, reporter=reporter)
        assert not env.exists()
        return
    apply(env, claimants["a"], claimants["b"], executor=runner, reporter=reporter)
    reported = reporter.warnings if setting == "warn" else reporter.notes
    assert reported == ["share/f belongs to b and to a; the file of b is used"]


def test_equal_files_are_no_conflict(tmp_path: Path) -> None:
    one, two = (
        extract(PackageBuilder(name).file("share/LICENSE", "same"), tmp_path) for name in "ab"
    )
    env = tmp_path / "envs" / "data"
    apply(env, one, two, executor=executor(options={"path_conflict": "prevent"}))
    apply(env, one)
    assert (env / "share/LICENSE").read_text() == "same"


def test_equal_files_of_packages_that_conda_linked_are_no_conflict(tmp_path: Path) -> None:
    """Conda records the paths that files of ``noarch: python`` have in their package."""
    own, other = (
        extract(PackageBuilder(name).noarch("python").file("site-packages/same.py", "x = 1\n"),
                tmp_path) for name in "ab"
    )  # fmt: skip
    env, python = tmp_path / "envs" / "data", extract(python_package(), tmp_path)
    apply(env, python, own)
    record = next((env / "conda-meta").glob("a-1.0-*.json"))
    recorded = re.sub(
        r'"_path": ?"[^"]*(site-packages/same.py)"', r'"_path": "\1"', record.read_text()
    )
    assert '"_path": "site-packages/same.py"' in recorded
    record.write_text(recorded)
    apply(env, python, own, other, executor=executor(options={"path_conflict": "prevent"}))


def test_the_file_that_another_one_hides_is_verified(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, claimants["a"], claimants["b"])
    assert verify_prefix(Prefix(env)) == ()
    for actual, package in (
        (env / "conda-meta/shadowed/a-1.0-0/share/f", "a"),
        (env / "share/f", "b"),
    ):
        text = actual.read_text()
        actual.unlink()
        actual.write_text("?")
        assert [each.package for each in verify_prefix(Prefix(env))] == [package]
        actual.write_text(text)


def test_the_users_file_makes_room_and_is_kept(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    apply(env)
    (env / "share").mkdir()
    (env / "share/a").write_text("mine")
    strict = executor(options={"path_conflict": "prevent"})
    with pytest.raises(Clobbered, match="your own file"):
        apply(env, claimants["a"], executor=strict)
    assert (env / "share/a").read_text() == "mine"
    reporter = Notes()
    apply(env, claimants["a"], reporter=reporter)
    assert (env / "share/a").read_text() == "a"
    assert (env / "share/a.minicon-saved").read_text() == "mine"
    assert any("share/a" in warning for warning in reporter.warnings)


def test_changed_files_of_packages_are_kept(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    one, two = (
        extract(PackageBuilder("app").version(v).file("etc/app.cfg", f"default {v}"), tmp_path)
        for v in "12"
    )
    apply(env, one)
    (env / "etc/app.cfg").unlink()  # a hard link: an editor that saves safely makes a new file
    (env / "etc/app.cfg").write_text("my settings")
    reporter = Notes()
    apply(env, two, reporter=reporter)
    assert (env / "etc/app.cfg").read_text() == "default 2"
    assert (env / "etc/app.cfg.minicon-saved").read_text() == "my settings"
    assert len(reporter.warnings) == 1
    apply(env, one)
    assert (env / "etc/app.cfg").read_text() == "default 1"
    assert (env / "etc/app.cfg.minicon-saved").read_text() == "my settings"


def test_files_of_packages_that_stay_keep_the_users_changes(
    tmp_path: Path, claimants: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, claimants["a"])
    (env / "share/a").unlink()
    (env / "share/a").write_text("mine")
    apply(env, claimants["a"], claimants["c"])
    assert (env / "share/a").read_text() == "mine"


def test_a_folder_cannot_replace_the_users_file(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, extract(PackageBuilder("a").file("x", "a"), tmp_path))
    (env / "data").write_text("mine")
    deep = extract(PackageBuilder("deep").file("data/file", "b"), tmp_path)
    with pytest.raises(Clobbered, match="data must be a directory, but it is a file"):
        apply(env, extract(PackageBuilder("a").file("x", "a"), tmp_path / "2"), deep)
    assert (env / "data").read_text() == "mine"


def test_links_to_folders(tmp_path: Path) -> None:
    """Some packages ship ``lib64 -> lib``, others files in ``lib64``; order must not matter."""
    linker = extract(
        PackageBuilder("linker").file("lib/one", "1").link("lib64", "lib"), tmp_path / "p"
    )
    user = extract(PackageBuilder("user").file("lib64/two", "2"), tmp_path / "p")
    for order in ((linker, user), (user, linker)):
        env = tmp_path / "envs" / order[0].record.name
        apply(env, *order)
        assert (env / "lib64").is_symlink()
        assert (env / "lib/two").read_text() == "2"
    late = tmp_path / "envs" / "late"
    apply(late, linker)
    apply(late, linker, user)
    assert (late / "lib64/two").read_text() == "2"
    apply(late, linker)
    assert not (late / "lib/two").exists()


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    env = tmp_path / "envs" / "data"
    first = extract(PackageBuilder("first").file("x", "1"), tmp_path / "p")
    apply(env, first)
    (env / "share").symlink_to(outside)
    package = extract(PackageBuilder("bad").file("share/f", "1"), tmp_path / "p")
    with pytest.raises(Clobbered, match="a link out of the environment"):
        apply(env, first, package)
    (env / "share").unlink()
    (env / "share").symlink_to("../../outside")
    with pytest.raises(Clobbered, match="a link out of the environment"):
        apply(env, first, package)
    assert list(outside.iterdir()) == []


NAMESPACE = "__import__('pkg_resources').declare_namespace(__name__)\n"


@pytest.mark.parametrize("later", ["conda", "pypi"])
@pytest.mark.parametrize("setting", ["clobber", "warn"])
def test_a_conda_package_and_a_wheel_have_no_file_in_common(
    tmp_path: Path, later: str, setting: str
) -> None:
    """Whatever the setting: it is about packages of one source."""

    def package(name: str, source: str) -> Extracted:
        builder = PackageBuilder(name).noarch("python").depends("python")
        builder = builder.file("site-packages/shared.py", f"x = {name!r}\n")
        builder = builder.file("site-packages/same.py", "same\n")
        return extract(builder, tmp_path / "p", source=source)

    python = extract(python_package(), tmp_path / "p")
    wheel, conda = package("wheel", "pypi"), package("conda", "conda")
    first, second = (wheel, conda) if later == "conda" else (conda, wheel)
    env = tmp_path / "envs" / "data"
    runner = executor(options={"path_conflict": setting})
    apply(env, python, first, executor=runner)
    before = snapshot(env)
    with pytest.raises(Clobbered, match=r"shared\.py belongs to .*from PyPI") as caught:
        apply(env, python, first, second, executor=runner)
    assert "from a conda channel" in caught.value.message
    assert "more paths" not in caught.value.message, "equal files are no conflict"
    assert snapshot(env) == before
    with pytest.raises(Clobbered):
        apply(tmp_path / "envs" / "new", python, second, first, executor=runner)


def test_sources_share_namespace_packages(tmp_path: Path) -> None:
    def package(name: str, source: str, text: str) -> Extracted:
        builder = PackageBuilder(name).noarch("python").depends("python")
        builder = builder.file("site-packages/space/__init__.py", text)
        return extract(builder.file(f"site-packages/space/{name}.py"), tmp_path / "p", source)

    python = extract(python_package(), tmp_path / "p")
    wheel = package("wheel", "pypi", NAMESPACE)
    conda = package("conda", "conda", f"# a namespace\n{NAMESPACE}")
    apply(tmp_path / "envs" / "a", python, wheel)
    apply(tmp_path / "envs" / "a", python, wheel, conda)
    apply(tmp_path / "envs" / "b", python, wheel, conda)
    other = package("other", "conda", "version = 1\n")
    with pytest.raises(Clobbered):
        apply(tmp_path / "envs" / "b", python, wheel, conda, other)
