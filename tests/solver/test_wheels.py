"""Conda packages and wheels in one resolution."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from tests.support.solver_cases import SolverCase, versions
from tests.support.wheel_world import WheelWorld

from minicon.errors import ChannelError, PackageNotFound, SolveError
from minicon.models.indexes.wheel_index import DistributionFile
from minicon.solver.joint.conda_provider import CondaProvider, DecidedResolution
from minicon.solver.joint.projects import Projects
from minicon.solver.request import Strategy, UpdatePolicy
from minicon.solver.solver import CondaSolver


def pythons(case: SolverCase, *minors: str) -> None:
    for minor in minors:
        case.package("python", f"{minor}.1", f"h_0_cp{minor.replace('.', '')}", depends=[])


def world() -> tuple[SolverCase, WheelWorld]:
    case = SolverCase()
    pythons(case, "3.9", "3.10", "3.11", "3.12")
    for version in ("1.26.4", "2.0.0", "2.1.0"):
        for minor in ("3.11", "3.12"):
            case.package(
                "numpy", version, f"py{minor.replace('.', '')}_0", subdir="linux-64",
                depends=[f"python {minor}.*"],
            )  # fmt: skip
    return case, WheelWorld()


def named(*texts: str) -> tuple[Requirement, ...]:
    return tuple(Requirement(text) for text in texts)


def built(solution) -> list[str]:
    return [each.text for each in solution.pip_requirements]


def sources(solution) -> dict[str, str]:
    return {record.name: record.source for record in solution.records}


class Unreachable:
    """An index that lists names, but does not respond."""

    def __init__(self, wheels: WheelWorld) -> None:
        self.pypi_name = wheels.pypi_name
        self.conda_names = wheels.conda_names

    def releases(self, name: str):
        raise ChannelError("offline", f"{name} was looked up")


def test_a_wheel_changes_conda_packages_to_what_it_needs() -> None:
    case, wheels = world()
    wheels.wheel("gensim", "4.3.3", requires=["numpy<2"], pythons=["3.11", "3.12"])
    solution = case.solve(
        "python=3.11", "numpy", requirements=named("gensim==4.3.3"), wheels=wheels
    )
    assert versions(solution) == {"python": "3.11.1", "numpy": "1.26.4", "gensim": "4.3.3"}
    assert sources(solution)["numpy"] == "conda"
    assert sources(solution)["gensim"] == "pypi"
    gensim = next(record for record in solution.records if record.name == "gensim")
    assert gensim.depends == ("python 3.11.*", "numpy <2")
    assert solution.requested["gensim"] == ("gensim==4.3.3",)


def test_python_changes_to_the_version_that_wheels_exist_for() -> None:
    case, wheels = world()
    wheels.wheel("old", "1.0", pythons=["3.10"])
    solution = case.solve("python", requirements=named("old"), wheels=wheels)
    assert versions(solution) == {"python": "3.10.1", "old": "1.0"}


def test_python_is_unchanged_if_an_older_wheel_is_compatible() -> None:
    case, wheels = world()
    wheels.wheel("tool", "2.0", pythons=["3.10"])
    wheels.wheel("tool", "1.0", pythons=["3.12"])
    solution = case.solve("python", requirements=named("tool"), wheels=wheels)
    assert versions(solution) == {"python": "3.12.1", "tool": "1.0"}


def test_python_is_added_for_wheels() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0")
    assert versions(case.solve(requirements=named("tool"), wheels=wheels)) == {
        "python": "3.12.1",
        "tool": "1.0",
    }


def test_markers_are_those_of_the_chosen_python() -> None:
    case, wheels = world()
    wheels.wheel(
        "tool",
        "1.0",
        requires=[
            "backport; python_version < '3.11'",
            "winonly; sys_platform == 'win32'",
            "number>=1; platform_machine == 'x86_64' and implementation_name == 'cpython'",
        ],
    )
    wheels.wheel("backport", "1.0")
    wheels.wheel("number", "3.0")
    wheels.wheel("pinned", "1.0", pythons=["3.9"])
    new = case.solve(requirements=named("tool"), wheels=wheels)
    assert versions(new) == {"python": "3.12.1", "tool": "1.0", "number": "3.0"}
    old = case.solve(requirements=named("tool", "pinned"), wheels=wheels)
    assert versions(old) == {
        "python": "3.9.1", "tool": "1.0", "number": "3.0", "backport": "1.0", "pinned": "1.0",
    }  # fmt: skip


def test_dependencies_of_wheels_are_met_by_conda_builds_if_possible() -> None:
    case, wheels = world()
    wheels.wheel("numpy", "2.2.0")
    wheels.wheel("old", "1.0", requires=["numpy>=1.20"])
    wheels.wheel("new", "1.0", requires=["numpy>=2.2"])
    solution = case.solve(requirements=named("old"), wheels=wheels)
    assert versions(solution)["numpy"] == "2.1.0"
    assert sources(solution)["numpy"] == "conda"
    solution = case.solve(requirements=named("old"), wheels=wheels, prefer_conda=False)
    assert sources(solution)["numpy"] == "pypi"
    solution = case.solve(requirements=named("new"), wheels=wheels)
    assert versions(solution)["numpy"] == "2.2.0"
    assert sources(solution)["numpy"] == "pypi"


def test_requested_projects_come_from_pypi() -> None:
    case, wheels = world()
    wheels.wheel("numpy", "2.0.0")
    found = case.solve(requirements=named("numpy"), wheels=wheels)
    assert sources(found) == {"python": "conda", "numpy": "pypi"}
    case.package("scipy", "1.0", depends=["numpy", "python"])
    both = case.solve("scipy", requirements=named("numpy"), wheels=wheels)
    assert sources(both) == {"python": "conda", "numpy": "conda", "scipy": "conda"}
    case.package("pandas", "1.0", depends=["numpy <2", "python"])
    with pytest.raises(SolveError, match=r"pandas needs numpy <2"):
        case.solve("pandas", requirements=named("numpy>=2"), wheels=wheels)


def test_a_project_never_comes_from_both_sources() -> None:
    case, wheels = world()
    case.package("scipy", "1.0", depends=["numpy <2", "python"])
    wheels.wheel("numpy", "2.2.0")
    with pytest.raises(SolveError):
        case.solve("scipy", requirements=named("numpy>=2.2"), wheels=wheels)


def test_a_wheel_never_replaces_another_package_of_its_name() -> None:
    case, wheels = world()
    case.package("brotli", "1.2.0")
    case.package("fonttools", "4.0", depends=["python", "brotli"])
    case.package("fonttools", "3.0", depends=["python"])
    wheels.wheel("brotli", "1.2.1")
    wheels.wheel("gradio", "6.0", requires=["brotli"])
    solution = case.solve("fonttools", requirements=named("gradio"), wheels=wheels)
    assert sources(solution)["brotli"] == "pypi"
    assert versions(solution)["fonttools"] == "3.0"
    with pytest.raises(SolveError, match=r"gradio 6\.0 needs brotli"):
        case.solve("fonttools=4", requirements=named("gradio"), wheels=wheels)


def test_limits_of_conda_packages_apply_to_wheels() -> None:
    case, wheels = world()
    case.package("pandas", "2.0", depends=["python"], constrains=["numexpr >=2.8"])
    wheels.wheel("numexpr", "2.7")
    wheels.wheel("numexpr", "2.8", pythons=["3.11"])
    found = case.solve("pandas", requirements=named("numexpr"), wheels=wheels)
    assert versions(found) == {"python": "3.11.1", "pandas": "2.0", "numexpr": "2.8"}
    with pytest.raises(SolveError, match=r"pandas is compatible only with numexpr >=2\.8"):
        case.solve("pandas", requirements=named("numexpr<2.8"), wheels=wheels)


def test_a_project_cannot_be_requested_from_two_sources() -> None:
    case, wheels = world()
    wheels.wheel("numpy", "2.2.0")
    with pytest.raises(SolveError, match="numpy is requested from a channel") as failure:
        case.solve("numpy>=2", requirements=named("numpy"), wheels=wheels)
    assert failure.value.reference == "two-sources"


def test_a_search_that_takes_too_long_ends_undecided() -> None:
    case, wheels = world()
    for letter in "abcdefgh":
        for number in range(7):
            others = [f"{other}!={number}" for other in "abcdefgh" if other != letter]
            wheels.wheel(letter, str(number), requires=others)
    with pytest.raises(SolveError, match=r"^not decided after 0\.2 s and \d+ steps") as failure:
        case.solve(requirements=named(*"abcdefgh"), wheels=wheels, max_seconds=0.2)
    assert failure.value.reference == "undecided"
    assert "; most in the way: " in failure.value.message


def test_few_source_distributions_of_a_project_are_read() -> None:
    case, wheels = world()
    for number in range(20):
        wheels.source("old", f"1.{number}", requires=["numpy<1"])
    with pytest.raises(SolveError, match=r"^not decided after reading 5 source dist.*old$"):
        case.solve("numpy", requirements=named("old"), wheels=wheels)


def test_names_differ_between_the_sources() -> None:
    case = SolverCase()
    pythons(case, "3.12")
    case.package("pytorch", "2.5", depends=["python"])
    wheels = WheelWorld({"pytorch": "torch"})
    wheels.wheel("torch", "2.6")
    wheels.wheel("trainer", "1.0", requires=["torch>=2"])
    solution = case.solve(requirements=named("trainer"), wheels=wheels)
    assert versions(solution) == {"python": "3.12.1", "pytorch": "2.5", "trainer": "1.0"}
    trainer = next(record for record in solution.records if record.name == "trainer")
    assert trainer.depends == ("python 3.12.*", "pytorch >=2")


def test_extras_add_their_requirements() -> None:
    case, wheels = world()
    wheels.wheel(
        "dask",
        "2.0",
        requires=["toolz", "frame; extra == 'dataframe'", "dask[dataframe]; extra == 'all'"],
    )
    for name in ("toolz", "frame"):
        wheels.wheel(name, "1.0")
    assert "frame" not in versions(case.solve(requirements=named("dask"), wheels=wheels))
    solution = case.solve(requirements=named("dask[all]"), wheels=wheels)
    assert versions(solution)["frame"] == "1.0"
    reasons = {reason.parent for reason in solution.reasons["frame"]}
    assert reasons == {"dask"}


def test_an_extra_has_the_version_of_its_project() -> None:
    case, wheels = world()
    wheels.wheel("web", "2.0", requires=["fast>=2; extra == 'speed'"])
    wheels.wheel("web", "1.0", requires=["fast; extra == 'speed'"])
    wheels.wheel("fast", "1.0")
    solution = case.solve(requirements=named("web[speed]"), wheels=wheels)
    assert versions(solution) == {"python": "3.12.1", "web": "1.0", "fast": "1.0"}


def test_an_extra_of_a_project_that_conda_provides() -> None:
    case, wheels = world()
    case.package("dask", "2.0", depends=["python"])
    case.package("dask", "3.0", depends=["python"])
    wheels.wheel("dask", "2.0", requires=["frame; extra == 'dataframe'"])
    wheels.wheel("frame", "1.0")
    wheels.wheel("user", "1.0", requires=["dask[dataframe]<3"])
    solution = case.solve(requirements=named("user"), wheels=wheels)
    assert sources(solution) == {
        "python": "conda", "dask": "conda", "frame": "pypi", "user": "pypi",
    }  # fmt: skip


def test_prereleases_only_on_request() -> None:
    case, wheels = world()
    wheels.wheel("tool", "2.0rc1")
    wheels.wheel("tool", "1.0")
    assert versions(case.solve(requirements=named("tool"), wheels=wheels))["tool"] == "1.0"
    found = case.solve(requirements=named("tool>=2.0rc1"), wheels=wheels)
    assert versions(found)["tool"] == "2.0rc1"
    wheels.wheel("young", "0.1b2")
    assert versions(case.solve(requirements=named("young"), wheels=wheels))["young"] == "0.1b2"


def test_yanked_and_broken_files_are_skipped() -> None:
    case, wheels = world()
    wheels.wheel("tool", "3.0", yanked=True)
    wheels.wheel("tool", "2.0", broken=True)
    wheels.wheel("tool", "1.0")
    assert versions(case.solve(requirements=named("tool"), wheels=wheels))["tool"] == "1.0"


def test_source_distributions_are_left_to_pip() -> None:
    case, wheels = world()
    wheels.source("tool", "1.0")
    wheels.wheel("user", "1.0", requires=["tool[fast]>=0.5"])
    solution = case.solve(requirements=named("user"), wheels=wheels)
    assert versions(solution) == {"python": "3.12.1", "user": "1.0"}
    assert built(solution) == ["tool[fast]==1.0"]


def test_dependencies_of_source_distributions_are_solved() -> None:
    case, wheels = world()
    wheels.source("tool", "2.0", requires=["numpy<1"])
    needs = ["numpy<2", 'base>=1; extra == "fast"', 'old; python_version<"3"', "leaf"]
    wheels.source("tool", "1.0", requires=needs)
    wheels.wheel("base", "1.0")
    wheels.source("leaf", "1.0", requires=["deep"])
    wheels.wheel("deep", "1.0")
    solution = case.solve("python=3.11", requirements=named("tool[fast]"), wheels=wheels)
    assert built(solution) == ["leaf==1.0", "tool[fast]==1.0"]
    expected = {"python": "3.11.1", "numpy": "1.26.4", "base": "1.0", "deep": "1.0"}
    assert versions(solution) == expected
    assert solution.pip_requirements[1].depends == ("numpy <2", "leaf", "base >=1")
    assert ("tool", "tool 1.0 needs numpy<2") in {
        (reason.parent, reason.spec) for reason in solution.reasons["numpy"]
    }
    with pytest.raises(SolveError, match=r"tool 2\.0 needs numpy<1"):
        case.solve("python=3.11", requirements=named("tool==2.0"), wheels=wheels)


def test_an_older_wheel_is_preferred_to_a_newer_source_distribution() -> None:
    case, wheels = world()
    wheels.source("tool", "2.0")
    wheels.wheel("tool", "1.0")
    solution = case.solve(requirements=named("tool"), wheels=wheels)
    assert versions(solution)["tool"] == "1.0"
    assert built(solution) == []


def test_requirements_with_urls_are_left_to_pip() -> None:
    case, wheels = world()
    solution = case.solve(
        requirements=named("tool @ git+https://example.org/tool.git"), wheels=wheels
    )
    assert built(solution) == ["tool @ git+https://example.org/tool.git"]
    assert versions(solution) == {"python": "3.12.1"}


def test_requires_python_with_a_patch_version_constrains_python() -> None:
    case = SolverCase()
    case.package("python", "3.11.2")
    case.package("python", "3.11.9")
    wheels = WheelWorld()
    wheels.wheel("tool", "1.0", requires_python="<3.11.5")
    wheels.wheel("tool", "0.9", requires_python=">=3.11")
    # Markers are evaluated for the newest patch of a minor; wheels for an older one are not found.
    assert versions(case.solve(requirements=named("tool"), wheels=wheels))["tool"] == "0.9"


def test_free_threaded_pythons_are_not_for_ordinary_wheels() -> None:
    case = SolverCase()
    case.package("python", "3.13.1", "h_1_cp313t", build_number=1)
    case.package("python", "3.13.1", "h_0_cp313")
    wheels = WheelWorld()
    wheels.wheel("tool", "1.0", pythons=["3.13"])
    solution = case.solve(requirements=named("tool"), wheels=wheels)
    assert next(r.build for r in solution.records if r.name == "python") == "h_0_cp313"


def test_names_that_no_channel_has_are_wheels_if_allowed() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.5")
    wheels.wheel("tool", "2.0")
    with pytest.raises(PackageNotFound):
        case.solve("tool <2", wheels=wheels)
    solution = case.solve("tool <2", wheels=wheels, wheels_for_missing_names=True)
    assert versions(solution) == {"python": "3.12.1", "tool": "1.5"}
    assert solution.requested["tool"] == ("tool <2",)
    with pytest.raises(SolveError):
        case.solve("tool=1.5=py311_0", wheels=wheels, wheels_for_missing_names=True)
    found = case.solve("tool=1.5=pypi_0", wheels=wheels, wheels_for_missing_names=True)
    assert versions(found)["tool"] == "1.5"


def test_unknown_projects_are_named() -> None:
    case, wheels = world()
    with pytest.raises(PackageNotFound, match="nosuchthing"):
        case.solve(requirements=named("nosuchthing"), wheels=wheels)


def test_all_unknown_projects_are_named() -> None:
    case, wheels = world()
    options = {"wheels": wheels, "wheels_for_missing_names": True}
    with pytest.raises(PackageNotFound, match=r"^one, two and three are in no "):
        case.solve("two", "three", "numpy", requirements=named("one"), **options)


def test_wheels_need_a_python_of_some_source() -> None:
    wheels = WheelWorld()
    wheels.wheel("tool", "1.0")
    with pytest.raises(PackageNotFound, match="python"):
        SolverCase().solve(requirements=named("tool"), wheels=wheels)


def test_pip_is_a_wheel_if_no_channel_has_it() -> None:
    case, wheels = world()
    wheels.wheel("pip", "25.0")
    solution = case.solve("python", wheels=wheels, add_pip=True)
    assert versions(solution) == {"python": "3.12.1", "pip": "25.0"}
    case.package("pip", "24.0", depends=["python"])
    assert versions(case.solve("python", wheels=wheels, add_pip=True))["pip"] == "24.0"
    assert versions(case.solve("numpy", wheels=wheels))["python"] == "3.12.1"


def test_installed_wheels_are_kept() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0", requires=["numpy<2"])
    first = case.solve("python=3.11", requirements=named("tool"), wheels=wheels)
    installed = case.installed(*first.records)
    wheels.wheel("tool", "2.0")
    again = case.solve("numpy", wheels=wheels, installed=installed)
    assert versions(again) == {"python": "3.11.1", "tool": "1.0", "numpy": "1.26.4"}
    moved = case.solve(
        "python", "numpy", wheels=wheels, installed=installed,
        update_policy=UpdatePolicy.UPDATE_ALL,
    )  # fmt: skip
    assert versions(moved) == {"python": "3.12.1", "tool": "2.0", "numpy": "2.1.0"}


def test_wheels_installed_for_earlier_requirements_are_not_searched_for() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0", requires=["numpy<2"])
    first = case.solve("python=3.11", requirements=named("tool"), wheels=wheels)
    installed = case.installed(*first.records)
    case.package("other", "1.0")
    wheels.wheel("tool", "2.0")
    again = case.solve(
        "other", wheels=Unreachable(wheels), installed=installed, history_requirements=named("tool")
    )
    assert versions(again) == {**versions(first), "other": "1.0"}
    assert again.requested["tool"] == ("tool",)


def test_an_earlier_requirement_that_is_already_violated_is_no_conflict() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0")
    first = case.solve("python=3.11", requirements=named("tool"), wheels=wheels)
    again = case.solve(
        "numpy", wheels=wheels, installed=case.installed(*first.records),
        history_requirements=named("tool>=5"),
    )  # fmt: skip
    assert versions(again)["tool"] == "1.0"


@pytest.mark.parametrize("removed", ["other", "python"])
def test_a_removal_searches_no_index_and_keeps_requested_projects(removed: str) -> None:
    case, wheels = world()
    case.package("other", "1.0", depends=["python"])
    wheels.wheel("tool", "1.0")
    first = case.solve("python=3.11", "other", requirements=named("tool"), wheels=wheels)
    solution = case.solve(
        removals=[removed], wheels=Unreachable(wheels), installed=case.installed(*first.records),
        history_requirements=named("tool"),
    )  # fmt: skip
    kept = {"python": "3.11.1", "tool": "1.0"} if removed == "other" else {}
    assert versions(solution) == kept


def test_python_is_installed_without_pip_if_no_source_has_it() -> None:
    case, wheels = world()
    case.package("other", "1.0")
    python = case.solve("python", wheels=wheels, add_pip=True)
    assert versions(python) == {"python": "3.12.1"}
    installed = case.installed(*python.records)
    more = case.solve("other", wheels=wheels, add_pip=True, installed=installed)
    assert versions(more) == {"python": "3.12.1", "other": "1.0"}


def test_an_earlier_request_is_named_if_it_is_the_only_conflict() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0", requires=["gone"])
    installed = case.installed(*case.solve("python=3.11").records)
    with pytest.raises(SolveError) as caught:
        case.solve("numpy", wheels=wheels, installed=installed, history_requirements=named("tool"))
    assert caught.value.message.splitlines() == [
        "tool (requested earlier) cannot be installed",
        "  tool 1.0 needs gone, which no source has",
    ]


def test_installed_wheels_are_kept_without_an_index() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0", requires=["numpy<2"])
    first = case.solve("python=3.11", requirements=named("tool"), wheels=wheels)
    again = case.solve("numpy", installed=case.installed(*first.records))
    assert versions(again) == {"python": "3.11.1", "tool": "1.0", "numpy": "1.26.4"}


def test_exclude_newer_applies_to_wheels() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0", upload_time=1_000_000_000_000)
    wheels.wheel("tool", "2.0", upload_time=1_700_000_000_000)
    solution = case.solve(
        requirements=named("tool"), wheels=wheels, exclude_newer=1_600_000_000_000
    )
    assert versions(solution)["tool"] == "1.0"


def test_a_joint_conflict_is_explained() -> None:
    case, wheels = world()
    wheels.wheel("gensim", "4.3.3", requires=["numpy<2"])
    with pytest.raises(SolveError) as caught:
        case.solve("python=3.11", "numpy>=2", requirements=named("gensim==4.3.3"), wheels=wheels)
    text = caught.value.message
    assert "numpy" in text
    assert "gensim" in text
    assert "python" not in text.splitlines()[0]


def test_a_large_joint_conflict_is_found_quickly() -> None:
    case, wheels = world()
    for number in range(15):
        wheels.wheel("a", f"1.{number}", requires=["b>=1", "numpy>=2"])
        wheels.wheel("b", f"1.{number}", requires=["numpy<2"])
    with pytest.raises(SolveError):
        case.solve(requirements=named("a", "b"), wheels=wheels)


@pytest.mark.parametrize("versions_each", [10, 30])
def test_versions_with_the_same_requirements_are_tried_once(versions_each: int) -> None:
    case, wheels = world()
    for number in range(versions_each):
        wheels.wheel("a", f"1.{number}", requires=["c<2"])
        wheels.wheel("b", f"1.{number}", requires=["d"])
        wheels.wheel("d", f"1.{number}", requires=["c>=2"])
    for version in ("1.0", "2.0", "3.0"):
        wheels.wheel("c", version)
    with pytest.raises(SolveError) as caught:
        # Trying every pair of versions would take far longer.
        case.solve(requirements=named("a", "b"), wheels=wheels, max_seconds=1)
    assert caught.value.reference == "unsatisfiable"
    assert f"a 1.0 to 1.{versions_each - 1} needs c<2" in caught.value.message


def test_a_version_that_another_requirement_names_is_not_skipped() -> None:
    case, wheels = world()
    for number in range(5):
        wheels.wheel("a", f"1.{number}")
    wheels.wheel("b", "1.0", requires=["c"])
    wheels.wheel("c", "1.0", requires=["a<1.2"])
    found = versions(case.solve(requirements=named("a", "b"), wheels=wheels))
    assert found["a"] == "1.1"


def test_a_yanked_release_needs_its_exact_version() -> None:
    case, wheels = world()
    wheels.wheel("tool", "1.0")
    wheels.wheel("tool", "2.0", yanked=True)
    assert versions(case.solve(requirements=named("tool"), wheels=wheels))["tool"] == "1.0"
    assert versions(case.solve(requirements=named("tool==2.0"), wheels=wheels))["tool"] == "2.0"
    with pytest.raises(SolveError):
        case.solve(requirements=named("tool==2.*"), wheels=wheels)
    wheels.wheel("needs-it", "1.0", requires=["tool==2.0"])
    found = versions(case.solve(requirements=named("needs-it", "tool"), wheels=wheels))
    assert found["tool"] == "2.0"


def numpy_wheels(**options) -> tuple[SolverCase, WheelWorld]:
    case = SolverCase()
    pythons(case, "3.11", "3.12")
    wheels = WheelWorld(**options)
    for version in ("1.26.4", "2.0.0", "2.1.0"):
        wheels.wheel("numpy", version)
    return case, wheels


@pytest.mark.parametrize("kind", ["pins", "constraints"])
@pytest.mark.parametrize(
    ("limit", "version"),
    [
        ("numpy<2", "1.26.4"),
        ("numpy[version='>=2,<2.1', build_number=0]", "2.0.0"),
        ("pypi::numpy=2.0", "2.0.0"),
        ("numpy<2[when='python>=3.11']", "1.26.4"),
        ("numpy<2[when='python>=3.13']", "2.1.0"),
    ],
)
def test_constraints_apply_to_wheels(kind: str, limit: str, version: str) -> None:
    case, wheels = numpy_wheels()
    options = {"wheels": wheels, kind: [limit]}
    solution = case.solve("python=3.12", requirements=named("numpy"), **options)
    assert versions(solution)["numpy"] == version
    wheels.wheel("scipy", "1.0", requires=["numpy"])
    options["wheels_for_missing_names"] = True
    assert versions(case.solve("python=3.12", "scipy", **options))["numpy"] == version


def test_a_constraint_names_the_conda_package_of_a_project() -> None:
    case = SolverCase()
    pythons(case, "3.12")
    wheels = WheelWorld({"pytorch": "torch"})
    for version in ("1.9", "2.0"):
        wheels.wheel("torch", version)
    solution = case.solve(requirements=named("torch"), wheels=wheels, pins=["pytorch<2"])
    assert versions(solution)["torch"] == "1.9"


@pytest.mark.parametrize("limit", ["numpy=*=py312*", "main::numpy", "numpy[build_number=3]"])
def test_a_constraint_on_a_build_excludes_wheels(limit: str) -> None:
    case, wheels = numpy_wheels()
    with pytest.raises(SolveError) as failure:
        case.solve(requirements=named("numpy"), wheels=wheels, constraints=[limit])
    assert "numpy 1.26.4 to 2.1.0 does not match the constraint" in failure.value.message


def test_a_conditional_constraint_can_change_python() -> None:
    case, wheels = numpy_wheels()
    limit = "numpy<2[when='python>=3.12']"
    solution = case.solve(requirements=named("numpy>=2"), wheels=wheels, constraints=[limit])
    assert versions(solution) == {"python": "3.11.1", "numpy": "2.1.0"}
    with pytest.raises(SolveError, match=r"numpy 2.0.0 to 2.1.0 does not match the pin"):
        case.solve("python=3.12", requirements=named("numpy>=2"), wheels=wheels, pins=[limit])


def test_constraints_apply_to_what_pip_builds() -> None:
    case, wheels = numpy_wheels()
    wheels.source("old", "1.0")
    wheels.source("old", "2.0")
    solution = case.solve(requirements=named("old"), wheels=wheels, constraints=["old<2"])
    assert built(solution) == ["old==1.0"]
    solution = case.solve(requirements=named("old"), wheels=wheels, pins=["old<2|>3"])
    assert built(solution) == ["old==1.0"]


def test_an_installed_wheel_follows_a_new_pin_if_possible() -> None:
    case, wheels = numpy_wheels()
    wheels.wheel("tool", "1.0")
    first = case.solve("python=3.12", requirements=named("numpy"), wheels=wheels)
    options = {
        "installed": case.installed(*first.records),
        "requirements": named("tool"),
        "wheels": wheels,
    }
    moved = case.solve(pins=["numpy<2"], **options)
    assert versions(moved)["numpy"] == "1.26.4"
    stays = CondaSolver().solve(case.request(pins=["numpy<1"], **options))
    assert versions(stays)["numpy"] == "2.1.0"
    gone = case.solve(constraints=["numpy<1"], **options)
    assert versions(gone) == {"python": "3.12.1", "tool": "1.0"}


def test_lowest_is_the_lowest_final_release_with_a_wheel() -> None:
    case, wheels = numpy_wheels()
    wheels.wheel("numpy", "1.9", pythons=["3.6"])
    wheels.wheel("numpy", "1.10", yanked=True)
    wheels.wheel("numpy", "1.11rc1")
    wheels.source("numpy", "1.12")
    wheels.wheel("tool", "1.0", requires=["rest"])
    wheels.wheel("rest", "1.0")
    wheels.wheel("rest", "2.0")
    options = {
        "wheels": wheels, "wheels_for_missing_names": True, "strategy": Strategy.LOWEST,
    }  # fmt: skip
    for specs, requirements in ((["numpy"], ["tool"]), ([], ["numpy", "tool"])):
        solution = case.solve("python=3.12", *specs, requirements=named(*requirements), **options)
        assert versions(solution) == {
            "python": "3.12.1", "numpy": "1.26.4", "tool": "1.0", "rest": "2.0",
        }  # fmt: skip
    solution = case.solve(requirements=named("numpy>=2"), **options)
    assert versions(solution) == {"python": "3.12.1", "numpy": "2.0.0"}


def test_lowest_applies_to_conda_builds_that_satisfy_a_requirement() -> None:
    case, wheels = world()
    wheels.conda_to_pypi["numpy"] = "numpy-project"
    solution = case.solve(
        "python=3.12", requirements=named("numpy-project"), wheels=wheels, strategy=Strategy.LOWEST
    )
    assert versions(solution) == {"python": "3.12.1", "numpy": "1.26.4"}


def test_why_packages_of_channels_are_not_newer_beside_wheels() -> None:
    case, wheels = numpy_wheels()
    wheels.wheel("old", "1.0", pythons=["3.11"])
    solution = case.solve("python", requirements=named("old"), wheels=wheels)
    reason = "python 3.11.1, not 3.12.1: old 1.0 has no wheel for python 3.12"
    assert solution.hold_backs == {"python": reason}
    lowest = case.solve(
        "python", requirements=named("numpy"), wheels=wheels, strategy=Strategy.LOWEST
    )
    assert versions(lowest) == {"python": "3.11.1", "numpy": "1.26.4"}
    assert not lowest.hold_backs


def test_a_request_with_a_condition_reaches_pypi() -> None:
    case, wheels = numpy_wheels()
    wheels.wheel("fast", "1.0", requires=["rest"])
    wheels.wheel("new", "1.0", pythons=["3.11"])
    wheels.wheel("rest", "1.0")
    options = {"wheels": wheels, "wheels_for_missing_names": True}
    request = ["numpy<2.1[when='python>=3.12']"]
    found = case.solve("python=3.12", *request, **options)
    assert versions(found) == {"python": "3.12.1", "numpy": "2.0.0"}
    assert found.requested["numpy"] == ('numpy <2.1[when="python>=3.12"]',)
    assert versions(case.solve("python=3.11", *request, **options)) == {"python": "3.11.1"}
    later = {"installed": case.installed(*found.records), "history": request}
    both = case.solve("fast", **later, **options)
    assert versions(both) == {**versions(found), "fast": "1.0", "rest": "1.0"}
    assert versions(case.solve("fast[when=__win]", **options)) == {}
    case.virtual("__unix")
    on_unix = {"python": "3.12.1", "fast": "1.0", "rest": "1.0"}
    assert versions(case.solve("fast[when=__unix]", **options)) == on_unix
    # If the project cannot be installed, the condition must be false.
    none = case.solve("python", "new[when='python>=3.12']", **options)
    assert versions(none) == {"python": "3.11.1"}
    with pytest.raises(SolveError, match="cannot be installed"):
        case.solve("python=3.12", "new[when='python>=3.12']", **options)


def test_a_wheel_that_is_older_than_a_source_distribution_is_said() -> None:
    case, wheels = world()
    for project in ("tool", "base"):
        wheels.wheel(project, "1.0", requires=["base<3"] if project == "tool" else [])
        wheels.source(project, "2.0")
        wheels.source(project, "3.0rc1")
    wheels.source("base", "3.0")
    wheels.wheel("other", "1.0")
    wheels.wheel("other", "2.0", requires_python="<3")
    solution = case.solve("python", requirements=named("tool", "other"), wheels=wheels)
    assert dict(solution.hold_backs) == {
        "base": "base 1.0, not 2.0: 2.0 has only a source distribution for this python",
        "tool": "tool 1.0, not 2.0: 2.0 has only a source distribution for this python",
    }
    bounded = case.solve("python", requirements=named("base<2"), wheels=wheels)
    assert dict(bounded.hold_backs) == {}
    options = {"requirements": named("base"), "wheels": wheels, "constraints": ["base <2"]}
    assert dict(case.solve("python", **options).hold_backs) == {}


class Builds(WheelWorld):
    """Counts the source distributions whose metadata is read, as if by a build."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[str] = []

    def requirements(self, file: DistributionFile):
        if not file.is_wheel:
            self.built.append(file.filename)
        return super().requirements(file)


