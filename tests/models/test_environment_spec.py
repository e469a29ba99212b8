"""Environment data of any shape is parsed, or refused with file and line."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.models.channel import expand_references
from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec


def read(data: object, platform: str = "linux-64") -> EnvironmentSpec:
    return EnvironmentSpec.from_data(data, platform=platform, source="environment.yml")


def test_everything() -> None:
    spec = read(
        {
            "name": "x",
            "channels": ["conda-forge", "nodefaults", {"url": "https://h.example/c"}],
            "dependencies": [
                "python=3.11",
                {"sel(linux)": "gdb"},
                {"sel(osx or win)": ["lldb"]},
                {
                    "pip": [
                        "requests",
                        "-r more.txt",
                        "-e .",
                        "--index-url https://h.example/simple",
                    ]
                },
            ],
            "variables": {"A": 1, "B": None, "C": "x y"},
            "platforms": ["linux-64", "osx-arm64"],
            "category": "dev",
            "groups": {"test": ["pytest", {"pip": ["hypothesis"]}]},
            "prefix": "/opt/x",
            "strange": 1,
        }
    )
    assert spec.name == "x"
    assert spec.channels == ("conda-forge", "nodefaults", "https://h.example/c")
    assert spec.dependencies == ("python=3.11", "gdb")
    assert [s.exact_name for s in spec.specs] == ["python", "gdb"]
    assert spec.pip == ("requests", "-r more.txt", "-e .", "--index-url https://h.example/simple")
    assert spec.variables == {"A": "1", "B": "", "C": "x y"}
    assert spec.platforms == ("linux-64", "osx-arm64")
    assert spec.groups == {"test": DependencyGroup(("pytest",), ("hypothesis",))}
    assert spec.ignored == ("strange",)
    assert read(spec.to_data()).to_data() == spec.to_data()


def test_channels_may_name_variables() -> None:
    spec = read({"channels": ["https://h.example/t/${TOKEN}/c", "$NAME", "${OTHER}"]})
    assert expand_references(spec.channels, {"TOKEN": "abc", "NAME": "n"}) == (
        "https://h.example/t/abc/c",
        "n",
        "${OTHER}",
    )


def test_written_without_secrets() -> None:
    spec = EnvironmentSpec(
        channels=("https://u:p@h.example/t/tok/c", "https://h.example/t/${TOKEN}/c"),
        dependencies=("https://u:p@h.example/c::x",),
        pip=("--index-url https://u:p@h.example/", "x @ git+https://me:${PASSWORD}@h.example/x"),
        variables={"DATABASE": "db://u:p@h.example/"},
    )
    assert spec.to_data() == {
        "channels": ["https://h.example/c", "https://h.example/t/${TOKEN}/c"],
        "dependencies": [
            "https://h.example/c::x",
            {
                "pip": [
                    "--index-url https://h.example/",
                    "x @ git+https://me:${PASSWORD}@h.example/x",
                ]
            },
        ],
        "variables": {"DATABASE": "db://u:p@h.example/"},
    }


@pytest.mark.parametrize("empty", [{}, {"dependencies": None}, {"name": None, "channels": None}])
def test_little_is_enough(empty: dict[str, object]) -> None:
    assert read(empty) == EnvironmentSpec()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "not a mapping"),
        ("text", "not a mapping"),
        ({"name": ["x"]}, "name must be a string, but is a list"),
        ({"name": "a/b"}, "cannot be the name"),
        ({"name": "../../x"}, "cannot be the name"),
        ({"dependencies": "python"}, "dependencies must be a list"),
        ({"dependencies": [None]}, "is empty"),
        ({"dependencies": [["a"]]}, "is a list"),
        ({"dependencies": [{"npm": ["a"]}]}, "unknown key 'npm'"),
        ({"dependencies": [{"sel(mars)": "a"}]}, "is not a selector"),
        ({"dependencies": ["python =>3"]}, "'=>' is not an operator"),
        ({"channels": {"a": 1}}, "must be a list, but is a mapping"),
        ({"variables": ["A=1"]}, "variables must be a mapping"),
        ({"variables": {"A B": 1}}, "cannot be the name of a variable"),
        ({"variables": {"A;rm": 1}}, "cannot be the name of a variable"),
        ({"platforms": ["../x"]}, "not a platform"),
        ({"platforms": ["acme-1", "linux-x86_64"]}, "environment.yml: 'linux-x86_64' is not a"),
        ({"groups": ["a"]}, "groups must be a mapping"),
    ],
)
def test_errors_name_file_and_line(data: object, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(data)
    assert why in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/abs/env", "env"),
        ("/abs/env/", "env"),
        ("/abs/my env", None),
        (r"C:\envs\data", "data"),
        ("/", None),
    ],
)
def test_a_path_as_name_gives_its_last_part(name: str, expected: str | None) -> None:
    """As conda exports an environment that was given by path."""
    data = {"name": name, "dependencies": []}
    spec = EnvironmentSpec.from_data(data, platform="linux-64", source="environment.yml")
    assert spec.name == expected
