"""Preferences: channels, versions, builds, installed packages."""

from __future__ import annotations

import pytest
from tests.support.solver_cases import SolverCase, builds, versions

from minicon.errors import PackageNotFound, SolveError, SpecError, Unsatisfiable
from minicon.models.prefix_record import PrefixRecord
from minicon.solver.request import ChannelPriority, Strategy, UpdatePolicy


def test_highest_version_then_build_number_then_timestamp() -> None:
    case = SolverCase()
    case.package("a", "1.9")
    case.package("a", "1.10", "b0", build_number=0, timestamp=9_000_000_000_000)
    case.package("a", "1.10", "b1", build_number=1, timestamp=1_000_000_000_000)
    case.package("a", "1.10", "b1x", build_number=1, timestamp=2_000_000_000_000)
    assert builds(case.solve("a")) == {"a": "1.10 b1x"}


def test_fewest_track_features_beat_the_version() -> None:
    case = SolverCase()
    case.package("a", "2.0", track_features="debug other")
    case.package("a", "1.5", "t", track_features=["debug"])
    case.package("a", "1.0")
    assert versions(case.solve("a")) == {"a": "1.0"}
    assert versions(case.solve("a >1.0")) == {"a": "1.5"}


def test_conda_format_is_preferred_to_the_same_tarball() -> None:
    case = SolverCase()
    case.package("a", "1.0", extension=".tar.bz2", timestamp=2_000_000_000_000)
    case.package("a", "1.0", extension=".conda", timestamp=1_000_000_000_000)
    assert [record.fn for record in case.solve("a").records] == ["a-1.0-0.conda"]


def test_timestamps_in_seconds() -> None:
    case = SolverCase()
    case.package("a", "1.0", "old", timestamp=1_400_000_000_000)
    case.package("a", "1.0", "new", timestamp=1_500_000_000)
    assert builds(case.solve("a")) == {"a": "1.0 new"}


def test_ties_between_builds_are_broken_by_versions_of_shared_dependencies() -> None:
    case = SolverCase()
    for version in ("1", "2", "3"):
        case.package("lib", version)
    case.package("a", "1.0", "x", depends=["lib 1.*"], timestamp=3)
    case.package("a", "1.0", "y", depends=["lib 2.*"], timestamp=1)
    case.package("a", "1.0", "z", depends=["lib 2.*"], timestamp=2)
    assert builds(case.solve("a")) == {"a": "1.0 z", "lib": "2 0"}


def test_noarch_and_platform_builds_are_compared() -> None:
    case = SolverCase()
    case.package("a", "1.0", subdir="linux-64")
    case.package("a", "2.0", subdir="noarch")
    case.package("b", "1.0", subdir="noarch")
    case.package("b", "2.0", subdir="linux-64")
    assert versions(case.solve("a", "b")) == {"a": "2.0", "b": "2.0"}


@pytest.mark.parametrize("builds_of", [("x", "a"), ("a", "x")])
def test_a_platform_build_is_preferred_to_an_equal_noarch_build(builds_of) -> None:
    case = SolverCase()
    for subdir, build in zip(("noarch", "linux-64"), builds_of, strict=True):
        case.package("a", "1.0", build, subdir=subdir, timestamp=5)
    assert [record.subdir for record in case.solve("a").records] == ["linux-64"]
    case.package("a", "1.0", "z", subdir="noarch", timestamp=6)
    assert [record.build for record in case.solve("a").records] == ["z"]


