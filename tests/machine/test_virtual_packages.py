from __future__ import annotations

import os
import platform
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import ConfigError
from minicon.machine.cuda import detect_cuda, read_answer, version_from_number
from minicon.machine.facts import Machine
from minicon.machine.virtual_packages import detect_virtual_packages
from minicon.models.subdir import native_subdir


def fake_machine(**changes: object) -> Machine:
    facts: dict[str, object] = {
        "platform": "linux-64",
        "system_version": lambda: "6.1.0-18-amd64",
        "libc": lambda: ("glibc", "2.36"),
        "microarchitecture": lambda: "zen4",
        "cuda": lambda: "12.4",
        "cuda_arch": lambda: "8.6",
    }
    return Machine(**{**facts, **changes})  # type: ignore[arg-type]


def detected(target: str, environ=None, overrides=None, **changes: object) -> dict[str, str]:
    packages = detect_virtual_packages(
        target, environ=environ or {}, overrides=overrides, machine=fake_machine(**changes)
    )
    return {
        package.name: package.build if package.name == "__archspec" else package.version
        for package in packages
    }


def test_this_machine_is_seen_as_rattler_sees_it() -> None:
    rattler = pytest.importorskip("rattler")
    clean = {key: value for key, value in os.environ.items() if "OVERRIDE" not in key}
    ours = {
        f"{package.name}={package.version}={package.build}"
        for package in detect_virtual_packages(native_subdir(), environ=clean)
        if package.name != "__cuda_arch"
    }
    theirs = {str(package.into_generic()) for package in rattler.VirtualPackage.detect()}
    assert ours == theirs


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_native_subdir_is_what_rattler_calls_it() -> None:
    rattler = pytest.importorskip("rattler")
    assert native_subdir() == str(rattler.Subdir.current())


def test_linux() -> None:
    assert detected("linux-64") == {
        "__unix": "0",
        "__linux": "6.1.0",
        "__glibc": "2.36",
        "__cuda": "12.4",
        "__cuda_arch": "8.6",
        "__archspec": "zen4",
    }


def test_no_driver_and_no_glibc_are_absent() -> None:
    found = detected("linux-64", cuda=lambda: None, libc=lambda: ("musl", "1.2.4"))
    assert "__cuda" not in found
    assert "__cuda_arch" not in found
    assert "__glibc" not in found


def test_other_subdir_of_the_same_system_keeps_its_versions() -> None:
    found = detected("linux-aarch64")
    assert found["__linux"] == "6.1.0"
    assert found["__glibc"] == "2.36"
    assert found["__archspec"] == "aarch64"


def test_other_systems_get_minimums() -> None:
    mac = detected("osx-arm64")
    assert mac == {"__unix": "0", "__osx": "0", "__archspec": "m1"}
    assert detected("win-64") == {"__win": "0", "__archspec": "x86_64"}
    linux = detected("linux-64", platform="osx-arm64", system_version=lambda: "14.4")
    assert linux == {"__unix": "0", "__linux": "4.18", "__glibc": "2.28", "__archspec": "x86_64"}
    assert detected("noarch", cuda=lambda: None) == {}


def test_macos_version_has_two_numbers() -> None:
    found = detected("osx-64", platform="osx-64", system_version=lambda: "14.4.1")
    assert found["__osx"] == "14.4"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linux", "5.10"), ("glibc", "2.17"), ("cuda", "11.8"), ("cuda_arch", "9.0"),
        ("archspec", "x86_64_v3"),
    ],
)  # fmt: skip
def test_override_replaces_and_empty_removes_what_may_be_missing(name: str, value: str) -> None:
    key = f"CONDA_OVERRIDE_{name.upper()}"
    assert detected("linux-64", {key: value})[f"__{name}"] == value
    empty = detected("linux-64", {key: ""})
    if name in ("linux", "archspec"):
        assert empty == detected("linux-64", {}, {name: ""}) == detected("linux-64")
    else:
        assert f"__{name}" not in empty


