"""Plain files are read as YAML reads them, without its library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.config import files
from minicon.config.files import read_config_text
from minicon.config.plain_text import plain_entries
from minicon.errors import ConfigError

WORDS = (
    "yes", "No", "TRUE", "oN", "null", "~", "~/envs", "/", "/opt/x", "0", "07", "12", "1.5", "1e3",
    "x", "y", "conda-forge", "https://a.test/c:1", "a:", "a: b", "a #b", "a#b", "'x'", "[]", "{}",
    "*a", "&a", "!x", "|", "-", "?", "", "0x1", "2026-01-01", "1:30", ".inf",
    "@x", "caf\u00e9", "\t",
)  # fmt: skip
words = st.sampled_from(WORDS)
comments = st.sampled_from(("", "", "  #!final", " #!top", " # why", "#x"))
indents = st.sampled_from(("", "  ", "  ", "    "))
keys = st.builds("{}:{}{}{}".format, st.sampled_from(("a", "b", "yes", "C_1", "-")),
                 st.sampled_from((" ", "  ", "")), words, comments)  # fmt: skip
items = st.builds("{}-{}{}{}".format, indents, st.sampled_from((" ", "  ", "")), words, comments)
starts = st.sampled_from(("a:", "list:", "b: # why"))
others = st.builds("{}{}".format, indents, st.sampled_from(("", "# why", "---", "word", "...")))
lines = st.one_of(keys, items, items, starts, starts, others)


@given(st.lists(lines, max_size=8).map("\n".join))
def test_yaml_reads_the_same(text: str) -> None:
    if plain_entries(text) is None:
        return
    ours = read_config_text(text, "f")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "plain_entries", lambda _: None)
        assert ours == read_config_text(text, "f")


PLAIN = """\
# of the team
channels:  #!final
  - conda-forge  #!top
  - https://a.test/c

auto_update_conda: false
envs_dirs:
- ~/envs
remote_max_retries: 5
"""


def test_usual_files_are_plain() -> None:
    found = read_config_text(PLAIN, "f")
    assert plain_entries(PLAIN) is not None
    assert found["channels"].value == ["conda-forge", "https://a.test/c"]
    assert found["channels"].final
    assert found["channels"].item_marks == {"conda-forge": "top"}
    assert found["auto_update_conda"].value is False
    assert found["envs_dirs"].value == ["~/envs"]
    assert found["remote_max_retries"].value == 5


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a: b\n- c\n", "a:\n  - b\n - c\n", "- a\n", "a\n"]
)
def test_mistakes_are_left_to_yaml(text: str) -> None:
    with pytest.raises(ConfigError):
        read_config_text(text, "f")