class TestChannels:
    @staticmethod
    def case() -> SolverCase:
        case = SolverCase("first", "second")
        case.package("a", "1.0", channel="first")
        case.package("a", "2.0", channel="second")
        case.package("b", "1.0", channel="second", depends=["a >=2"])
        return case

    def test_strict_priority_hides_later_channels(self) -> None:
        assert versions(self.case().solve("a")) == {"a": "1.0"}
        with pytest.raises(Unsatisfiable, match="a"):
            self.case().solve("b")

    def test_flexible_priority_uses_them_where_needed(self) -> None:
        flexible = {"channel_priority": ChannelPriority.FLEXIBLE}
        assert versions(self.case().solve("a", **flexible)) == {"a": "1.0"}
        assert versions(self.case().solve("b", **flexible)) == {"a": "2.0", "b": "1.0"}

    def test_disabled_priority_takes_the_newest(self) -> None:
        case = self.case()
        case.package("a", "2.0", channel="first")
        disabled = {"channel_priority": ChannelPriority.DISABLED}
        solution = case.solve("a", **disabled)
        assert [(r.version, r.channel) for r in solution.records] == [("2.0", "first")]
        case.package("a", "3.0", channel="second")
        assert versions(case.solve("a", **disabled)) == {"a": "3.0"}

    def test_a_spec_may_name_its_channel(self) -> None:
        assert versions(self.case().solve("second::a")) == {"a": "2.0"}
        assert versions(self.case().solve("second::a", "b")) == {"a": "2.0", "b": "1.0"}
        with pytest.raises(PackageNotFound) as caught:
            self.case().solve("third::a")
        assert caught.value.hint == "add the channel: -c third"
        with pytest.raises(PackageNotFound) as caught:
            self.case().solve("first::b")
        assert caught.value.hint == "second has it: write second::b"

    def test_a_spec_may_name_its_subdir(self) -> None:
        case = self.case()
        case.package("c", "1.0", subdir="linux-64", channel="first")
        case.package("c", "2.0", subdir="noarch", channel="first")
        assert versions(case.solve("first/linux-64::c")) == {"c": "1.0"}


def test_specs_may_name_files_and_hashes() -> None:
    case = SolverCase()
    case.package("a", "1.0", md5="0" * 32, license="MIT")
    case.package("a", "2.0", md5="1" * 32, license="GPL-3.0-only")
    assert versions(case.solve(f"a[md5={'0' * 32}]")) == {"a": "1.0"}
    assert versions(case.solve("a[fn=a-1.0-0.conda]")) == {"a": "1.0"}
    assert versions(case.solve("a[license=MIT]")) == {"a": "1.0"}
    assert versions(case.solve("a[build_number='>=0']")) == {"a": "2.0"}


def test_globs_and_regular_expressions_in_versions_and_builds() -> None:
    case = SolverCase()
    case.package("a", "1.0rc1", "py311_0")
    case.package("a", "1.0", "py312_0")
    case.package("a", "2.5", "cuda_0")
    assert versions(case.solve("a=*=py3*")) == {"a": "1.0"}
    assert versions(case.solve("a[version='*rc*']")) == {"a": "1.0rc1"}
    assert versions(case.solve("a[version='^1[.]0$']")) == {"a": "1.0"}
    assert versions(case.solve("a[build='^py311_.*$']")) == {"a": "1.0rc1"}
    assert versions(case.solve("a ~=2.0")) == {"a": "2.5"}
    assert versions(case.solve("a !=2.5")) == {"a": "1.0"}
    assert versions(case.solve("a <2.5|>3")) == {"a": "1.0"}


def test_pins_apply_only_if_the_package_is_installed() -> None:
    case = SolverCase()
    case.package("a", "1.0", depends=["b"])
    for version in ("1.0", "2.0"):
        case.package("b", version)
    case.package("c", "1.0")
    assert versions(case.solve("a", pins=["b 1.*"])) == {"a": "1.0", "b": "1.0"}
    assert versions(case.solve("c", pins=["b 1.*"])) == {"c": "1.0"}
    assert versions(case.solve("a", constraints=["b 1.*"])) == {"a": "1.0", "b": "1.0"}
    with pytest.raises(Unsatisfiable, match="pin"):
        case.solve("b >=2", pins=["b 1.*"])


def test_virtual_packages_are_fixed() -> None:
    case = SolverCase()
    case.package("a", "2.0", depends=["__glibc >=2.30"])
    case.package("a", "1.0", depends=["__glibc >=2.17"])
    case.package("b", "1.0", constrains=["__cuda >=12"])
    case.virtual("__glibc=2.28")
    assert versions(case.solve("a", "b")) == {"a": "1.0", "b": "1.0"}
    case.virtual("__cuda=11.8")
    with pytest.raises(Unsatisfiable, match="__cuda"):
        case.solve("b")
    with pytest.raises(PackageNotFound, match="__osx"):
        case.solve("__osx", "a")


