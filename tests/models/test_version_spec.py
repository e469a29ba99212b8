"""Version specs: meaning, canonical text, errors; against an obvious reading and rattler."""

from __future__ import annotations

import contextlib

import pytest
import rattler
from hypothesis import given
from hypothesis import strategies as st
from tests.support import version_order as oracle

from minicon.errors import SpecError
from minicon.models.match_spec.version_spec import Constraint, VersionSpec, compatible_prefix
from minicon.models.version import Version

VERSIONS = [
    "0", "1", "1.0", "1.1", "1.2", "1.2.0", "1.2.3", "1.2.3.4", "1.2.4", "1.2a1", "1.2.dev0",
    "1.2.post1", "1.2+cu1", "1.10", "1!1.2", "2", "2.0rc1", "10.2",
]  # fmt: skip

plain = st.sampled_from([v for v in VERSIONS if "+" not in v])
operators = st.sampled_from(["==", "!=", ">=", "<=", ">", "<"])
leaves = st.one_of(
    plain,
    st.builds("{}{}".format, operators, plain),
    st.builds("{}.*".format, plain),
    st.builds("={}".format, plain),
    st.builds("!={}.*".format, plain),
    st.just("~=1.2"),
    st.just("~=1.2.3"),
    st.just("*"),
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    many = st.lists(inner, min_size=2, max_size=3)
    return many.map(",".join) | many.map("|".join) | inner.map("({})".format)


specs = st.recursive(leaves, joined, max_leaves=6)


def holds(tree: object, version: str) -> bool:
    """What a tree means, read plainly with the oracle's order."""
    if not isinstance(tree, Constraint):
        parts = [holds(part, version) for part in tree[1:]]
        return any(parts) if tree[0] == "or" else all(parts)
    operator, text = tree.operator, tree.text
    if operator == "any":
        return True
    if operator in ("startswith", "not_startswith"):
        return oracle.starts_with(version, text) == (operator == "startswith")
    order = oracle.compare(version, text)
    if operator == "~=":
        return order >= 0 and oracle.starts_with(version, text.rsplit(".", 1)[0])
    return {
        "==": order == 0,
        "!=": order != 0,
        ">": order > 0,
        ">=": order >= 0,
        "<": order < 0,
        "<=": order <= 0,
    }[operator]


@given(specs)
def test_contains_means_the_tree(text: str) -> None:
    spec = VersionSpec(text)
    for version in VERSIONS:
        assert spec.contains(version) == holds(spec.tree, version)
        assert spec.contains(Version(version)) == spec.contains(version)


@given(specs)
def test_canonical_text_is_faithful(text: str) -> None:
    spec = VersionSpec(text)
    again = VersionSpec(str(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert str(again) == str(spec)


@given(specs)
def test_agrees_with_rattler(text: str) -> None:
    # rattler reads =1.2.0.* loosely: it drops trailing zeros before it compares prefixes.
    spec, other = VersionSpec(text), rattler.VersionSpec(text)
    zeros = ".0.*" in text or ".0|" in text or "=0" in text or "=1.0" in text or "=1.2.0" in text
    for version in VERSIONS:
        if zeros and ("a" in version or "rc" in version or "dev" in version):
            continue
        assert spec.contains(version) == other.matches(rattler.Version(version)), version


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2", ["1.2", "1.2.0"], ["1.2.1", "1.20"]),
        ("=1.2", ["1.2", "1.2.7", "1.2rc1"], ["1.20", "1.3"]),
        ("1.2*", ["1.2", "1.2.7"], ["1.20"]),
        ("1.2.*", ["1.2", "1.2.7"], ["1.20"]),
        ("==1.2.*", ["1.2", "1.2.7"], ["1.3"]),
        ("!=1.2.*", ["1.3", "1.20"], ["1.2", "1.2.9"]),
        (">=1.2.*", ["1.2", "9"], ["1.1"]),
        (">1.2*", ["1.2", "1.3"], ["1.1"]),
        ("~=1.4.2", ["1.4.2", "1.4.9"], ["1.5", "1.4.1"]),
        ("*1.2*", ["1.2", "11.25"], ["1.3"]),
        ("1.*.3", ["1.2.3", "1.10.3"], ["1.2.4"]),
        (r"^1\.[23]$", ["1.2", "1.3"], ["1.4", "1.2.0"]),
        ("^1(2|3)$|4", ["12", "13", "4.0"], ["1"]),
        (">= 1 , < 2 | 3.*", ["1.5", "3.9"], ["2", "0.9"]),
        ("(1|2),>1.5", ["2"], ["1"]),
        (">=1!2", ["1!2"], ["2"]),
        ("<3.0.a0", ["2.9"], ["3.0", "3.0.a0"]),
        ("*", ["0", "1!9"], []),
    ],
)
def test_meaning(text: str, inside: list[str], outside: list[str]) -> None:
    spec = VersionSpec(text)
    assert [v for v in inside if not spec.contains(v)] == []
    assert [v for v in outside if spec.contains(v)] == []


def test_tree_for_the_solver() -> None:
    assert VersionSpec(">=1,<2|3.*").tree == (
        "or",
        ("and", Constraint(">=", "1"), Constraint("<", "2")),
        Constraint("startswith", "3"),
    )
    assert VersionSpec("*").matches_all
    assert compatible_prefix("1.2.3") == "1.2"
    assert compatible_prefix("1.2+cu1") == "1"


@pytest.mark.parametrize(
    ("text", "why", "hint", "span"),
    [
        ("=>1.2", "'=>' is not an operator", "did you mean >=1.2?", (0, 5)),
        (">=1,=<2", "'=<' is not an operator", "did you mean <=2?", (4, 7)),
        ("", "a version is missing here", ">=1.2,<2", (0, 1)),
        (">=1,,2", "a version is missing here", ">=1.2,<2", (4, 5)),
        (">=", "missing after the operator", ">=1.2", (0, 2)),
        (">=1 <2", "unexpected text", ",", (4, 5)),
        ("(1", "closing parenthesis", "add )", (2, 3)),
        ("1)", "unexpected text", ",", (1, 2)),
        ("~=1", "two parts", "1.*", (0, 3)),
        ("~=1.2.*", "cannot be combined with .*", "1.2.*", (0, 7)),
    ],
)
def test_errors_show_the_invalid_part(
    text: str, why: str, hint: str, span: tuple[int, int]
) -> None:
    with pytest.raises(SpecError) as caught:
        VersionSpec(text)
    error = caught.value
    assert error.reference == "invalid-spec"
    assert why in error.message
    assert hint in (error.hint or "")
    assert error.source == text
    assert error.span == span
    sentence, source, caret = error.message.split("\n")
    assert sentence
    assert source[2:] == text
    assert caret.index("^") - 2 == span[0]


@pytest.mark.parametrize("text", ["(" * 1000 + "1", "1," * 5000 + "1", "9" * 99, "^(a+)+$"])
def test_bombs_are_refused(text: str) -> None:
    with pytest.raises(SpecError):
        VersionSpec(text)


@given(st.text("0123456789.<>=!~,|()*^$ ab", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SpecError):
        spec = VersionSpec(text)
        assert VersionSpec(str(spec)) == spec
        spec.contains("1.2")
