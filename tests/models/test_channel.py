"""Channels in all spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import SpecError
from minicon.models.channel import Channel, ChannelNames, parse_channels
from minicon.models.url import Credentials

ALIAS = "https://conda.anaconda.org"
CUSTOM = {
    "mine": "https://me:pw@private.example/base",
    "disk": "/srv/channels",
    "mine/sub": "https://sub.example",
}
MULTI = {"both": ["conda-forge", "https://host.example/two"], "loop": ["loop"]}


def read(text: str, **more) -> tuple[Channel, ...]:
    options = {
        "alias": ALIAS,
        "custom_channels": CUSTOM,
        "custom_multichannels": MULTI,
        "default_channels": ["https://host.example/pkgs/main", "pkgs/r"],
        "cwd": "/work dir",
        "home": "/home/me",
    }
    return parse_channels(text, **{**options, **more})


@pytest.mark.parametrize(
    ("text", "name", "base_url", "platforms"),
    [
        ("conda-forge", "conda-forge", f"{ALIAS}/conda-forge", None),
        ("conda-forge/", "conda-forge", f"{ALIAS}/conda-forge", None),
        ("pkgs/main", "pkgs/main", "https://host.example/pkgs/main", None),
        ("pkgs/pro", "pkgs/pro", "https://repo.anaconda.com/pkgs/pro", None),
        ("main", "main", f"{ALIAS}/main", None),
        ("conda-forge/label/dev", "conda-forge/label/dev", f"{ALIAS}/conda-forge/label/dev", None),
        ("conda-forge/osx-64", "conda-forge", f"{ALIAS}/conda-forge", ("osx-64", "noarch")),
        ("a[linux-64, noarch]", "a", f"{ALIAS}/a", ("linux-64", "noarch")),
        (f"{ALIAS}/conda-forge", "conda-forge", f"{ALIAS}/conda-forge", None),
        (f"{ALIAS}/t/tok/conda-forge/noarch", "conda-forge", f"{ALIAS}/conda-forge", ("noarch",)),
        (
            "https://h.example:81/x//y/",
            "https://h.example:81/x/y",
            "https://h.example:81/x/y",
            None,
        ),
        (
            "https://h.example/c/noarch/repodata.json",
            "https://h.example/c",
            "https://h.example/c",
            ("noarch",),
        ),
        ("https://private.example/base/mine", "mine", "https://private.example/base/mine", None),
        ("mine", "mine", "https://private.example/base/mine", None),
        ("mine/label/x", "mine/label/x", "https://private.example/base/mine/label/x", None),
        ("mine/sub", "mine/sub", "https://sub.example/mine/sub", None),
        ("disk", "disk", "file:///srv/channels/disk", None),
        ("file:///a%20b/c", "file:///a%20b/c", "file:///a%20b/c", None),
        ("/a b/c", "file:///a%20b/c", "file:///a%20b/c", None),
        ("//a/c", "file:///a/c", "file:///a/c", None),
        ("./c", "file:///work%20dir/c", "file:///work%20dir/c", None),
        ("../c/linux-64", "file:///c", "file:///c", ("linux-64", "noarch")),
        ("a[linux-64]", "a", f"{ALIAS}/a", ("linux-64",)),
        ("~/c", "file:///home/me/c", "file:///home/me/c", None),
        ("C:\\x\\c", "file:///C:/x/c", "file:///C:/x/c", None),
        ("host", "host", "", None),
        ("pypi", "pypi", "", None),
        ("<unknown>", "<unknown>", "", None),
    ],
)
def test_spellings(text: str, name: str, base_url: str, platforms: tuple[str, ...] | None) -> None:
    (channel,) = read(text)
    assert (channel.name, channel.base_url, channel.platforms) == (name, base_url, platforms)
    assert str(channel) == name


def test_multichannels() -> None:
    assert [c.name for c in read("defaults")] == ["pkgs/main", "pkgs/r"]
    assert [c.base_url for c in read("defaults")] == [
        "https://host.example/pkgs/main",
        f"{ALIAS}/pkgs/r",
    ]
    assert [c.name for c in read("both")] == ["conda-forge", "https://host.example/two"]
    assert [c.platforms for c in read("both/win-64")] == [("win-64", "noarch")] * 2
    assert read("local") == ()
    with pytest.raises(SpecError, match="contains itself"):
        read("loop")


def test_channels_of_defaults_are_where_conda_has_them() -> None:
    found = parse_channels("defaults", alias=ALIAS)
    assert [c.name for c in found] == ["pkgs/main", "pkgs/r"]
    server = "https://repo.anaconda.com"
    assert [c.base_url for c in found] == [f"{server}/pkgs/main", f"{server}/pkgs/r"]
    assert parse_channels("pkgs/r", alias=ALIAS) == found[1:]
    (labelled,) = parse_channels("pkgs/main/label/x", alias=ALIAS)
    assert labelled.base_url == f"{server}/pkgs/main/label/x"
    (mine,) = parse_channels("pkgs/r", alias=ALIAS, custom_channels={"pkgs/r": "https://me.test"})
    assert mine.base_url == "https://me.test/pkgs/r"
    (other,) = read("pkgs/r", default_channels=["https://me:pw@corp.test/t/tok/deep/main"])
    assert other.base_url == f"{ALIAS}/pkgs/r"
    (named,) = read("deep/main", default_channels=["https://corp.test/deep/main"])
    assert named.base_url == "https://corp.test/deep/main"


def test_credentials_are_kept_apart() -> None:
    (channel,) = read("https://me:secret@h.example/t/tok/c")
    assert channel.credentials == Credentials("me", "secret", "tok")
    assert "secret" not in repr(channel) + channel.base_url + channel.url_for("noarch")
    assert channel == read("https://h.example/c")[0]
    assert read("mine")[0].credentials == Credentials("me", "pw")
    assert read("conda-forge", alias="https://h/t/tok")[0].credentials == Credentials(token="tok")


def test_urls_of_subdirs() -> None:
    (channel,) = read("conda-forge")
    assert channel.url_for("linux-64") == f"{ALIAS}/conda-forge/linux-64"
    assert channel.platforms is None
    assert read("a/osx-64")[0].platforms == ("osx-64", "noarch")
    assert read("/x")[0].is_local
    assert read("host")[0].is_builtin
    with pytest.raises(SpecError):
        channel.url_for("../x")
    with pytest.raises(SpecError, match="has no URL"):
        read("pypi")[0].url_for("noarch")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a/../b",
        "git+https://h/x",
        "https:///x",
        "a[zzz]",
        "a\nb",
        "-c",
        "https://h/../x",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert caught.value.hint


@given(st.text("ab./:@%~\\[]-é ", max_size=15))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        channels = read(text)
    except SpecError:
        return
    for channel in channels:
        assert channel.base_url == "file://" or not channel.base_url.endswith("/")
        assert ".." not in channel.base_url.split("/")
        again = read(channel.base_url) if channel.base_url else ()
        assert all(other.base_url == channel.base_url for other in again)


def test_canonical_names_are_those_of_conda() -> None:
    names = ChannelNames(
        alias="https://alias.test",
        custom_channels={"mine": "https://mine.test/x"},
        custom_multichannels={"group": ["one", "https://two.test/two"]},
        default_channels=["https://repo.test/pkgs/main"],
    )
    expected = {
        "https://alias.test/conda-forge": "conda-forge",
        "https://alias.test/priv/label/dev": "priv/label/dev",
        "https://mine.test/x/mine": "mine",
        "https://repo.test/pkgs/main": "defaults",
        "https://alias.test/one": "group",
        "https://two.test/two": "group",
        "https://other.test/conda-forge": "https://other.test/conda-forge",
        "file:///srv/chan": "file:///srv/chan",
        "conda-forge": "conda-forge",
        "pypi": "pypi",
        "": "",
    }
    assert {url: names(url) for url in expected} == expected
    assert names.own("https://repo.test/pkgs/main") == "pkgs/main"
    assert names.members("defaults") == ("pkgs/main",)
    assert names.members("group") == ("one", "https://two.test/two")
    assert names.members("conda-forge") == ("conda-forge",)
    assert names.own("https://alias.test/one") == "one"
    assert names.url("priv/label/dev") == "https://alias.test/priv/label/dev"
    assert names.url("mine") == "https://mine.test/x/mine"
    assert names.url("https://two.test/two") == "https://two.test/two"
    assert names.url("host") == "host"
