"""Specs and lines of pip sections, parsed and sorted by who can provide them."""

from __future__ import annotations

from pathlib import Path

import pytest

from minicon.api.plan.requested_packages import parse_constraint, parse_packages
from minicon.errors import SpecError


def test_nothing() -> None:
    packages = parse_packages(())
    assert packages.specs == ()
    assert packages.requirements == ()


def test_specs_and_requirements_of_pypi() -> None:
    packages = parse_packages(["numpy>=1", "pypi:httpx[http2]>=0.27", "python=3.11"])
    assert [spec.exact_name for spec in packages.specs] == ["numpy", "python"]
    assert [str(each) for each in packages.requirements] == ["httpx[http2]>=0.27"]
    assert packages.history_texts == packages.texts


def test_pip_sections_come_after_what_was_typed(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("rich\n# comment\nattrs<24\n")
    packages = parse_packages(
        ["pypi:httpx"],
        [("requests>=2", tmp_path), ("-r more.txt", tmp_path), ("${NAME}==1", tmp_path)],
        environ={"NAME": "leaf"},
    )
    assert [each.name for each in packages.requirements] == [
        "httpx",
        "requests",
        "rich",
        "attrs",
        "leaf",
    ]
    assert packages.history_texts == (
        "pypi:httpx", "pypi:requests>=2", "pypi:rich", "pypi:attrs<24", "pypi:leaf==1",
    )  # fmt: skip
    assert packages.pip_lines[-1] == ("${NAME}==1", tmp_path), "kept for plan files"


def test_requirements_that_only_pip_can_build_are_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    lines = ["./project", "-e ./project", "git+https://example.org/tool@v1", "leaf"]
    packages = parse_packages((), [(line, tmp_path) for line in lines])
    assert [each.name for each in packages.requirements] == ["leaf"]
    assert len(packages.from_pip.pip_requirements) == 3


def test_pre_releases_where_a_file_allows_them(tmp_path: Path) -> None:
    packages = parse_packages((), [("--pre", tmp_path), ("leaf", tmp_path)])
    assert packages.requirements[0].specifier.prereleases is True
    plain = parse_packages((), [("leaf", tmp_path)])
    assert not plain.requirements[0].specifier.prereleases


@pytest.mark.parametrize("text", ["pypi:", "pypi:=1", "pypi:a b c", "numpy==="])
def test_unreadable_texts_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_packages([text])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        ("numpy >=2", None),
        ("conda-forge::numpy", None),
        ("pypi:httpx", None),
        ("https://conda.test/linux-64/numpy-1-0.conda#0123456789abcdef0123456789abcdef", None),
        ("https://user:a@conda.test/linux-64/numpy-1-0.conda", None),
        ("/srv/odd@name/numpy-1-0.conda", None),
        ("top-1.0-py3-none-any.whl", "pypi:top @ file:///here/top-1.0-py3-none-any.whl"),
        ("x/../a_b-1.0-py3-none-any.whl", "pypi:a_b @ file:///here/a_b-1.0-py3-none-any.whl"),
        (
            f"https://user:a@pip.test/top-1.0-py3-none-any.whl#sha256={'0' * 64}",
            f"pypi:top @ https://user:a@pip.test/top-1.0-py3-none-any.whl#sha256={'0' * 64}",
        ),
        (
            "top @ https://pip.test/top-1.0-py3-none-any.whl",
            "pypi:top @ https://pip.test/top-1.0-py3-none-any.whl",
        ),
        ("top[all]@file:///here/top-1.0.tar.gz", "pypi:top[all]@file:///here/top-1.0.tar.gz"),
        ("tool @ git+https://example.org/tool@v1", "pypi:tool @ git+https://example.org/tool@v1"),
    ],
)
def test_files_of_wheels_and_references_are_requirements_of_pypi(
    typed: str, parsed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("top-1.0-py3-none-any.whl", "a_b-1.0-py3-none-any.whl", "top-1.0.tar.gz"):
        (tmp_path / file).touch()
    expected = (parsed or typed).replace("file:///here", tmp_path.as_uri())
    typed = typed.replace("file:///here", tmp_path.as_uri())
    assert parse_packages([typed]).texts == (expected,)


def test_constraints_are_specs_whichever_source_provides() -> None:
    assert str(parse_constraint("pypi:numpy<2")) == str(parse_constraint("numpy<2")) == "numpy <2"
    with pytest.raises(SpecError):
        parse_constraint("pypi:numpy[extra]<2")