def test_nothing_is_built_for_a_request_that_is_refused_anyway() -> None:
    case, _ = world()
    wheels = Builds()
    wheels.source("slow", "1.0", requires=["tool"])
    wheels.wheel("tool", "1.0", requires=["rest<2"])
    wheels.wheel("rest", "1.0")
    wheels.wheel("rest", "2.0")
    with pytest.raises(SolveError, match=r"tool and rest>=2 cannot be installed together"):
        case.solve(requirements=named("slow==1.0", "tool", "rest>=2"), wheels=wheels)
    assert not wheels.built
    solution = case.solve(requirements=named("slow==1.0", "rest"), wheels=wheels)
    assert versions(solution) == {"python": "3.12.1", "tool": "1.0", "rest": "1.0"}
    assert built(solution) == ["slow==1.0"]


def test_what_a_build_reveals_can_still_exclude_it() -> None:
    case, _ = world()
    wheels = Builds()
    wheels.source("slow", "1.0")
    wheels.source("slow", "2.0", requires=["rest<2"])
    wheels.source("slow", "3.0", requires=["rest<1"])
    wheels.wheel("rest", "1.0")
    wheels.wheel("rest", "2.0")
    solution = case.solve(requirements=named("slow[more]", "rest"), wheels=wheels)
    assert versions(solution)["rest"] == "1.0"
    assert built(solution) == ["slow[more]==2.0"]
    with pytest.raises(SolveError, match=r"slow==2.0 and rest==2.0 cannot be installed together"):
        case.solve(requirements=named("slow==2.0", "rest==2.0"), wheels=wheels)


