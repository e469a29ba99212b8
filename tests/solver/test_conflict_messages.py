"""Conflict messages, compared with golden files, so that their wording is reviewed.

``MINICON_UPDATE_GOLDEN=1`` rewrites them. The real ones run on a slice of conda-forge's
records (fixtures/solver/conda-forge-slice.json: 40 names, without dependencies on others).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.support.checker import problems
from tests.support.solver_cases import SolverCase
from tests.support.wheel_world import WheelWorld

from minicon.errors import SolveError
from minicon.models.match_spec.spec import MatchSpec
from minicon.solver.request import UpdatePolicy
from minicon.solver.solver import CondaSolver

ROOT = Path(__file__).parent.parent.parent
SLICE = ROOT / "fixtures" / "solver" / "conda-forge-slice.json"
GOLDEN = ROOT / "fixtures" / "golden" / "solver"

REAL = {
    "python-too-new-for-numpy": ["python=3.13", "numpy<1.20"],
    "only-the-conflict-among-other-specs": [
        "python=3.13", "pandas", "h5py", "numpy<1.20", "pyarrow",
    ],
    "pandas-too-old-for-python": ["pandas=1.1", "python=3.12"],
    "scipy-against-numpy": ["numpy>=2", "scipy<1.8"],
    "numba-against-numpy": ["numpy=2", "numba=0.58"],
    "numba-against-python": ["python=3.11", "numba=0.55"],
    "no-such-version": ["gdal=99"],
    "no-such-build": ["numpy=1.26.4=py27*"],
    "python-against-itself": ["python>=3.12", "python<3.10"],
    "through-python-abi": ["python=3.8", "scikit-learn>=1.6"],
    "openssl-against-python": ["openssl=1.1", "python=3.13"],
    "blas-variants": ["libblas=*=*mkl", "libcblas=*=*openblas"],
    "qt-with-pyside6": ["pyqt=5.15", "pyside6", "icu=70"],
    "tensorflow-against-protobuf": ["tensorflow<2.16", "protobuf>=5"],
    "pyarrow-against-numpy": ["pyarrow<8", "numpy>=2"],
    "gdal-against-python": ["libgdal-core=3.9", "gdal<3.7", "python=3.12"],
    "three-at-once": ["python=3.12", "h5py<3.8", "numpy"],
    "glibc-too-old": ["pytorch", "__glibc>=2.99"],
    "cuda-of-the-machine": ["pytorch=*=cuda129*", "cuda-version>=13"],
}  # fmt: skip


def conda_forge() -> SolverCase:
    case = SolverCase("conda-forge")
    case.virtual("__glibc=2.28", "__linux=6.8", "__unix=0", "__archspec=1=x86_64_v3", "__cuda=12.4")
    data = json.loads(SLICE.read_text())
    texts = data["texts"]
    for name, version, build, number, subdir, depends, constrains in data["records"]:
        case.package(
            name, version, build, subdir=subdir, build_number=number,
            depends=[texts[index] for index in depends],
            constrains=[texts[index] for index in constrains],
        )  # fmt: skip
    return case


@pytest.fixture(scope="module")
def real_case() -> SolverCase:
    return conda_forge()


def conflict_text(case: SolverCase, specs: list[str], options: dict | None = None) -> str:
    with pytest.raises(SolveError) as caught:
        CondaSolver().solve(case.request(*specs, **(options or {})))
    error = caught.value
    parts = [f"error: {error.message}"]
    parts += [f"context: {error.context}"] if error.context else []
    parts += [f"hint: {error.hint}"] if error.hint else []
    return "\n".join(parts) + "\n"


def check(name: str, specs: list[str], text: str) -> None:
    text = f"$ minicon create -n x {' '.join(specs)}\n{text}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("MINICON_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    assert text.count("\n") <= 11, "more than ten lines"


@pytest.mark.parametrize("name", REAL)
def test_real_conflict(real_case: SolverCase, name: str) -> None:
    check(name, REAL[name], conflict_text(real_case, REAL[name]))


@pytest.mark.parametrize("name", REAL)
def test_proposed_specs_work(real_case: SolverCase, name: str) -> None:
    with pytest.raises(SolveError) as caught:
        CondaSolver().solve(real_case.request(*REAL[name]))
    explanation = getattr(caught.value, "explanation", None)
    for fix in explanation.fixes if explanation else ():
        if fix.spec is not None:
            specs = [
                fix.spec if str(MatchSpec(text)) == fix.replaces else text for text in REAL[name]
            ]
            assert fix.spec in specs
            request = real_case.request(*specs)
            assert not problems(request, CondaSolver().solve(request))


def small() -> SolverCase:
    case = SolverCase("first", "second")
    case.virtual("__glibc=2.28", "__unix")
    for version in ("3.11.4", "3.12.1"):
        case.package("python", version)
    for version in ("1.0", "2.0", "3.0"):
        case.package("lib", version, depends=["python"])
        case.package("tool", version, depends=[f"lib {version[0]}.*", "python"])
    case.package("modern", "1.0", depends=["lib >=3", "python >=3.12"])
    case.package("heavy", "1.0", depends=["__glibc >=2.34"])
    case.package("gpu", "1.0", depends=["__cuda >=12"])
    case.package("broken", "1.0", depends=["nowhere >=1"])
    case.package("hidden", "1.0", channel="first")
    case.package("hidden", "2.0", channel="second")
    case.package("wants-hidden", "1.0", channel="second", depends=["hidden >=2"])
    case.package("long", "1.0", depends=["chain-1"])
    for number in range(1, 9):
        case.package(f"chain-{number}", "1.0", depends=[f"chain-{number + 1}"])
    case.package("chain-9", "1.0", depends=["lib <2"])
    case.package("pigeon-a", "1.0", depends=["hole-a"])
    for letter in "abc":
        for version in ("1.0", "2.0"):
            others = [f"pick-{other} !={version}" for other in "abc" if other != letter]
            case.package(f"pick-{letter}", version, constrains=others)
    return case


def installed(case: SolverCase, *specs: str):
    return case.installed(*case.solve(*specs).records)


def test_a_pin_against_a_request() -> None:
    case = small()
    check("pin", ["lib=3"], conflict_text(case, ["lib=3"], {"pins": ["lib <3"]}))


def test_a_constraint_that_nothing_satisfies() -> None:
    case = small()
    text = conflict_text(case, ["lib"], {"constraints": ["lib <1"]})
    assert "\n  only lib 1.0, 2.0 and 3.0 are available\n" in text
    text = conflict_text(case, ["lib"], {"pins": ["lib >=2"], "constraints": ["lib <2"]})
    assert "\n  no lib is both >=2 and <2\n" in text


def test_a_pin_against_a_dependency() -> None:
    case = small()
    check("pin-of-a-dependency", ["modern"], conflict_text(case, ["modern"], {"pins": ["lib <3"]}))


def test_frozen_packages() -> None:
    case = small()
    options = {
        "installed": installed(case, "tool=1", "python=3.12"),
        "update_policy": UpdatePolicy.FREEZE_INSTALLED,
    }
    check("frozen", ["modern", "--freeze-installed"], conflict_text(case, ["modern"], options))


def test_the_kept_python_minor() -> None:
    case = small()
    options = {"installed": installed(case, "python=3.11"), "history": ["python"]}
    check("python-minor-kept", ["modern"], conflict_text(case, ["modern"], options))


def test_an_earlier_request() -> None:
    case = small()
    options = {"installed": installed(case, "lib=1"), "history": ["lib <2"]}
    check("earlier-request", ["modern"], conflict_text(case, ["modern"], options))


def test_strict_channel_priority() -> None:
    case = small()
    check("strict-priority", ["wants-hidden"], conflict_text(case, ["wants-hidden"]))


def test_a_version_that_only_a_hidden_channel_has() -> None:
    check("hidden-version", ["hidden=2"], conflict_text(small(), ["hidden=2"]))


def test_a_python_that_is_too_old() -> None:
    case = small()
    check("python-too-old", ["python=2.5"], conflict_text(case, ["python=2.5"]))


def test_a_release_that_does_not_exist() -> None:
    wheels = WheelWorld()
    for version in ("3.6.2", "3.7.4", "4.15.0", "4.16.0", "5.0rc1"):
        wheels.wheel("typing-extensions", version)
    options = {"requirements": (Requirement("typing-extensions<3"),), "wheels": wheels}
    check("no-such-release", ["pypi:typing-extensions<3"], conflict_text(small(), [], options))


def test_virtual_packages() -> None:
    case = small()
    check("glibc-of-the-machine", ["heavy"], conflict_text(case, ["heavy"]))
    check("no-cuda", ["gpu"], conflict_text(case, ["gpu"]))
    case.package("for-windows", "1.0", depends=["__win"])
    check("other-system", ["for-windows"], conflict_text(case, ["for-windows"]))


def test_a_dependency_of_which_there_are_other_versions_and_builds() -> None:
    case = small()
    case.package("needs-later", "1.0", depends=["lib >=9"])
    case.package("needs-build", "1.0", depends=["lib * mkl*"])
    for name in ("needs-later", "needs-build"):
        check(name, [name], conflict_text(case, [name]))


def test_conditions_extras_and_flags() -> None:
    case = small()
    case.package("numpy", "1.26", depends=["python"])
    case.package("numpy", "2.0", depends=["python >=3.12"])
    case.package(
        "app", "1.0", constrains=['tool <2[when="python>=3.12 and lib"]'],
        depends=["python", 'numpy >=2[when="python>=3.11 and (__unix or __win)"]'],
        extra_depends={"old": ["lib <2"]},
    )  # fmt: skip
    case.package("torch", "1.0", "cpu", flags=["cpu", "blas:openblas"])
    case.package("torch", "1.0", "cuda", flags=["cuda", "blas:mkl"])
    requests = {
        "condition": ["app", "numpy<2", "python"],
        "condition-of-a-limit": ["app", "tool>=2", "python=3.12"],
        "condition-of-a-request": ["python=3.12", 'numpy<2[when="python>=3.12"]', "numpy>=2"],
        "condition-without-a-package": ["python=3.12", 'numpy>=3[when="python>=3.10"]'],
        "extra": ["app[extras=[old]]", "tool=3"],
        "no-such-flag": ["torch[flags=[rocm]]"],
        "no-such-subdir": ["torch 1.*[subdir=linux-64]", "python"],
        "no-such-build-number": ["torch[build_number='>=5']"],
    }
    for name, specs in requests.items():
        check(name, specs, conflict_text(case, specs))


def test_a_dependency_that_cannot_be_parsed() -> None:
    case = small()
    case.package("odd", "1.0", depends=['lib[when="(python"]'])
    check("unreadable-condition", ["odd"], conflict_text(case, ["odd"]))


def test_a_dependency_that_no_channel_has() -> None:
    check("missing-dependency", ["broken"], conflict_text(small(), ["broken"]))


def test_a_long_chain_is_shortened() -> None:
    check("long-chain", ["long", "lib=3"], conflict_text(small(), ["long", "lib=3"]))


def test_a_conflict_without_a_derivation() -> None:
    specs = ["pick-a", "pick-b", "pick-c"]
    check("no-chain", specs, conflict_text(small(), specs))


def test_misspelt_names() -> None:
    case = small()
    check("misspelt", ["pyhton"], conflict_text(case, ["pyhton"]))
    check("unknown", ["nothinglikethis"], conflict_text(case, ["nothinglikethis"]))
    several = ["pyhton", "lib", "toool", "nothinglikethis"]
    check("several-unknown", several, conflict_text(case, several))


def test_names_that_pypi_has() -> None:
    wheels = WheelWorld()
    wheels.wheel("special-thing", "1.0")
    check(
        "on-pypi", ["special-thing"], conflict_text(small(), ["special-thing"], {"wheels": wheels})
    )


def test_a_wheel_against_a_conda_package() -> None:
    case = small()
    wheels = WheelWorld()
    wheels.wheel("gensim", "4.3.3", requires=["lib<2"])
    options = {"requirements": (Requirement("gensim"),), "wheels": wheels}
    check(
        "wheel-against-conda", ["tool=3", "pypi:gensim"], conflict_text(case, ["tool=3"], options)
    )


def test_a_wheel_against_a_constraint() -> None:
    case = small()
    wheels = WheelWorld()
    wheels.wheel("only-wheel", "2.0")
    options = {"wheels": wheels, "requirements": (Requirement("only-wheel"),)}
    text = conflict_text(case, ["tool"], {**options, "constraints": ["only-wheel <2"]})
    assert "error: the constraint only-wheel <2 and only-wheel cannot be installed" in text
    assert "only-wheel 2.0 does not match the constraint only-wheel <2" in text
    assert "leave the constraint only-wheel <2 out" in text


def test_wheels_against_each_other() -> None:
    case = small()
    wheels = WheelWorld()
    wheels.wheel("left", "1.0", requires=["shared<2"])
    wheels.wheel("right", "1.0", requires=["shared>=2"])
    for version in ("1.0", "2.0"):
        wheels.wheel("shared", version)
    options = {"requirements": (Requirement("left"), Requirement("right")), "wheels": wheels}
    check(
        "wheels-against-each-other", ["pypi:left", "pypi:right"], conflict_text(case, [], options)
    )


def test_a_wheel_for_another_python() -> None:
    case = small()
    wheels = WheelWorld()
    wheels.wheel("old", "1.0", pythons=["3.9"])
    options = {"requirements": (Requirement("old"),), "wheels": wheels}
    check("wheel-for-another-python", ["pypi:old"], conflict_text(case, [], options))


def test_a_proposed_release_keeps_the_extras() -> None:
    case = small()
    wheels = WheelWorld()
    for version, limit in (("1.0", "lib<2"), ("1.5", "lib<2"), ("2.0", "gone"), ("3.0", "lib>=3")):
        wheels.wheel("web", version, requires=[f"{limit}; extra == 'fast'"])
    options = {"requirements": (Requirement("web[fast]<1.2"),), "wheels": wheels}
    text = conflict_text(case, ["tool=3"], options)
    assert "web[fast] 1.0 needs lib<2" in text
    assert '"pypi:web[fast]==3.0" instead of web[fast]<1.2' in text


def test_a_pin_that_nothing_meets_is_reported_with_what_is_available() -> None:
    case = SolverCase()
    for version in ("3.11.4", "3.12.1"):
        case.package("python", version)
    case.package("numpy", "1.26.4", depends=["python >=3.11,<3.12.0a0"])
    with pytest.raises(SolveError) as caught:
        case.solve("numpy", pins=["python 3.9.*"])
    assert caught.value.message.splitlines() == [
        "numpy and the pin python 3.9.* cannot be installed together",
        "  only python 3.11.4 and 3.12.1 are available",
        "  numpy needs python >=3.11,<3.12.0a0",
    ]
