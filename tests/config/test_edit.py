"""`config --set` and its like: the file says what was wanted, and everything else as before."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from minicon.config.edit import ConfigEdit, edit_config_file, written_values
from minicon.errors import ConfigError, MiniconError, UsageError

FILE = """\
# my channels
channels:   # in this order
  - one  # the first
  # a word on two
  - two

channel_priority: strict  # yes
custom_channels:
  mine: https://x
envs_dirs: [/a, /b]
anaconda_upload: false
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "condarc"
    path.write_text(FILE)
    return path


def edit(path: Path, action: str, key: str, value: str = "") -> tuple[str, tuple[str, ...]]:
    done = edit_config_file(path, [ConfigEdit(action, key, value)])
    assert path.read_text() == done.after
    return done.after, done.comments_lost


@pytest.mark.parametrize(
    ("action", "key", "value", "old", "new"),
    [
        ("append", "channels", "three", "  - two\n", "  - two\n  - three\n"),
        ("prepend", "channels", "zero", "  - one", "  - zero\n  - one"),
        ("remove", "channels", "two", "  - two\n", ""),
        ("set", "offline", "yes", "upload: false\n", "upload: false\noffline: true\n"),
        ("remove-key", "anaconda_upload", "", "anaconda_upload: false\n", ""),
        ("set", "custom_channels.b", "https://y", "https://x\n", "https://x\n  b: https://y\n"),
        ("append", "envs_dirs", "/c", "[/a, /b]\n", "\n- /a\n- /b\n- /c\n"),
    ],
)
def test_only_the_lines_of_the_key_change(
    file: Path, action: str, key: str, value: str, old: str, new: str
) -> None:
    text, lost = edit(file, action, key, value)
    assert text == FILE.replace(old, new).replace("envs_dirs: \n", "envs_dirs:\n")
    assert lost == ()


def test_comments_beside_a_rewritten_value_are_reported(file: Path) -> None:
    text, lost = edit(file, "set", "channel_priority", "flexible")
    assert "channel_priority: flexible\n" in text
    assert lost == ("channel_priority",)


def test_an_item_moves_and_an_emptied_list_stays_a_list(file: Path) -> None:
    edit(file, "append", "channels", "one")
    assert written_values(file)["channels"] == ["two", "one"]
    edit(file, "prepend", "channels", "one")
    assert written_values(file)["channels"] == ["one", "two"]
    edit(file, "remove", "channels", "one")
    edit(file, "remove", "channels", "two")
    assert written_values(file)["channels"] == []
    edit(file, "append", "channels", "x")
    assert written_values(file)["channels"] == ["x"]


def test_a_missing_file_is_made_and_a_link_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.yml"
    edit(path, "append", "channels", "a: b # c")
    assert written_values(path) == {"channels": ["a: b # c"]}
    link = tmp_path / "link"
    link.symlink_to(path)
    edit_config_file(link, [ConfigEdit("set", "offline", "true")])
    assert link.is_symlink()
    assert written_values(path)["offline"] is True


def test_aliases_are_kept_as_written(tmp_path: Path) -> None:
    path = tmp_path / "rc"
    path.write_text("verify_ssl: true\n")
    assert edit(path, "set", "ssl_verify", "false")[0] == "verify_ssl: false\n"


@pytest.mark.parametrize(
    ("action", "key", "value", "kind", "reference"),
    [
        ("set", "chanels", "x", UsageError, "unknown-key"),
        ("set", "channels", "x", UsageError, "not-a-single-value"),
        ("append", "offline", "x", UsageError, "not-a-list"),
        ("remove", "channels", "nope", ConfigError, "not-in-config"),
        ("remove-key", "offline", "", ConfigError, "not-in-config"),
        ("remove-key", "custom_channels.nope", "", ConfigError, "not-in-config"),
        ("set", "offline", "perhaps", ConfigError, "wrong-type"),
        ("set", "channel_priority", "low", ConfigError, "wrong-value"),
    ],
)
def test_mistakes_are_named_and_the_file_stays(
    file: Path, action: str, key: str, value: str, kind: type[MiniconError], reference: str
) -> None:
    with pytest.raises(kind) as caught:
        edit(file, action, key, value)
    assert caught.value.reference == reference
    assert caught.value.hint
    assert file.read_text() == FILE


def test_several_edits_are_one_write(file: Path) -> None:
    edits = [ConfigEdit("append", "channels", "x"), ConfigEdit("set", "offline", "perhaps")]
    with pytest.raises(ConfigError):
        edit_config_file(file, edits)
    assert file.read_text() == FILE


LISTS = st.lists(st.sampled_from(["a", "b", "c: d", "#e", "- f", "'g'", "yes", "1.0", ""]),
                 max_size=4, unique=True)  # fmt: skip


@given(
    items=LISTS,
    others=LISTS,
    flow=st.booleans(),
    indent=st.sampled_from([2, 4]),
    action=st.sampled_from(["append", "prepend", "remove"]),
    value=st.sampled_from(["a", "b", "c: d", "#e", "- f", "'g'", "yes", "1.0", "new", "é ü"]),
)
def test_lists_of_any_layout(
    file: Path,
    items: list[str],
    others: list[str],
    flow: bool,
    indent: int,
    action: str,
    value: str,
) -> None:
    before = {"pinned_packages": others, "channels": items, "offline": True, "envs_dirs": others}
    file.write_text(
        yaml.safe_dump(before, default_flow_style=flow, indent=indent, sort_keys=False, width=20)
    )
    try:
        edit(file, action, "channels", value)
    except ConfigError:
        assert action == "remove"
        assert value not in items
        return
    rest = [item for item in items if item != value]
    wanted = {"append": [*rest, value], "prepend": [value, *rest], "remove": rest}[action]
    assert yaml.safe_load(file.read_text()) == {**before, "channels": wanted}
