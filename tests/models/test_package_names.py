"""What a channel says of names never becomes a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import SpecError
from minicon.models.package_names import check_package_name, normalize_pypi_name
from minicon.models.record_checks import check_record_fields, split_file_name

GOOD = {"name": "numpy", "version": "1.26.4", "build": "py311h_0", "build_number": 0}
FN = "numpy-1.26.4-py311h_0.conda"


def test_real_records_pass() -> None:
    check_record_fields(GOOD, fn=FN, subdir="linux-64")
    check_record_fields({**GOOD, "subdir": "noarch"}, fn=FN)
    check_record_fields({"name": "_r-mutex", "version": "1!1.0+x", "build": ""}, fn="a-1-0.tar.bz2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../x"), ("name", "a/b"), ("name", ""), ("name", None), ("name", 3),
        ("name", "a..b"), ("name", ".hidden"), ("name", "-x"), ("name", "con"), ("name", "x\n"),
        ("name", "a" * 999), ("name", "x\x1b[2J"), ("name", "\uff41"), ("version", "1/2"),
        ("version", ""), ("version", "1 2"), ("version", ".."),
        ("version", "1_2-3"), ("build", "x\\..\\..\\escaped"),
        ("build", "a/../b"), ("build", "a:b"), ("build", ["x"]), ("build_number", -1),
        ("build_number", True), ("build_number", "0"), ("build_number", 2**64),
        ("subdir", "../linux-64"),
        ("subdir", "win-64"), ("subdir", 3),
    ],
)  # fmt: skip
def test_records_that_could_be_paths_are_refused(field: str, value: object) -> None:
    with pytest.raises(SpecError) as caught:
        check_record_fields({**GOOD, field: value}, fn=FN, subdir="linux-64")
    assert caught.value.reference in ("invalid-record", "invalid-subdir")
    assert caught.value.hint


@pytest.mark.parametrize(
    "fn",
    ["../x-1-0.conda", "a/b-1-0.conda", "x-1-0.zip", "", ".conda", "x-1-0.conda/", "x\0-1-0.conda",
     "con.conda", "x-1-0.conda\n", "C:x-1-0.conda", "a" * 300 + "-1-0.conda", "..\\x-1-0.conda"],
)  # fmt: skip
def test_file_names_that_could_be_paths_are_refused(fn: str) -> None:
    with pytest.raises(SpecError, match="file name"):
        check_record_fields(GOOD, fn=fn)


@given(st.text(max_size=20))
def test_nothing_with_a_separator_passes(text: str) -> None:
    try:
        check_record_fields({**GOOD, "build": text, "name": text, "version": text}, fn=FN)
    except SpecError:
        return
    assert not set(text) & set("/\\:\0\n \x1b")
    assert text not in ("", ".", "..")


def test_names() -> None:
    assert check_package_name("NumPy") == "numpy"
    assert normalize_pypi_name("Foo_.Bar-baz") == "foo-bar-baz"
    with pytest.raises(SpecError, match="not a package name"):
        check_package_name("a b")


def test_file_names_are_split() -> None:
    assert split_file_name("a-b-1.0-py_0.tar.bz2") == ("a-b", "1.0", "py_0")
    for wrong in ("a-1.conda", "a-1-0.zip", "-1-0.conda", "../a-1-0.conda"):
        with pytest.raises(SpecError):
            split_file_name(wrong)
