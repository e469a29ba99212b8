"""Names and builds: exact, glob, regular expression, and the cost of strangers' patterns."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import SpecError
from minicon.models.match_spec.build_spec import BuildNumberSpec, StringSpec, compile_glob

texts = st.text("abc_0", max_size=12)


@given(st.text("ab*_", max_size=8), texts)
def test_globs_are_like_regular_expressions(glob: str, text: str) -> None:
    pattern = ".*".join(map(re.escape, glob.split("*")))
    assert compile_glob(glob)(text) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        ("py311_0", "py311_0", "py311_01"),
        ("py311*", "py311h12_0", "py310_0"),
        ("*_cpython", "h1_0_cpython", "h1_0_pypy"),
        ("^py3(10|11)_.*$", "py310_0", "py39_0"),
        ("*", "", None),
    ],
)
def test_meaning(spec: str, inside: str, outside: str | None) -> None:
    assert StringSpec(spec).matches(inside)
    assert outside is None or not StringSpec(spec).matches(outside)


def test_exact_is_known() -> None:
    assert StringSpec("x").exact == "x"
    assert StringSpec("x*").exact is None
    assert StringSpec("**").matches_all
    assert StringSpec("a") == StringSpec("a")
    assert len({StringSpec("a"), StringSpec("a")}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "^(a+)+$", "^(a|aa)*$", "^((a*)b?)*$", "^(a{1,9}){2,9}$", r"^(\w+\s?)*$", r"^(a)\1$", "^a",
        "a$", "$", "^(.*)(.*)(.*)(.*)(.*)x$", "^[a$", "^" + "a" * 2000 + "$", "^(?P<x>a)(?P=x)$",
    ],
)  # fmt: skip
def test_costly_or_wrong_patterns_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        StringSpec(text)
    assert caught.value.reference == "invalid-spec"
    assert "glob" in (caught.value.hint or "")


@given(st.text("ab()*+?|[].{}1,", max_size=12))
def test_allowed_patterns_are_quick(inner: str) -> None:
    try:
        spec = StringSpec(f"^{inner}$")
    except SpecError:
        return
    start = time.perf_counter()
    spec.matches("a" * 254 + "!")
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "text", ["^(core2|k10|x86_64_v3)$", r"^py3\d+_[0-9]+$", "^(py|cp).*_0$", "^a[*+]b$"]
)
def test_real_patterns_are_allowed(text: str) -> None:
    assert not StringSpec(text).matches("nothing like it")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("3", 3, 4),
        ("=3", 3, 2),
        (">=3", 3, 2),
        ("!=0", 1, 0),
        ("< 2", 1, 2),
        ("<=2", 2, 3),
        (">2", 3, 2),
    ],
)
def test_build_numbers(text: str, inside: int, outside: int) -> None:
    spec = BuildNumberSpec(text)
    assert spec.matches(inside)
    assert not spec.matches(outside)
    assert BuildNumberSpec(str(spec)) == spec


@pytest.mark.parametrize("text", ["", "x", "=>3", "-1", "9" * 50])
def test_wrong_build_numbers_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="build number"):
        BuildNumberSpec(text)
