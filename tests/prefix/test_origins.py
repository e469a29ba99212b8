"""Origins of distributions: pip's direct_url.json as lines for pip, and compared with lines."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.explained_world import install_by_hand

from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.prefix.environment.origins import Origin, read_origins, requested_specs
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import pip_installed
from minicon.pypi.requirements.requirement_files import parse_requirements


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with a python."""
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/history").touch()
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)
    record = {"name": "python", "version": "3.11.9", "build": "0", "channel": "main"}
    (tmp_path / "conda-meta/python-3.11.9-0.json").write_text(json.dumps(record))
    return tmp_path


def origin_of(prefix: Path, direct_url: object) -> Origin | None:
    folder = install_by_hand(prefix, "own", "1.0")
    (folder / "direct_url.json").write_text(json.dumps(direct_url))
    with (folder / "RECORD").open("a") as record:
        record.write(f"{folder.name}/direct_url.json,,\n")
    return read_origins(prefix, pip_installed(Prefix(prefix))).get("own")


def git(url: str, revision: str | None = None) -> dict[str, object]:
    facts = {"vcs": "git", "commit_id": "c0ffee", "requested_revision": revision}
    return {"url": url, "vcs_info": facts}


@pytest.mark.parametrize(
    ("direct_url", "line", "source"),
    [
        ({"url": "file:///srv/own", "dir_info": {}}, "own @ file:///srv/own", None),
        ({"url": "file:///srv/own", "dir_info": {"editable": True}}, "-e /srv/own", None),
        (
            {"url": "https://me:pw@e.org/o.zip", "archive_info": {}},
            "own @ https://e.org/o.zip",
            None,
        ),
        (
            git("ssh://git@e.org/o", "main"),
            "own @ git+ssh://git@e.org/o@c0ffee",
            "own @ git+ssh://git@e.org/o@main",
        ),
        (
            {**git("https://e.org/o"), "subdirectory": "a/b"},
            "own @ git+https://e.org/o@c0ffee#subdirectory=a/b",
            "own @ git+https://e.org/o#subdirectory=a/b",
        ),
    ],
)
def test_lines_for_pip(
    prefix: Path, direct_url: dict[str, object], line: str, source: str | None
) -> None:
    origin = origin_of(prefix, direct_url)
    assert origin is not None
    assert (origin.requirement, origin.source) == (line, source or line)


@pytest.mark.parametrize(
    "direct_url", [{}, [], {"url": 1}, {"url": "file:///x", "vcs_info": "git"}, {"url": None}]
)
def test_what_is_no_direct_url_is_no_origin(prefix: Path, direct_url: object) -> None:
    assert origin_of(prefix, direct_url) is None


def parse(line: str, folder: Path) -> PipRequirement:
    (found,) = parse_requirements([line], folder=folder).pip_requirements
    return found


def test_lines_that_name_an_origin(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to("own")
    plain = Origin(name="own", url=(tmp_path / "own").as_uri())
    for line in (
        "./own",
        "own @ " + plain.url,
        "./own[extra]",
        "./link",
        "./own ; python_version>'3'",
    ):
        assert plain.is_of(parse(line, tmp_path)), line
    assert not plain.is_of(parse("-e ./own", tmp_path))
    editable = Origin(name="own", url=plain.url, is_editable=True)
    assert editable.is_of(parse("-e ./own", tmp_path))
    assert not editable.is_of(parse("./own", tmp_path))
    repository = Origin(
        name="own", url="ssh://git@e.org/o", vcs="git", commit="c0ffee", revision="main"
    )
    for line, expected in {
        "git+ssh://git@e.org/o@main": True,
        "own @ git+ssh://git@e.org/o@c0ffee": True,
        "git+ssh://git@e.org/o@other": False,
        "git+ssh://git@e.org/o": False,
        "git+https://e.org/o@main": False,
    }.items():
        assert repository.is_of(parse(line, tmp_path)) is expected, line


def test_sources_that_were_modified_after_the_installation(tmp_path: Path) -> None:
    source = tmp_path / "own"
    (source / "package").mkdir(parents=True)
    (source / ".git").mkdir()
    (source / "build").mkdir()
    for name in ("pyproject.toml", "package/code.py", ".git/index", "build/code.py"):
        (source / name).touch()
        os.utime(source / name, ns=(10, 10))

    def changed(path: str, *, is_editable: bool = False) -> bool:
        os.utime(source / path, ns=(30, 30))
        origin = Origin(name="own", url=source.as_uri(), is_editable=is_editable, installed_at=20)
        try:
            return origin.has_changed()
        finally:
            os.utime(source / path, ns=(10, 10))

    assert changed("package/code.py")
    assert not changed(".git/index")
    assert not changed("build/code.py")
    assert changed("pyproject.toml", is_editable=True)
    assert not changed("package/code.py", is_editable=True)


def test_what_the_user_installed_with_pip_is_requested(prefix: Path) -> None:
    for name, is_requested in (("wanted", True), ("needed", False)):
        folder = install_by_hand(prefix, name, "1.0")
        if is_requested:
            (folder / "REQUESTED").touch()
            with (folder / "RECORD").open("a") as record:
                record.write(f"{folder.name}/REQUESTED,,\n")
    found = Prefix(prefix)
    requested = requested_specs(found, pip_installed(found), found.requested_specs())
    assert requested == {"wanted": "pypi:wanted==1.0"}
