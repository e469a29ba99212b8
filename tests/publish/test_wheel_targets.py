"""Requirements and tags of wheels, as dependencies and builds of conda packages."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from minicon.errors import PackageError
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.records import RepodataRecord
from minicon.publish.wheel_builds import builds_of
from minicon.publish.wheel_dependencies import (
    Target,
    condition_of,
    dependencies_of,
    python_dependency,
)
from minicon.solver.joint.markers import applies, marker_environment


def depends(text: str, subdir: str = "noarch", python: str | None = None) -> list[str]:
    target = Target(subdir, python)
    return dependencies_of([Requirement(text)], ["x"], target, str.lower).depends


@pytest.mark.parametrize(
    ("requirement", "spec"),
    [
        ("A", "a"),
        ("a==1.0", "a ==1.0"),
        ("a>=1,<2", "a <2a0,>=1"),
        ("a<2.0b1", "a <2.0b1"),
        ("a~=1.4.2", "a >=1.4.2,1.4.*"),
        ("a~=1!2.3", "a >=1!2.3,1!2.*"),
        ("a==1.*,!=1.5.*", "a !=1.5.*,1.*"),
        ("a===1.0+local", "a ==1.0+local"),
        ("a[y,X_z]>=1", 'a[version=">=1",extras=[x-z,y]]'),
        ("a; python_version < '3.11'", 'a[when="python<3.11.0a0"]'),
        ("a; python_version == '3.9'", 'a[when="python>=3.9 and python<3.10.0a0"]'),
        ("a; python_version in '3.8,3.10'",
         'a[when="python>=3.8 and python<3.9.0a0 or python>=3.10 and python<3.11.0a0"]'),
        ("a; python_full_version >= '3.9.2'", 'a[when="python>=3.9.2"]'),
        ("a; sys_platform != 'win32'", 'a[when="__unix"]'),
        ("a; platform_system == 'Darwin' or os_name == 'nt'", 'a[when="__osx or __win"]'),
        ("a; (os_name == 'nt' or python_version < '3.9') and platform_system != 'Linux'",
         'a[when="(__win or python<3.9.0a0) and (__osx or __win)"]'),
        ("a; platform_machine == 'arm64'", "a"),
        ("a; implementation_name == 'cpython'", "a"),
    ],
)  # fmt: skip
def test_requirements_are_translated(requirement, spec) -> None:
    assert depends(requirement) == [spec]
    assert MatchSpec(spec).in_brackets()


@pytest.mark.parametrize(
    "marker",
    [
        "python_version < '3'",
        "platform_python_implementation == 'PyPy'",
        "sys_platform == 'cygwin'",
    ],
)
def test_requirements_that_never_apply_are_left_out(marker) -> None:
    assert depends(f"a; {marker}") == []


def test_markers_of_a_build_for_one_platform_are_decided() -> None:
    text = "a; platform_machine == 'x86_64' and python_version < '3.12'"
    assert depends(text, "linux-64", "3.11") == ["a"]
    assert depends(text, "linux-64", "3.12") == []
    assert depends(text, "osx-arm64", "3.11") == []


def test_extras_are_groups() -> None:
    texts = ["a", "b; extra == 'x'", "c; extra == 'X' and os_name == 'nt'", "d; extra != 'x'"]
    requirements = [*map(Requirement, texts), Requirement("a; extra == 'x'")]
    found = dependencies_of(requirements, ["x", "empty"], Target("noarch"), str)
    assert found.depends == ["a", "d"]
    assert found.extra_depends == {"x": ["b", 'c[when="__win"]', "a"], "empty": []}


def test_requires_python_is_translated() -> None:
    assert python_dependency(">=3.8,<4") == "python <4a0,>=3.8"
    assert python_dependency(None) == python_dependency("nonsense") == "python"


VARIABLES = {
    "python_version": ["3.8", "3.10", "3.11", "3.11.2"],
    "python_full_version": ["3.9.0", "3.11.4"],
    "sys_platform": ["linux", "win32", "darwin"],
    "os_name": ["nt", "posix"],
    "platform_system": ["Linux", "Windows", "Java"],
}
atoms = st.sampled_from([
    f"{name} {operator} '{value}'"
    for name, values in VARIABLES.items()
    for operator, value in itertools.product(
        ("==", "!=", "<", ">=") if "version" in name else ("==", "!=", "in"), values
    )
])  # fmt: skip
markers = st.recursive(
    atoms,
    lambda inner: st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
        lambda parts: "({} {} {})".format(*parts)
    ),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(markers)
def test_conditions_mean_what_markers_mean(marker) -> None:
    requirement = Requirement(f"a; {marker}")
    condition = condition_of(requirement, Target("noarch"), "")
    virtual = {
        "linux-64": {"__linux", "__unix"},
        "osx-64": {"__osx", "__unix"},
        "win-64": {"__win"},
    }
    for platform, names in virtual.items():
        for python in ("3.8.1", "3.9.0", "3.10.5", "3.11.2", "3.11.9", "3.12.0"):
            expected = applies(requirement, marker_environment(python, platform))
            if isinstance(condition, bool):
                assert condition == expected
                continue
            spec = MatchSpec.from_fields(name="a", when=condition)

            def is_met(name: str, text: str, names=names, python=python) -> bool:
                if name != "python":
                    return name in names
                version = MatchSpec(text).version
                return version is None or version.contains(python)

            assert spec.applies(is_met) == expected, (condition, platform, python)


@pytest.mark.parametrize(
    ("tags", "builds"),
    [
        ("py3-none-any", [("noarch", "py", "python >=3.8")]),
        ("py2.py3-none-any", [("noarch", "py", "python >=3.8")]),
        ("py3-none-win_amd64", [("win-64", "py", "python >=3.8")]),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
         [("linux-64", "py311", "python >=3.11,<3.12.0a0", "__glibc >=2.17")]),
        ("cp39-abi3-manylinux_2_28_aarch64.manylinux_2_34_aarch64",
         [("linux-aarch64", "abi3", "python >=3.9", "__glibc >=2.28")]),
        ("cp310-cp310-macosx_10_9_universal2",
         [("osx-64", "py310", "python >=3.10,<3.11.0a0", "__osx >=10.9"),
          ("osx-arm64", "py310", "python >=3.10,<3.11.0a0", "__osx >=11.0")]),
        ("cp312-none-win_arm64", [("win-arm64", "py312", "python >=3.12,<3.13.0a0")]),
    ],
)  # fmt: skip
def test_tags_decide_the_build(tags, builds) -> None:
    found = builds_of(f"x-1.0-{tags}.whl", ">=3.8")
    assert [(each.subdir, each.tag, *each.depends) for each in found] == builds
    if found[0].python:
        minor = found[0].python
        short = minor.replace(".", "")
        assert found[0].constrains == (f"python_abi {minor}.* *_cp{short}",)


def test_the_stable_abi_excludes_free_threaded_interpreters() -> None:
    """They and PyPy depend on their ``python_abi`` in conda-forge, which the constraint refuses."""
    (stable,) = builds_of("x-1.0-cp39-abi3-win_amd64.whl", None)
    (constraint,) = map(parse_dependency, stable.constrains)
    fields = {"name": "python_abi", "version": "3.13", "build_number": 8}
    origin = {"channel": "c", "subdir": "noarch", "fn": "x.conda", "url": ""}
    abis = {
        build: RepodataRecord({**fields, "build": build}, **origin)
        for build in ("8_cp39", "8_cp313", "8_cp313t", "0_pypy39_pp73")
    }
    assert [name for name, abi in abis.items() if constraint.matches(abi)] == ["8_cp39", "8_cp313"]


@pytest.mark.parametrize(
    "tags",
    ["py2-none-any", "pp310-pypy310_pp73-win_amd64", "cp313-cp313t-win_amd64",
     "cp311-cp311-musllinux_1_2_x86_64", "cp27-cp27m-win_amd64", "cp311-cp311-solaris_2"],
)  # fmt: skip
def test_wheels_that_no_conda_platform_can_use_are_refused(tags) -> None:
    with pytest.raises(PackageError, match=r"no platform and python|not named"):
        builds_of(f"x-1.0-{tags}.whl", None)
