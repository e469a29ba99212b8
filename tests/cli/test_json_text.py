"""JSON for people reads as Python's own encoder writes it."""

import json
from enum import Enum
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.cli.json_text import json_text

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.builds(PurePosixPath, st.text(min_size=1))
)
KEYS = st.text() | st.integers() | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=20,
)


class Color(str, Enum):
    RED = "red"


@given(VALUES, st.booleans())
def test_output_equals_that_of_the_standard_library(value, ensure_ascii):
    expected = json.dumps(value, indent=2, default=str, ensure_ascii=ensure_ascii)
    assert json_text(value, ensure_ascii=ensure_ascii) == expected


def test_objects_without_a_json_form_become_strings():
    assert json_text([Color.RED]) == json.dumps([Color.RED], indent=2)


def test_a_key_that_is_no_string_is_rejected():
    with pytest.raises(TypeError, match="cannot be a key"):
        json_text({("a", "b"): 1})


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3))
def test_an_object_may_occur_several_times(part):
    value = {"first": part, "all": [part, part], "deeper": {"part": part}}
    assert json_text(value) == json.dumps(value, indent=2, default=str, ensure_ascii=False)
