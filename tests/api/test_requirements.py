"""Specs and pip lines, sorted by who answers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from minicon.api.plan.requirements import limit_of, spec_for_pypi, split_specs
from minicon.errors import SpecError


def test_nothing() -> None:
    asked = split_specs(())
    assert asked.specs == ()
    assert asked.requirements == ()


def test_specs_and_what_pypi_is_asked_for_by_name() -> None:
    asked = split_specs(["numpy>=1", "pypi:httpx[http2]>=0.27", "python=3.11"])
    assert [spec.exact_name for spec in asked.specs] == ["numpy", "python"]
    assert [str(each) for each in asked.requirements] == ["httpx[http2]>=0.27"]
    assert asked.by_name == 1
    assert asked.from_pip_lines == ()


def test_pip_sections_come_after_what_was_typed(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("rich\n# comment\nattrs<24\n")
    asked = split_specs(
        ["pypi:httpx"],
        [("requests>=2", tmp_path), ("-r more.txt", tmp_path), ("${NAME}==1", tmp_path)],
        environ={"NAME": "leaf"},
    )
    assert [each.name for each in asked.requirements] == [
        "httpx",
        "requests",
        "rich",
        "attrs",
        "leaf",
    ]
    assert [each.name for each in asked.from_pip_lines] == ["requests", "rich", "attrs", "leaf"]


def test_what_only_pip_can_do_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    lines = ["./project", "-e ./project", "git+https://example.org/tool@v1", "leaf"]
    asked = split_specs((), [(line, tmp_path) for line in lines])
    assert [each.name for each in asked.requirements] == ["leaf"]
    assert len(asked.from_pip.pip_requirements) == 3


def test_pre_releases_where_a_file_wants_them(tmp_path: Path) -> None:
    asked = split_specs((), [("--pre", tmp_path), ("leaf", tmp_path)])
    assert asked.requirements[0].specifier.prereleases is True
    plain = split_specs((), [("leaf", tmp_path)])
    assert not plain.requirements[0].specifier.prereleases


@pytest.mark.parametrize("text", ["pypi:", "pypi:=1", "pypi:a b c", "numpy==="])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        split_specs([text])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("numpy >=2", None),
        ("conda-forge::numpy", None),
        ("pypi:httpx", None),
        ("https://conda.test/linux-64/numpy-1-0.conda#sha256:0", None),
        ("https://user:a@conda.test/linux-64/numpy-1-0.conda", None),
        ("/srv/odd@place/numpy-1-0.conda", None),
        ("top-1.0-py3-none-any.whl", "pypi:top @ file:///here/top-1.0-py3-none-any.whl"),
        ("x/../a_b-1.0-py3-none-any.whl", "pypi:a_b @ file:///here/a_b-1.0-py3-none-any.whl"),
        (
            "https://user:a@pip.test/top-1.0-py3-none-any.whl#sha256=0",
            "pypi:top @ https://user:a@pip.test/top-1.0-py3-none-any.whl#sha256=0",
        ),
        (
            "top @ https://pip.test/top-1.0-py3-none-any.whl",
            "pypi:top @ https://pip.test/top-1.0-py3-none-any.whl",
        ),
        ("top[all]@file:///w/top-1.0.tar.gz", "pypi:top[all]@file:///w/top-1.0.tar.gz"),
        ("tool @ git+https://example.org/tool@v1", "pypi:tool @ git+https://example.org/tool@v1"),
    ],
)
def test_files_and_references_of_pip_are_for_pypi(
    typed: str, asked: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = (asked or typed).replace("file:///here", tmp_path.as_uri())
    assert spec_for_pypi(typed) == expected


def test_limits_are_specs_whoever_answers() -> None:
    assert str(limit_of("pypi:numpy<2")) == str(limit_of("numpy<2")) == "numpy <2"
    with pytest.raises(SpecError):
        limit_of("pypi:numpy[extra]<2")