def test_a_conflict_of_an_extra_is_not_blamed_on_python() -> None:
    case, wheels = world()
    for version in ("1.0", "2.0"):
        wheels.wheel("tool", version, requires=["rest<2; extra == 'more'"])
        wheels.wheel("rest", version)
    with pytest.raises(SolveError) as caught:
        case.solve("python=3.10", requirements=named("tool[more]==1.0", "rest>=2"), wheels=wheels)
    assert caught.value.message.splitlines() == [
        "tool[more]==1.0 and rest>=2 cannot be installed together",
        "  tool[more] 1.0 needs rest<2",
    ]


def test_requirements_on_one_project_that_exclude_each_other() -> None:
    case, wheels = world()
    wheels.wheel("rest", "1.0")
    wheels.wheel("rest", "2.0")
    with pytest.raises(SolveError, match=r"no release of rest is both <2 and >=2"):
        case.solve("python=3.10", requirements=named("rest<2", "rest>=2"), wheels=wheels)
    options = {"wheels": wheels, "wheels_for_missing_names": True}
    with pytest.raises(SolveError, match=r"no release of rest is both >=2 and <2"):
        case.solve("python=3.10", "rest<2", requirements=named("rest>=2"), **options)


def test_each_version_with_another_requirement_is_explained() -> None:
    case, wheels = world()
    for minor in range(4):
        needs = [f"rest>={minor + 2}", f"rest>={minor + 3}; python_version >= '3.11'"]
        wheels.wheel("tool", f"2.{minor}", requires=needs)
    wheels.wheel("tool", "1.0")
    for version in range(1, 9):
        wheels.wheel("rest", f"{version}.0")
    with pytest.raises(SolveError) as caught:
        case.solve("python=3.11", requirements=named("rest<2", "tool>=2"), wheels=wheels)
    assert "  tool 2.3 needs rest>=5" in caught.value.message.splitlines()
    assert "  tool 2.0 needs rest>=2" in caught.value.message.splitlines()


