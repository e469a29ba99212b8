"""Recipes of ``channel build``: what is accepted, and what errors say."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.publish.recipe import read_recipes


def read(tmp_path, content):
    path = tmp_path / "numpy.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (recipe,) = read_recipes(path)
    return recipe


@pytest.mark.parametrize("python", ["3.10", '"3.10"', "[3.10]", '["3.10"]'])
def test_a_python_that_looks_like_a_number_keeps_its_zero(tmp_path, python) -> None:
    assert read(tmp_path, f"wheel: numpy ==2.*\npython: {python}\n").python == ("3.10",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("wheel: numpy\npyhton: '3.11'\n", "unknown keys: pyhton; did you mean python"),
        (b"wheel: numpy\nsummary: \xff\n", "numpy.yaml cannot be read: it is not UTF-8"),
        ("wheel: numpy\npython: 3\n", "'3' is not a minor version of python such as 3.11"),
        ("wheel: numpy\npython: 3.11.2\n", "'3.11.2' is not a minor version"),
        ("wheel: numpy\npython: {a: b}\n", "python must be a list or a string or null"),
        ("name: numpy\n", "has no 'wheel:'"),
        ("- wheel\n", "has no 'wheel:'"),
        ("wheel: [numpy]\n", "has no 'wheel:'"),
        ("wheel: numpy ==\n", "is not a requirement"),
        ("wheel: numpy\nfiles: {a: ../b}\n", "the path '../b'"),
        ("wheel: numpy\nbuild_number: -1\n", "build_number should be a whole number"),
        ("wheel: numpy\nwheel: scipy\n", "line 2: the key 'wheel' is repeated"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, content)
    text = f"{caught.value.message}; {caught.value.hint}"
    assert message in text
    assert "numpy.yaml" in text