def test_exclude_newer_all_and_per_package() -> None:
    case = SolverCase()
    for year, version in ((2020, "1.0"), (2024, "2.0")):
        stamp = (year - 1970) * 365 * 86_400_000
        case.package("a", version, timestamp=stamp)
        case.package("b", version, timestamp=stamp // 1000)
    limit = (2022 - 1970) * 365 * 86_400_000
    assert versions(case.solve("a", "b", exclude_newer=limit)) == {"a": "1.0", "b": "1.0"}
    found = case.solve("a", "b", exclude_newer_package={"b": limit})
    assert versions(found) == {"a": "2.0", "b": "1.0"}
    assert not found.notes


def test_packages_without_timestamp_are_admitted_and_named() -> None:
    case = SolverCase()
    old = case.package("old", "1.0")
    case.package("a", "1.0", depends=["old", "dated"])
    case.package("dated", "1.0", timestamp=10**12)
    (note,) = case.solve("a", exclude_newer=2 * 10**12).notes
    assert note.endswith("lists no timestamp: a, old")
    (note,) = case.solve("a", exclude_newer=2 * 10**12, installed=case.installed(old)).notes
    assert note.endswith("lists no timestamp: a")
    assert not case.solve("a").notes


def test_lowest_versions_of_requested_packages() -> None:
    case = SolverCase()
    for version in ("1.0", "2.0", "3.0"):
        case.package("a", version, "x", build_number=0, depends=["b"])
        case.package("a", version, "y", build_number=1, depends=["b"])
        case.package("b", version)
    assert builds(case.solve("a>1.0", strategy=Strategy.LOWEST)) == {"a": "2.0 y", "b": "3.0 0"}


def test_the_user_s_order_decides_which_package_is_newest() -> None:
    case = SolverCase()
    for version in ("1.0", "2.0"):
        case.package("shared", version)
    case.package("a", "2.0", depends=["shared 1.*"])
    case.package("a", "1.0", depends=["shared"])
    case.package("b", "2.0", depends=["shared 2.*"])
    case.package("b", "1.0", depends=["shared"])
    assert versions(case.solve("a", "b")) == {"a": "2.0", "b": "1.0", "shared": "1.0"}
    assert versions(case.solve("b", "a")) == {"b": "2.0", "a": "1.0", "shared": "2.0"}


def test_another_order_is_chosen_if_it_costs_less() -> None:
    case = SolverCase()
    case.package("a", "2.0", depends=["b <3"])
    case.package("a", "1.0")
    for version in ("1.0", "2.0", "3.0", "4.0", "5.0"):
        case.package("b", version, depends=["hidden"])
    case.package("hidden", "1.0", constrains=["c <2"])
    case.package("c", "1.0")
    solution = case.solve("a", "b")
    assert versions(solution)["a"] in ("1.0", "2.0")


def test_python_depends_on_pip_if_a_channel_has_it() -> None:
    case = SolverCase()
    case.package("python", "3.12")
    assert versions(case.solve("python", add_pip=True)) == {"python": "3.12"}
    case.package("pip", "24", depends=["python"])
    solution = case.solve("python", add_pip=True)
    assert [record.name for record in solution.records] == ["python", "pip"]
    assert versions(case.solve("python")) == {"python": "3.12"}


def test_link_order_python_first_then_by_name() -> None:
    case = SolverCase()
    case.package("python", "3.12", depends=["zlib", "openssl"])
    case.package("zlib", "1")
    case.package("openssl", "3", depends=["ca"])
    case.package("ca", "1")
    case.package("abc", "1", depends=["python"])
    case.package("loop", "1", depends=["pool"])
    case.package("pool", "1", depends=["loop"])
    order = [record.name for record in case.solve("abc", "loop").records]
    assert order == ["ca", "openssl", "zlib", "python", "abc", "pool", "loop"]


def test_reasons_and_requests() -> None:
    case = SolverCase()
    case.package("a", "1.0", depends=["b >=1"])
    case.package("b", "1.0")
    solution = case.solve("a=1", "b")
    assert solution.requested == {"a": ("a 1.*",), "b": ("b",)}
    assert [(reason.parent, reason.spec) for reason in solution.reasons["b"]] == [
        (None, "b"),
        ("a", "b >=1"),
    ]


def test_packages_that_are_not_the_newest_are_explained() -> None:
    case = SolverCase()
    for version in ("1.0", "2.0"):
        case.package("lib", version)
    case.package("old", "1.0", depends=["lib <2"])
    case.package("new", "2.0", depends=["lib >=2"])
    case.package("new", "1.0", depends=["lib"])
    solution = case.solve("old", "new", "lib")
    assert versions(solution) == {"old": "1.0", "new": "1.0", "lib": "1.0"}
    assert set(solution.hold_backs) == {"new", "lib"}
    assert "old needs lib <2" in solution.hold_backs["new"]
    assert "new 2.0 needs lib >=2" in solution.hold_backs["new"]


def test_conditional_dependencies_and_extras() -> None:
    case = SolverCase()
    case.virtual("__unix")
    for version in ("3.9", "3.12"):
        case.package("python", version)
    case.package("backport", "1.0")
    case.package("winlib", "1.0")
    case.package("frame", "1.0")
    case.package(
        "a",
        "1.0",
        depends=[
            "python",
            'backport[when="python <3.10"]',
            'winlib[when="__win or (__unix and __osx)"]',
        ],
        extra_depends={"df": ["frame"]},
    )
    assert versions(case.solve("a")) == {"a": "1.0", "python": "3.12"}
    assert versions(case.solve("a", "python=3.9")) == {
        "a": "1.0", "python": "3.9", "backport": "1.0",
    }  # fmt: skip
    assert versions(case.solve("a[extras=[df]]"))["frame"] == "1.0"
    assert "frame" not in versions(case.solve("a[extras=[nothing]]"))


def test_conditions_are_evaluated_on_removal() -> None:
    case = SolverCase()
    case.virtual("__unix")
    python = case.package("python", "3.9")
    case.package("python", "3.12")
    backport = case.package("backport", "1.0")
    other = case.package("other", "1.0")
    frame = case.package("frame", "1.0")
    app = case.package(
        "app", "1.0", extra_depends={"df": ["frame", "app[extras=[more]]"], "more": ["other"]},
        depends=["python", "backport; if python <3.10 and (__unix or __win)"],
    )  # fmt: skip
    installed = case.installed(python, backport, other, frame, app)
    requested = ["app[extras=[df]]", "python"]
    removed = case.solve(removals=["backport"], installed=installed, history=requested)
    assert versions(removed) == {"python": "3.9"}
    pruned = case.solve(removals=["app"], installed=installed, history=requested)
    assert versions(pruned) == {"python": "3.9"}
    # Removed packages are no longer in the history: their records have the requested specs.
    with_records = (
        *(each for each in installed if each.name != "app"),
        PrefixRecord(app, files=(), paths=(), requested_specs=("app[extras=[df]]",)),
    )
    assert set(
        versions(case.solve(removals=["app"], installed=with_records, history=["python"]))
    ) == {"python"}
    kept = case.solve(removals=["frame"], installed=installed, history=["app", "python"])
    assert set(versions(kept)) == {"python", "backport", "app", "other"}
    updated = case.solve("python=3.12", installed=installed, history=requested)
    assert [reason.parent for reason in updated.reasons["frame"]] == ["app"]
    assert updated.reasons.get("backport", ()) == ()


def test_requests_with_conditions() -> None:
    case = SolverCase()
    case.virtual("__unix")
    for version in ("3.9", "3.12"):
        case.package("python", version)
    case.package("numpy", "1.0")
    case.package("numpy", "2.0", depends=["python >=3.10"])
    new = 'numpy>=2[when="python>=3.10"]'
    assert versions(case.solve("python", new)) == {"python": "3.12", "numpy": "2.0"}
    assert versions(case.solve("python=3.9", new)) == {"python": "3.9"}
    assert versions(case.solve("python", 'nowhere[when="__win"]')) == {"python": "3.12"}
    assert versions(case.solve('numpy[when="__unix"]')) == {"numpy": "2.0", "python": "3.12"}
    # Installed packages are kept, whether the condition is true or not.
    old = case.installed(*case.solve("python=3.9", "numpy").records)
    assert versions(case.solve(new, installed=old)) == {"python": "3.9", "numpy": "1.0"}
    updated = case.solve("python=3.12", installed=old, history=[new])
    assert versions(updated) == {"python": "3.12", "numpy": "2.0"}
    assert updated.requested["numpy"] == ('numpy >=2[when="python>=3.10"]',)


def test_pins_with_conditions() -> None:
    case = SolverCase()
    for version in ("3.9", "3.12"):
        case.package("python", version)
    for version in ("1.0", "2.0"):
        case.package("numpy", version)
    pin = 'numpy <2[when="python>=3.10"]'
    for kind in ("pins", "constraints"):
        assert versions(case.solve("python", "numpy", **{kind: [pin]}))["numpy"] == "1.0"
        assert versions(case.solve("python=3.9", "numpy", **{kind: [pin]}))["numpy"] == "2.0"
        assert versions(case.solve("python", **{kind: [pin]})) == {"python": "3.12"}


def test_a_record_whose_condition_cannot_be_parsed_is_no_candidate() -> None:
    case = SolverCase()
    case.package("a", "1.0")
    case.package("a", "2.0", depends=['b[when="(c"]'])
    assert versions(case.solve("a")) == {"a": "1.0"}


def test_only_what_a_condition_needs_is_loaded() -> None:
    case = SolverCase()
    case.virtual("__unix")
    case.package("a", "1.0", depends=['winlib[when="__win and c"]', 'b[when="c >=2"]', "c"])
    for name in ("winlib", "b", "c"):
        case.package(name, "1.0")
    assert versions(case.solve("a")) == {"a": "1.0", "c": "1.0"}
    assert not {"winlib", "b"} & set(case.indices["main", "noarch"].names_read)


def test_flags_select_builds() -> None:
    case = SolverCase()
    case.package("a", "1.0", "cpu", flags=["gpu:none"], build_number=1)
    case.package("a", "1.0", "cuda", flags=["gpu:cuda", "blas:mkl"])
    assert builds(case.solve("a")) == {"a": "1.0 cpu"}
    assert builds(case.solve("a[flags=[gpu:cuda]]")) == {"a": "1.0 cuda"}
    assert builds(case.solve("a[flags=[blas:*]]")) == {"a": "1.0 cuda"}


def test_records_that_cannot_be_parsed_are_not_chosen() -> None:
    case = SolverCase()
    case.package("a", "1.0")
    case.package("a", "2.0", depends=["b >=>=1"])
    case.package("a", "not~a~version")
    assert versions(case.solve("a")) == {"a": "1.0"}


@pytest.mark.parametrize("text", ["lib >=>=1", "l* >1", "lib >1[when='>>']", "lib[", ""])
@pytest.mark.parametrize("more", [[], ["lib"]])
def test_records_with_an_unreadable_constraint_are_not_chosen(text: str, more: list[str]) -> None:
    case = SolverCase()
    case.package("lib", "1.0")
    case.package("a", "1.0", depends=more)
    case.package("a", "2.0", depends=more, constrains=["lib", text])
    assert versions(case.solve("a"))["a"] == "1.0"


def test_patterns_are_not_names() -> None:
    case = SolverCase()
    case.package("a", "1.0")
    with pytest.raises(SpecError, match="one package"):
        case.solve("a*")


class TestInstalled:
    @staticmethod
    def case() -> SolverCase:
        case = SolverCase()
        for version in ("1.0", "2.0"):
            case.package("lib", version)
            case.package("a", version, depends=[f"lib >={version}"])
            case.package("other", version)
        return case

    def start(self, case: SolverCase, *specs: str):
        return case.installed(*case.solve(*specs).records)

    def test_named_packages_change_and_others_only_if_necessary(self) -> None:
        case = self.case()
        installed = self.start(case, "a=1", "lib=1", "other=1")
        found = case.solve("a", installed=installed)
        assert versions(found) == {"a": "2.0", "lib": "2.0", "other": "1.0"}
        found = case.solve("other", installed=installed)
        assert versions(found) == {"a": "1.0", "lib": "1.0", "other": "2.0"}

    def test_frozen_packages_do_not_change_at_all(self) -> None:
        case = self.case()
        installed = self.start(case, "a=1", "lib=1")
        frozen = {"installed": installed, "update_policy": UpdatePolicy.FREEZE_INSTALLED}
        assert versions(case.solve("other", **frozen)) == {"a": "1.0", "lib": "1.0", "other": "2.0"}
        case.package("needy", "1.0", depends=["lib >=2"])
        with pytest.raises(Unsatisfiable, match=r"lib 1\.0"):
            case.solve("needy", **frozen)

    def test_dependencies_of_named_packages_may_change_too(self) -> None:
        case = self.case()
        case.package("b", "1.0", depends=["lib"])
        installed = self.start(case, "b", "lib=1", "other=1")
        kept = case.solve("b", installed=installed)
        assert versions(kept)["lib"] == "1.0"
        updated = case.solve("b", installed=installed, update_policy=UpdatePolicy.UPDATE_DEPS)
        assert versions(updated) == {"b": "1.0", "lib": "2.0", "other": "1.0"}

    def test_everything_is_updated_on_request(self) -> None:
        case = self.case()
        installed = self.start(case, "a=1", "lib=1", "other=1")
        found = case.solve(
            installed=installed, history=["a"], update_policy=UpdatePolicy.UPDATE_ALL
        )
        assert versions(found) == {"a": "2.0", "lib": "2.0", "other": "2.0"}

    def test_earlier_requests_still_apply(self) -> None:
        case = self.case()
        installed = self.start(case, "a=1", "other=1")
        found = case.solve("other", installed=installed, history=["a <2"])
        assert versions(found)["a"] == "1.0"
        assert found.requested["a"] == ("a <2",)
        found = case.solve("a", installed=installed, history=["a <2"])
        assert versions(found)["a"] == "2.0"

    def test_installed_packages_whose_channel_no_longer_exists_are_kept(self) -> None:
        case = self.case()
        foreign = SolverCase("elsewhere")
        record = foreign.package("gone", "1.0", channel="elsewhere")
        found = case.solve("a", installed=case.installed(record))
        assert versions(found) == {"a": "2.0", "lib": "2.0", "gone": "1.0"}

    def test_unchanged_packages_are_the_installed_records(self) -> None:
        case = self.case()
        installed = self.start(case, "other=1")
        found = case.solve("a", installed=installed)
        assert installed[0].record in found.records
        assert any(record is installed[0].record for record in found.records)

    def test_python_keeps_its_minor_unless_it_is_named(self) -> None:
        case = SolverCase()
        for version in ("3.11.1", "3.11.9", "3.12.1"):
            case.package("python", version)
        case.package("tool", "2.0", depends=["python >=3.12"])
        case.package("tool", "1.0", depends=["python"])
        installed = case.installed(*case.solve("python=3.11.1").records)
        options = {"installed": installed, "history": ["python"]}
        assert versions(case.solve("tool", **options)) == {"python": "3.11.1", "tool": "1.0"}
        everything = {**options, "update_policy": UpdatePolicy.UPDATE_ALL}
        assert versions(case.solve(**everything)) == {"python": "3.11.9"}
        with pytest.raises(Unsatisfiable) as caught:
            case.solve("tool=2", **options)
        assert 'add "python=3.12"' in caught.value.hint
        assert versions(case.solve("tool=2", "python", **options))["python"] == "3.12.1"

    def test_no_deps_and_only_deps(self) -> None:
        case = self.case()
        assert versions(case.solve("a", no_deps=True)) == {"a": "2.0"}
        assert versions(case.solve("a", only_deps=True)) == {"lib": "2.0"}
        case.package("broken", "1.0", depends=["nowhere"])
        installed = self.start(case, "other=1")
        found = case.solve("broken", no_deps=True, installed=installed)
        assert versions(found) == {"broken": "1.0", "other": "1.0"}
        found = case.solve("a", "other", only_deps=True, installed=installed)
        assert versions(found) == {"lib": "2.0", "other": "1.0"}


class TestRemoval:
    @staticmethod
    def case():
        case = SolverCase()
        case.package("base", "1.0")
        case.package("middle", "1.0", depends=["base"])
        case.package("top", "1.0", depends=["middle"])
        case.package("side", "1.0", depends=["base"])
        case.package("alone", "1.0")
        solution = case.solve("top", "side", "alone")
        return case, case.installed(*solution.records)

    def test_dependents_are_removed_too(self) -> None:
        case, installed = self.case()
        found = case.solve(removals=["middle"], installed=installed)
        assert versions(found).keys() == {"base", "side", "alone"}

    def test_packages_that_nothing_needs_are_removed_too(self) -> None:
        case, installed = self.case()
        found = case.solve(removals=["top"], installed=installed, history=["top", "side"])
        assert versions(found).keys() == {"base", "side", "alone"}
        found = case.solve(removals=["top", "side"], installed=installed)
        assert versions(found).keys() == {"alone"}

    def test_requested_packages_are_kept(self) -> None:
        case, installed = self.case()
        found = case.solve(removals=["top"], installed=installed, history=["middle"])
        assert versions(found).keys() == {"base", "middle", "side", "alone"}

    def test_unknown_packages_are_named(self) -> None:
        case, installed = self.case()
        with pytest.raises(PackageNotFound, match="nothing"):
            case.solve(removals=["nothing"], installed=installed)
        with pytest.raises(PackageNotFound):
            case.solve(removals=["top >=2"], installed=installed)

    def test_removing_and_adding_in_one_request(self) -> None:
        case, installed = self.case()
        case.package("new", "1.0", depends=["base"])
        found = case.solve("new", removals=["top"], installed=installed, history=["side"])
        assert versions(found).keys() == {"base", "side", "alone", "new"}
        with pytest.raises(SolveError):
            case.solve("top", removals=["middle"], installed=installed)


def test_age_limits_by_channel_and_package() -> None:
    case = SolverCase("first", "second")
    for name, channel in (("a", "first"), ("b", "second"), ("c", "second")):
        for version, timestamp in (("1.0", 10**12), ("2.0", 2 * 10**12)):
            case.package(name, version, channel=channel, timestamp=timestamp)
    limit = 15 * 10**11
    assert versions(case.solve("a", "b", "c", exclude_newer=limit)) == {
        "a": "1.0", "b": "1.0", "c": "1.0",
    }  # fmt: skip
    options = {"exclude_newer": limit, "exclude_newer_channel": {"second": None}}
    assert versions(case.solve("a", "b", "c", **options)) == {"a": "1.0", "b": "2.0", "c": "2.0"}
    options["exclude_newer_package"] = {"a": None, "b": limit}
    assert versions(case.solve("a", "b", "c", **options)) == {"a": "2.0", "b": "1.0", "c": "2.0"}
    only = {"exclude_newer_channel": {"first": limit}}
    assert versions(case.solve("a", "b", **only)) == {"a": "1.0", "b": "2.0"}


def test_a_removal_can_keep_unneeded_packages() -> None:
    case = SolverCase()
    case.package("lib", "1.0")
    case.package("app", "1.0", depends=["lib"])
    installed = case.installed(*case.solve("app").records)
    assert versions(case.solve(removals=["app"], installed=installed, history=["app"])) == {}
    kept = case.solve(removals=["app"], installed=installed, history=["app"], keep_unneeded=True)
    assert versions(kept) == {"lib": "1.0"}
    both = case.solve(removals=["lib"], installed=installed, history=["app"], keep_unneeded=True)
    assert versions(both) == {}


def test_explanations_of_older_versions_name_packages_and_specs() -> None:
    case = SolverCase()
    for version in ("1.0", "2.0", "3.0"):
        case.package("lib", version)
    case.package("tool", "1.0", depends=["lib <3"])
    installed = case.installed(*case.solve("lib=3").records)
    pinned = case.solve("tool", installed=installed, pins=["lib <2"])
    assert pinned.hold_backs["lib"] == "lib 1.0, not 3.0: lib <2 is pinned"
    alone = case.solve("tool", installed=installed, no_deps=True)
    assert versions(alone)["lib"] == "3.0"
    assert not alone.hold_backs


def test_naming_python_replaces_an_earlier_spec_for_it() -> None:
    case = SolverCase()
    for version in ("3.11.1", "3.12.1"):
        case.package("python", version)
    case.package("new", "1.0", depends=["python >=3.12"])
    installed = case.installed(*case.solve("python=3.11").records)
    with pytest.raises(SolveError) as caught:
        case.solve("new", installed=installed, history=["python=3.11"])
    fixes = [fix.spec for fix in caught.value.explanation.fixes]
    assert "python=3.12" in fixes
    updated = case.solve("new", "python=3.12", installed=installed)
    assert versions(updated) == {"new": "1.0", "python": "3.12.1"}


def test_update_deps_includes_extras_and_conditions() -> None:
    case = SolverCase()
    for version in ("1.0", "2.0"):
        for name in ("lib", "six", "other"):
            case.package(name, version)
    case.package("app", "1.0", depends=['six[when="lib"]'], extra_depends={"x": ["lib"]})
    case.package("app", "2.0", depends=['six[when="lib"]'], extra_depends={"x": ["lib"]})
    old = case.solve("app=1", "lib=1", "six=1", "other=1")
    updated = case.solve(
        "app[extras=[x]]", installed=case.installed(*old.records),
        update_policy=UpdatePolicy.UPDATE_DEPS,
    )  # fmt: skip
    assert versions(updated) == {"app": "2.0", "lib": "2.0", "six": "2.0", "other": "1.0"}