def test_update_deps_updates_the_wheels_that_named_ones_need() -> None:
    """Directly or not, beyond what was requested of them earlier, and no others."""
    case, wheels = world()
    for version in ("1.0", "2.0"):
        wheels.wheel("app", version, requires=["lib"])
        wheels.wheel("lib", version, requires=["Deep_.Lib"])
        wheels.wheel("deep-lib", version)
        wheels.wheel("other", version)
    old = case.solve(
        requirements=named("app==1.0", "lib==1.0", "deep-lib==1.0", "other==1.0"), wheels=wheels
    )
    updated = case.solve(
        requirements=named("app"),
        history_requirements=named("lib<2", "other"),
        wheels=wheels,
        installed=case.installed(*old.records),
        update_policy=UpdatePolicy.UPDATE_DEPS,
    )
    found = versions(updated)
    del found["python"]
    assert found == {"app": "2.0", "lib": "2.0", "deep-lib": "2.0", "other": "1.0"}


def test_releases_that_are_tried_one_after_the_other_are_announced() -> None:
    case, wheels = world()
    wheels.wheel("base", "1")
    for number in range(1, 81):
        wheels.wheel("walk", str(number), requires=[f"base=={number}"])
    solution = case.solve("python=3.11", requirements=named("walk", "base"), wheels=wheels)
    assert versions(solution)["walk"] == "1"
    assert wheels.metadata_reads > 80
    assert wheels.unannounced_reads < 8


