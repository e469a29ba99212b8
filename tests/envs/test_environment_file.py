"""Environment files: real ones are read and written, hostile ones are refused."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicon.config import strict_yaml
from minicon.envs.environment_file import parse_environment, write_environment_file
from minicon.envs.input_text import InputText, read_input_text
from minicon.errors import SpecError
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec
from minicon.redaction import without_secrets

FIXTURES = Path(__file__).parents[2] / "fixtures" / "environment_files"
REFUSED = {
    "OpenFreeEnergy+openfe__environment.yml": "dependencies has the unknown key 'run_constrained'",
    "pangeo-data+pangeo-binder__pangeo-binder__requirements.yaml": "unknown key 'name'",
    "pydata+xarray__doc__environment_template.yml": "'{' is not allowed",
}
REAL = sorted(p.name for p in FIXTURES.glob("*.y*ml") if p.name not in REFUSED)


def read(text: str, name: str = "environment.yml", platform: str = "linux-64") -> EnvironmentSpec:
    return parse_environment(InputText(text, name, name, Path()), platform=platform)


def read_environment_file(path: Path, *, platform: str) -> EnvironmentSpec:
    return parse_environment(read_input_text(path), platform=platform)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_and_written_again(name: str) -> None:
    spec = read_environment_file(FIXTURES / name, platform="linux-64")
    assert spec.dependencies or spec.pip
    again = read(write_environment_file(spec))
    assert again == replace(spec, ignored=())


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_other_real_files_are_refused(name: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_environment_file(FIXTURES / name, platform="linux-64")
    assert why in caught.value.message
    assert name in caught.value.message + (caught.value.context or "")
    if "template" in name:
        assert "template" in (caught.value.hint or "")


@pytest.mark.skipif("MINICON_SHARED_DATA" not in os.environ, reason="needs the whole collection")
def test_all_real_files() -> None:
    folder = Path(os.environ["MINICON_SHARED_DATA"]) / "environment-files"
    files = sorted(folder.glob("*.y*ml"))
    refused = 0
    for file in files:
        try:
            spec = read_environment_file(file, platform="linux-64")
        except SpecError:
            refused += 1
        else:
            assert read(write_environment_file(spec)) == replace(spec, ignored=())
    assert len(files) > 250
    assert refused <= 7


def test_selectors_in_comments_are_evaluated() -> None:
    text = (
        "dependencies:\n  - a  # [linux64]\n  - b  # [osx or win]\n  - c  # [testing]\n"
        "  - pip:\n    - d  # [win]\n    - e>=1  # comment\n"
    )
    assert read(text).dependencies == ("a", "c")
    assert read(text).pip == ("e>=1",)
    assert read(text, platform="win-64").dependencies == ("b", "c")
    assert read(text, platform="win-64").pip == ("d", "e>=1")


def test_scalars_stay_text() -> None:
    spec = read(
        "name: 1.10\nvariables: {A: 010, B: yes, C: 1e3, D: ~}\ndependencies: [python=3.10]"
    )
    assert spec.name == "1.10"
    assert spec.variables == {"A": "010", "B": "yes", "C": "1e3", "D": ""}
    assert all(type(text) is str for text in (spec.name, *spec.dependencies, *spec.variables))


def test_anchors_and_merges_work() -> None:
    spec = read("x: &x {A: '1'}\nvariables: {<<: *x, B: '2'}\ndependencies: [python]\n")
    assert spec.variables == {"A": "1", "B": "2"}
    assert spec.ignored == ("x",)


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: x\nname: y\n", "line 2: the key 'name' is repeated"),
        ("dependencies: !!python/object/apply:os.system ['touch pwned']", "tag"),
        ("dependencies: !custom [a]", "tag"),
        ("dependencies:\n- a\n- !!binary aGk=\n", "line 3: the tag"),
        (LAUGHS, "too many"),
        ("a: " + "[" * 40 + "]" * 40, "nesting is too deep"),
        ("a: " + "{a: " * 5000, "nesting is too deep"),
        ("dependencies:\n\t- a\n", "line 2"),
        ("dependencies: [a", "line"),
        ("{[a]: b}", "key must be a string"),
        ("a: *nothing", "undefined alias"),
        ("- a\n- b\n", "not a mapping"),
        ("just text", "not a mapping"),
        ("", "empty"),
        ("a: 1\n---\nb: 2\n", "document"),
        ("&a [*a]", ""),
        ("dependencies: &a [*a]", ""),
    ],
)
def test_hostile_yaml_is_refused(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(text)
    start = time.perf_counter()
    with pytest.raises(SpecError) as caught:
        read_environment_file(file, platform="linux-64")
    assert why in caught.value.message
    assert caught.value.hint
    assert str(file) in caught.value.message + (caught.value.context or "")
    assert time.perf_counter() - start < 2
    assert not (tmp_path / "pwned").exists()


def test_empty_items_are_named() -> None:
    with pytest.raises(SpecError, match="an item of dependencies must be a string, but is empty"):
        read("dependencies:\n  - python\n  -\n")


@given(st.text("ab:-[]{}&*!#'\"\n |>%@,?~<", max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SpecError):
        strict_yaml.load(text, source="x")


def test_noarch_is_no_platform_of_an_environment() -> None:
    with pytest.raises(SpecError, match="line 1: 'noarch' is no platform of an environment"):
        read("platforms: [linux-64, noarch]\ndependencies: [a]\n")


def test_a_misspelt_key_of_dependencies_is_an_error() -> None:
    with pytest.raises(SpecError, match="line 2: the key 'dependecies' is unknown") as caught:
        read("name: a\ndependecies: [b]\n")
    assert caught.value.hint == "did you mean dependencies?"
    assert read("dependecies: [b]\ndependencies: [c]\n").ignored == ("dependecies",)
    assert not read("name: a\n").has_dependencies_key
    assert read("name: a\ndependencies:\n").has_dependencies_key


def test_errors_name_the_line() -> None:
    with pytest.raises(SpecError) as caught:
        read("name: x\ndependencies:\n  - python\n  - numpy =>1.2\n")
    assert caught.value.context == "while reading environment.yml, line 4"
    assert "did you mean numpy >=1.2?" in (caught.value.hint or "")


def test_unreadable_files(tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    with pytest.raises(SpecError, match="there is no file"):
        read_environment_file(file, platform="linux-64")
    with pytest.raises(SpecError, match="cannot read"):
        read_environment_file(tmp_path, platform="linux-64")
    file.write_bytes(b"name: \xff\xfe\xfa")
    with pytest.raises(SpecError, match="UTF-8"):
        read_environment_file(file, platform="linux-64")
    file.write_bytes(b"name: \0")
    with pytest.raises(SpecError, match="not a text file"):
        read_environment_file(file, platform="linux-64")
    file.write_bytes(b"# " + b"x" * (strict_yaml.MAX_BYTES + 1))
    with pytest.raises(SpecError, match="too large"):
        read_environment_file(file, platform="linux-64")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_of_windows_tools(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "environment.yml"
    file.write_bytes("name: größe\r\ndependencies:\r\n- python\r\n".encode(encoding))
    assert read_environment_file(file, platform="linux-64").name == "größe"


def test_lists_of_specs() -> None:
    text = (
        "# platform: linux-64\nnumpy=1.26.4=py311h_0\n\nscipy >=1.10,<2  # why\n"
        "requests[socks]>=2 ; python_version > '3.8'\n-r more.txt\n-e .\npandas==2.1.*\n"
        "git+https://h.example/x.git\nfoo===1.0\n"
    )
    spec = read(text, name="requirements.txt")
    assert spec.dependencies == ("numpy=1.26.4=py311h_0", "scipy >=1.10,<2", "pandas==2.1.*")
    assert spec.pip == (
        "requests[socks]>=2 ; python_version > '3.8'",
        "-r more.txt",
        "-e .",
        "git+https://h.example/x.git",
        "foo===1.0",
    )
    assert spec.platforms == ("linux-64",)
    with pytest.raises(SpecError) as caught:
        read("numpy\nscipy =>1\n", name="x.txt")
    assert caught.value.context == "while reading x.txt, line 2"


def test_environment_file_without_extension() -> None:
    text = "name: test\ndependencies:\n  - https://192.0.2.1:443::flask=1.0.2\n"
    assert read(text, name="environment_host").specs[0].channel == "https://192.0.2.1:443"


def test_explicit_lists() -> None:
    text = "# platform: linux-64\n@EXPLICIT\nhttps://h.example/c/linux-64/a-1-0.conda\n"
    spec = read(text, name="x.txt")
    assert [entry.fn for entry in spec.explicit] == ["a-1-0.conda"]
    assert spec.platforms == ("linux-64",)
    assert read(write_environment_file(spec), name="x.txt") == spec


def test_written_files_contain_no_secrets() -> None:
    spec = EnvironmentSpec(
        channels=("https://u:secret@h.example/t/tok/c",),
        dependencies=("python",),
        groups={"test": DependencyGroup(("pytest",))},
        variables={"A": "yes", "B": "- x: {", "C": "ü\n'\""},
    )
    text = write_environment_file(spec)
    assert "secret" not in text
    assert "tok" not in text
    again = read(text)
    assert again == replace(spec, channels=("https://h.example/c",))
    assert "  - python" in text


names = st.from_regex(r"[a-z]([_.-]?[a-z0-9]){0,5}", fullmatch=True)
#: Specs with secrets, which are not written.
lines = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12).filter(
    lambda text: without_secrets(text) == text
)


@given(
    st.builds(
        EnvironmentSpec,
        name=st.none() | names,
        channels=st.lists(names, max_size=3).map(tuple),
        dependencies=st.lists(names, max_size=4).map(tuple),
        pip=st.lists(lines.filter(bool), max_size=3).map(tuple),
        variables=st.dictionaries(st.from_regex("[A-Z_]{1,5}", fullmatch=True), lines, max_size=3),
    )
)
@settings(deadline=None)
def test_written_files_parse_to_the_same_spec(spec: EnvironmentSpec) -> None:
    assert read(write_environment_file(spec)) == spec