def test_a_capability_needs_a_driver() -> None:
    assert "__cuda_arch" not in detected("linux-64", {"CONDA_OVERRIDE_CUDA": ""})
    foreign = detected("win-64", {"CONDA_OVERRIDE_CUDA": "12", "CONDA_OVERRIDE_CUDA_ARCH": "9.0"})
    assert foreign["__cuda_arch"] == "9.0"
    assert "__cuda_arch" not in detected("win-64", {"CONDA_OVERRIDE_CUDA_ARCH": "9.0"})
    with pytest.raises(ConfigError, match="__cuda_arch"):
        detected("linux-64", {"CONDA_OVERRIDE_CUDA_ARCH": "9.0a"})


@pytest.mark.parametrize(
    ("platform", "package"),
    [
        ("emscripten-wasm32", "__archspec=0=wasm32"),
        ("linux-s390x", "__archspec=0=s390x"),
        ("linux-ppc64le", "__archspec=1=ppc64le"),
        ("linux-32", "__archspec=1=x86"),
    ],
)
def test_processors_that_archspec_does_not_have(platform: str, package: str) -> None:
    machine = fake_machine(platform="osx-arm64")
    found = detect_virtual_packages(platform, environ={}, machine=machine)
    assert package in [f"{each.name}={each.version}={each.build}" for each in found]


def test_override_of_another_system_is_not_heard() -> None:
    assert "__osx" not in detected("linux-64", {"CONDA_OVERRIDE_OSX": "14"})
    assert detected("osx-64", {"CONDA_OVERRIDE_OSX": "14"})["__osx"] == "14"


def test_nearer_overrides_win() -> None:
    environ = {"CONDA_OVERRIDE_CUDA": "11"}
    assert detected("linux-64", environ, {"cuda": "10"})["__cuda"] == "11"
    environ["MINICON_OVERRIDE_CUDA"] = "12"
    assert detected("linux-64", environ, {"__cuda": "10"})["__cuda"] == "12"
    assert detected("linux-64", {}, {"__cuda": "10"})["__cuda"] == "10"


def test_setting_may_name_a_package_of_its_own() -> None:
    assert detected("linux-64", {}, {"__site_license": "3"})["__site_license"] == "3"


def test_unix_cannot_be_argued_away() -> None:
    assert detected("linux-64", {"CONDA_OVERRIDE_UNIX": ""}, {"__unix": ""})["__unix"] == "0"


def test_override_that_is_no_version_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"__glibc.*not a version: 'new'"):
        detected("linux-64", {"CONDA_OVERRIDE_GLIBC": "new"})


@given(st.dictionaries(st.sampled_from(["cuda", "glibc", "linux"]), st.text(max_size=6)))
def test_overrides_are_obeyed_or_refused(overrides: dict[str, str]) -> None:
    try:
        found = detected("linux-64", {}, overrides)
    except ConfigError:
        return
    for name, value in overrides.items():
        assert found.get(f"__{name}", "") == value.strip() or (
            name == "linux" and not value.strip()
        )


def test_overridden_and_foreign_properties_are_not_detected() -> None:
    def never() -> str:
        raise AssertionError

    assert detected("linux-64", {"CONDA_OVERRIDE_CUDA": "12"}, cuda=never)["__cuda"] == "12"
    assert "__cuda" not in detected("win-64", cuda=never, system_version=never)


@pytest.mark.parametrize(
    ("text", "version"), [("12040", "12.4"), ("9020", "9.2"), ("11080", "11.8"), ("", None)]
)
def test_cuda_number(text: str, version: str | None) -> None:
    assert version_from_number(text) == version


def test_the_lowest_capability_of_all_devices() -> None:
    assert read_answer("12040\n10.0\n9.0\n") == ("12.4", "9.0")
    assert read_answer("12040\n") == ("12.4", None)
    assert read_answer("") == read_answer("x\n9.0\n") == (None, None)


@pytest.mark.skipif(
    platform.system() != "Linux" or os.path.exists("/dev/nvidiactl"), reason="has a driver"
)
def test_no_driver_costs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", None)
    assert detect_cuda(os.environ) == (None, None)