def test_few_releases_are_announced_if_few_are_read() -> None:
    case, wheels = world()
    for number in range(1, 81):
        wheels.wheel("walk", str(number), requires=["gone"] if number > 77 else [])
    solution = case.solve("python=3.11", requirements=named("walk"), wheels=wheels)
    assert versions(solution)["walk"] == "77"
    assert len(wheels.announced) < 8


def test_many_pins_are_each_verified_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    case, wheels = world()
    count = 60
    for number in range(count):
        wheels.wheel(f"p{number}", "1", requires=[f"p{number + 1}>=1"] if number < 59 else [])
    calls = []

    def count_calls(of: type, method: str) -> None:
        original = getattr(of, method)
        monkeypatch.setattr(
            of, method, lambda *args, **named: calls.append(method) or original(*args, **named)
        )

    count_calls(CondaProvider, "is_satisfied_by")
    count_calls(DecidedResolution, "_is_current_pin_satisfying")
    pins = named(*(f"p{number}==1" for number in range(count)))
    solution = case.solve("python=3.11", requirements=pins, wheels=wheels)
    assert len(solution.records) > count
    assert calls.count("is_satisfied_by") < 10 * count
    assert calls.count("_is_current_pin_satisfying") < 5 * count


def test_the_releases_of_many_pins_are_ordered_once_for_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, wheels = world()
    count = 20
    for number in range(count):
        for version in ("1", "2"):
            wheels.wheel(f"p{number}", version, requires=["z<3.0a0"] if number else ["p1>1"])
    for version in ("1.0a1", "1.0", "2.0"):
        wheels.wheel("z", version)
    calls: dict[str, int] = {}
    original = Projects.reluctance

    def counted(projects, release, kept):
        calls[release.name] = calls.get(release.name, 0) + 1
        return original(projects, release, kept)

    monkeypatch.setattr(Projects, "reluctance", counted)
    pins = named(*(f"p{number}==1" for number in range(count)))
    with pytest.raises(SolveError, match="p0 1 needs p1>1"):
        case.solve("python=3.11", requirements=pins, wheels=wheels)
    # z is ordered again, since its pre-release is accepted once a requirement has named one.
    assert all(times == 2 for name, times in calls.items() if name != "z")
