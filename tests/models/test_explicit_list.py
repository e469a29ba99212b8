"""Explicit lists (CEP 23)."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.models.explicit_list import ExplicitEntry, is_explicit, parse_explicit_list

MD5, SHA = "0a" * 16, "1b" * 32
TEXT = f"""\
# This file may be used to create an environment using:
# platform: linux-64

@EXPLICIT
https://h.example/c/linux-64/a-1-0.conda#{MD5.upper()}
https://u:secret@h.example/t/tok/c/noarch/b-1-0.tar.bz2#sha256:{SHA}
https://h.example/c/noarch/c-1!2-0.conda#{SHA}
/tmp/d-1-0.conda
"""


def test_reading() -> None:
    read = parse_explicit_list(TEXT, source="spec.txt")
    assert read.platform == "linux-64"
    first, second, third, last = read.entries
    assert first == ExplicitEntry("https://h.example/c/linux-64/a-1-0.conda", md5=MD5)
    assert second.sha256 == third.sha256 == SHA
    assert "secret" in second.url
    assert "secret" not in str(second) + repr(second) + str(read)
    assert second.fn == "b-1-0.tar.bz2"
    assert last.fn == "d-1-0.conda"
    assert is_explicit(TEXT)
    assert not is_explicit("numpy\n# @EXPLICIT would be a line of its own\n")


def test_writing_reads_again() -> None:
    read = parse_explicit_list(TEXT.replace("u:secret@", "").replace("t/tok/", ""), source="x")
    assert parse_explicit_list(str(read), source="x") == read


@pytest.mark.parametrize(
    "line",
    ["numpy", "https://h.example/c/x.zip", "https://h/c/x-1-0.conda#zz", "ftp://h/x-1-0.conda"],
)
def test_wrong_lines_are_named(line: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_explicit_list(f"@EXPLICIT\n\n{line}\n", source="spec.txt")
    assert caught.value.hint
    assert "spec.txt, line 3" in caught.value.message or caught.value.reference == "invalid-url"
