"""Explicit lists (CEP 23)."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.models.environment_files.explicit_list import (
    ExplicitEntry,
    is_explicit,
    parse_explicit_list,
)
from minicon.models.match_spec.spec import MatchSpec

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


@pytest.mark.parametrize(
    "tail",
    ["#{m}#{s}", "#{s}#{m}", "#md5:{m}#sha256:{s}", "#sha256:{s}#md5:{m}", "#{m} {s}", "#{s} #{m}",
     "#sha256:{s},md5:{m}", "?sha256={s}#{m}", "#{m}#{m}", "#{m}\t#{s}", "##{s}", "#{s}#"],
)  # fmt: skip
def test_two_hashes_on_a_line_are_refused(tail: str) -> None:
    line = "https://h/c/linux-64/x-1-0.conda" + tail.format(m="a" * 32, s="b" * 64)
    with pytest.raises(SpecError) as caught:
        parse_explicit_list(f"@EXPLICIT\n{line}\n", source="list.txt")
    assert caught.value.reference == "invalid-explicit-list"
    with pytest.raises(SpecError):
        MatchSpec(line)


def test_two_lines_of_one_file_must_agree() -> None:
    url = "https://h/c/linux-64/x-1-0.conda"
    same = f"@EXPLICIT\n{url}#{'a' * 32}\n{url}#sha256:{'b' * 64}\n{url}#{'A' * 32}\n"
    assert len(parse_explicit_list(same, source="x").entries) == 3
    with pytest.raises(SpecError, match=r"line 5: .* has two different hashes"):
        parse_explicit_list(f"{same}{url}#{'c' * 32}\n", source="x")
