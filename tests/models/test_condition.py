"""Conditions, extras and flags of specs (CEP 43, 44, 45)."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import SpecError
from minicon.models.match_spec.spec import MatchSpec, parse_when
from minicon.models.records import RepodataRecord


def names(text: str) -> list[tuple[str, ...]]:
    return [tuple(name for name, _ in part) for part in parse_when(text)]


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("a", [("a",)]),
        ("a and b", [("a", "b")]),
        ("a or b", [("a",), ("b",)]),
        ("a or b and c", [("a",), ("b", "c")]),
        ("(a or b) and c", [("a", "c"), ("b", "c")]),
        ("a and (b or c) and d", [("a", "b", "d"), ("a", "c", "d")]),
        ("(a)and((b))", [("a", "b")]),
        ("a or(b)", [("a",), ("b",)]),
        ("android and order", [("android", "order")]),
        ("or>=1 or and>=2", [("or",), ("and",)]),
        ("  a   and\tb ", [("a", "b")]),
        ("a and a or a and a", [("a",)]),
    ],
)
def test_operators_and_parentheses(text: str, alternatives: list[tuple[str, ...]]) -> None:
    assert names(text) == alternatives


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("python>=3.10", [("python", "python>=3.10")]),
        ("python >=3.10,<4", [("python", "python >=3.10,<4")]),
        ("Python ==3.10 *_cpython", [("python", "Python ==3.10 *_cpython")]),
        ("a[version='(>=1,<2)|3 or 4'] and b", None),
        ('a[version=">=1,<2|>3"] and b', [("a", 'a[version=">=1,<2|>3"]'), ("b", "b")]),
        ("a[flags=[x,'k:v']]", [("a", "a[flags=[x,'k:v']]")]),
        ("a[build='x and y']", None),
    ],
)
def test_inner_specs(text: str, specs: list[tuple[str, str]] | None) -> None:
    if specs is None:  # read as one spec, which then says what is wrong in it
        with pytest.raises(SpecError):
            parse_when(text)
    else:
        assert [each for part in parse_when(text) for each in part] == specs


@pytest.mark.parametrize(
    "text",
    [
        "", "and", "a and", "or a", "a b c d", "(a", "a)", "a (b)", "a* or b", "^a$", "a[when='b']",
        "a['", "a[[[", "(" * 17 + "a" + ")" * 17, " and ".join(["(a or b)"] * 7),
        " or ".join(["a"] * 100),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_when(text)
    assert caught.value.reference == "invalid-spec"
    with pytest.raises(SpecError):
        MatchSpec.from_fields(name="x", when=text or "()")


def test_a_long_run_of_blanks_costs_nothing() -> None:
    assert names("a" + " " * 8000 + "and b") == [("a", "b")]


@pytest.mark.parametrize(
    "text",
    [
        'x >=1[when="python>=3.10"]',
        "x[when=\"python[version='>=3.10'] and (__unix or __osx)\"]",
        'x[when="a[build=\'b\'] and c[version=\\">1\\"]"]',
        "x 1 b[extras=[a,b-c.d+e],flags=[blas:*,cuda],when='a or b and (c or d)']",
        "x[extras='a', flags=\"cuda\", when=__unix]",
        "x[extras=[ 'a' , \"b\" ], flags=['*', \"a:b\"]]",
    ],
)
def test_text_is_read_again_and_by_others(text: str) -> None:
    spec = MatchSpec(text)
    again = MatchSpec(str(spec))
    assert (again, str(again), hash(again)) == (spec, str(spec), hash(spec))
    rattler = pytest.importorskip("rattler")
    assert str(rattler.MatchSpec(str(spec))) == str(rattler.MatchSpec(text))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("x >=1; if python >=3.10", 'x >=1[when="python >=3.10"]'),
        ("x;if a and (b or c)", 'x[when="a and (b or c)"]'),
        ("x[extras=[a]] ; if p[version='>=3', build='b']",
         "x[extras=[a],when=\"p[version='>=3', build='b']\"]"),
    ],
)  # fmt: skip
def test_the_older_form(older: str, newer: str) -> None:
    assert MatchSpec(older) == MatchSpec(newer)


@pytest.mark.parametrize(
    "bracket",
    ["extras=[A]", "extras=[a/b]", f"extras=[{'a' * 65}]", "flags=[Cuda]",
     "flags=[!cuda]", "flags=[?cuda]", "flags=[a:b:c]", "flags=[a:]", "flags=['a b'?]"],
)  # fmt: skip
def test_names_of_extras_and_flags_are_checked(bracket: str) -> None:
    with pytest.raises(SpecError):
        MatchSpec(f"x[{bracket}]")


@pytest.mark.parametrize(
    ("flags", "wanted", "matches"),
    [
        (["cuda", "blas:mkl"], "cuda", True),
        (["cuda", "blas:mkl"], "cuda,blas:*", True),
        (["cuda", "blas:mkl"], "blas:openblas", False),
        (["cuda", "blas:mkl"], "blas", False),
        (["cuda"], "cuda,blas:*", False),
        (["cuda"], "*", True),
        ([], "*", False),
        (None, "cuda", False),
        ("cuda, mpi", "mpi", True),
    ],
)
def test_a_record_must_have_every_flag(flags: object, wanted: str, matches: bool) -> None:
    data = {"name": "x", "version": "1", "build": "0", "flags": flags}
    record = RepodataRecord(data, channel="c", subdir="noarch", fn="x-1-0.conda", url="")
    assert MatchSpec(f"x[flags=[{wanted}]]").matches(record) is matches


def conditions() -> st.SearchStrategy[str]:
    """Conditions on p0 to p3, as Python reads them too."""
    leaves = st.integers(0, 3).map(lambda number: f"p{number}")
    return st.recursive(
        leaves,
        lambda inner: st.tuples(inner, st.sampled_from(["and", "or"]), inner, st.booleans()).map(
            lambda parts: (
                f"({' '.join(parts[:3])})" if parts[3] else f"{parts[0]} {parts[1]} {parts[2]}"
            )
        ),
        max_leaves=7,
    )


@given(conditions())
def test_conditions_hold_as_python_says(text: str) -> None:
    for values in product([False, True], repeat=4):
        there = {f"p{number}": value for number, value in enumerate(values)}
        expected = eval(text, {}, there)
        spec = MatchSpec.from_fields(name="x", when=text)
        assert spec.applies(lambda name, _, there=there: there[name]) is bool(expected)


def test_the_reference_shows_what_can_be_read() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "specs.md"
    text = page.read_text().replace("\\|", "|")
    table = text.partition("## ")[0]
    shown = [
        each.strip('"')
        for line in table.splitlines()
        if line.startswith("| `")
        for each in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    ]
    shown += text.split("```")[1].split("\n")
    specs = [each for each in shown if each and "…" not in each and not each.startswith("pypi:")]
    assert len(specs) > 15
    for each in specs:
        spec = MatchSpec(each if each[0] != "[" else f"x{each}")
        assert MatchSpec(str(spec)) == spec
