"""Requests from names, specs and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.api_world import Notes, make_services

from minicon.api.plan.context import make_planning_context
from minicon.api.plan.environment_requests import change_request, clone_request, create_request
from minicon.api.services import Services
from minicon.errors import NotAnEnvironment, PrefixError, SpecError, UsageError


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def services(tmp_path: Path, notes: Notes) -> Services:
    return make_services(tmp_path, notes, create_default_packages=("always-there",))


def existing(services: Services, name: str) -> Path:
    path = services.registry.path_of(name)
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta" / "history").write_text("")
    return path


def write(folder: Path, text: str, name: str = "environment.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_names_and_paths(services: Services, tmp_path: Path) -> None:
    by_name = create_request(services, "a", None, specs=["numpy"])
    assert by_name.prefix == tmp_path / "root" / "envs" / "a"
    assert by_name.packages.texts == ("numpy", "always-there")
    by_path = create_request(services, None, str(tmp_path / "env"))
    assert by_path.prefix == tmp_path / "env"
    with pytest.raises(UsageError):
        create_request(services, None, None)


def test_a_file_gives_name_channels_packages_and_variables(
    services: Services, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        "name: made\nchannels: [conda-forge, host]\nvariables: {KEY: value}\n"
        "dependencies: [python=3.11, pip: [httpx, -e .]]\n",
    )
    request = create_request(services, None, None, files=[file], channels=("mine",))
    assert request.prefix.name == "made"
    assert request.packages.texts == ("always-there", "python=3.11")
    assert request.channels == ("mine", "conda-forge", "host")
    assert request.packages.pip_lines == (("httpx", tmp_path), ("-e .", tmp_path))
    assert request.variables == {"KEY": "value"}
    named = create_request(services, "other", None, files=[file])
    assert named.prefix.name == "other"


def test_several_files(services: Services, tmp_path: Path) -> None:
    first = write(tmp_path, "name: one\ndependencies: [a]\nvariables: {X: '1'}\n", "one.yml")
    second = write(tmp_path, "dependencies: [b, a]\nvariables: {X: '2'}\n", "two.yml")
    plain = write(tmp_path, "c\n# comment\nd >=1\n", "specs.txt")
    request = create_request(services, None, None, files=[first, second, plain], specs=["z"])
    assert request.packages.texts == ("z", "always-there", "a", "b", "c", "d >=1")
    assert request.prefix.name == "one"
    assert request.variables == {"X": "2"}


def test_unknown_keys_are_reported(services: Services, notes: Notes, tmp_path: Path) -> None:
    file = write(tmp_path, "name: a\ndependencies: [x]\ndependecies: [y]\n")
    create_request(services, None, None, files=[file])
    (warning,) = notes.warnings
    assert "dependecies" in warning
    assert str(file) in warning


def test_variables_in_channels_are_expanded_late(services: Services, tmp_path: Path) -> None:
    """The request keeps the file's text, so that no plan file holds a token; sources have it."""
    services.environ["TOKEN"] = "tk-1"
    text = "name: a\nchannels: ['file:///srv/${TOKEN}/channel']\ndependencies: [x]\n"
    request = create_request(services, None, None, files=[write(tmp_path, text)])
    assert request.channels == ("file:///srv/${TOKEN}/channel",)
    (channel,) = make_planning_context(services, request).sources.channels
    assert channel.base_url == "file:///srv/tk-1/channel"


def test_files_and_the_directories_of_users_are_refused(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    assert create_request(services, None, str(folder)).prefix == folder, "an empty one is accepted"
    (folder / "thesis.txt").write_text("years of work")
    assert create_request(services, None, str(folder)).prefix == folder, "its files are kept"
    existing(services, "source")
    assert clone_request(services, "source", None, str(folder)).prefix == folder
    for refused in (folder / "thesis.txt", services.settings.home, Path("/")):
        with pytest.raises(PrefixError) as caught:
            create_request(services, None, str(refused))
        is_file = refused.is_file()
        assert caught.value.reference == ("not-a-folder" if is_file else "not-an-environment")


def test_changes_need_an_environment(services: Services, tmp_path: Path) -> None:
    with pytest.raises(NotAnEnvironment) as caught:
        change_request(services, "install", "absent", None, specs=["x"])
    assert "absent" in caught.value.message
    path = existing(services, "here")
    assert change_request(services, "install", "here", None, specs=["x"]).prefix == path
    assert change_request(services, "install", None, str(path), specs=["x"]).prefix == path
    file = write(tmp_path, "name: here\ndependencies: [x]\n")
    assert change_request(services, "update", None, None, files=[file]).prefix == path
    services.environ["CONDA_PREFIX"] = str(path)
    assert change_request(services, "update", None, None, specs=["x"]).prefix == path


def test_clones(services: Services, tmp_path: Path) -> None:
    path = existing(services, "source")
    assert clone_request(services, "source", "copy", None).clone_of == path
    assert clone_request(services, str(path), "copy", None).clone_of == path
    with pytest.raises(NotAnEnvironment):
        clone_request(services, "absent", "copy", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\ndependencies: {x: 1}\n", "dependencies"),
        ("name: a\ndependencies: ['x >>1']\n", "x >>1"),
        ("name: [a]\n", "name"),
        ("- just\n- a list\n", ""),
        ("name: a\nname: b\n", "name"),
    ],
)
def test_files_that_cannot_be_read(
    services: Services, tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        create_request(services, "a", None, files=[write(tmp_path, text)])
    text = f"{caught.value.message} {caught.value.context}"
    assert "environment.yml" in text
    assert words in text


def test_only_a_pixi_lock_holds_several_environments(services: Services, tmp_path: Path) -> None:
    file = write(tmp_path, "dependencies: [numpy]\n")
    for files in ([file], []):
        with pytest.raises(UsageError, match=r"no pixi\.lock"):
            create_request(services, "a", None, files=files, environment_in_file="test")
