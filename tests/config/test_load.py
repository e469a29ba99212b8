"""Configuration: conda's files and priorities, variables, flags; each value knows its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.config.keys import ALIASES, KEYS, OTHER_TOOLS_KEYS, UNSUPPORTED_KEYS, Kind
from minicon.config.load import LoadedSettings, configured_values, load_settings
from minicon.config.settings import Settings
from minicon.errors import ConfigError


class Home:
    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.home.mkdir()
        self.environ: dict[str, str] = {}

    def file(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, flags: dict[str, Any] | None = None, **environ: str) -> LoadedSettings:
        return load_settings(
            environ={**self.environ, **environ},
            home=self.home,
            working_directory=self.home / "work",
            platform="linux-64",
            flags=flags,
        )


@pytest.fixture
def user(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_nothing_configured(user: Home) -> None:
    loaded = user.load()
    root = user.home / ".local" / "share" / "minicon"
    assert loaded.warnings == ()
    assert loaded.settings == Settings(
        root=root,
        home=user.home,
        platform="linux-64",
        envs_dirs=(root / "envs", user.home / ".conda" / "envs"),
        pkgs_dirs=(root / "pkgs",),
        sources=loaded.settings.sources,
    )
    assert set(loaded.settings.sources.values()) == {"default"}


def test_each_source_has_its_priority(user: Home) -> None:
    """Lowest priority first; each source sets itself as the alias, and the next one replaces it."""
    prefix = user.home / "env"
    ladder: list[tuple[str, dict[str, str]]] = [
        ("xdg/conda/condarc", {"XDG_CONFIG_HOME": str(user.home / "xdg")}),
        (".config/conda/.condarc", {}),
        (".config/conda/condarc.d/b.yml", {}),
        (".conda/condarc", {}),
        (".condarc", {}),
        ("env/.condarc", {"CONDA_PREFIX": str(prefix)}),
        ("named.yml", {"CONDARC": "~/named.yml"}),
        ("xdg/minicon/config.yml", {}),
        ("mine.yml", {"MINICONRC": "$WHERE/mine.yml", "WHERE": str(user.home)}),
    ]
    for name, environ in ladder:
        path = user.file(name, f"channel_alias: https://{name}\nchannels: [{name}]\n")
        user.environ |= environ
        settings = user.load().settings
        assert settings.channel_alias == f"https://{name}"
        assert settings.sources["channel_alias"] == str(path)
    names = [name for name, _ in ladder]
    assert user.load().settings.channels == tuple(reversed(names))
    higher = user.load(CONDA_CHANNEL_ALIAS="c", CONDA_CHANNELS="x, y").settings
    assert (higher.channel_alias, higher.sources["channel_alias"]) == ("c", "CONDA_CHANNEL_ALIAS")
    assert higher.channels == ("x", "y", *reversed(names))
    environ = {"CONDA_CHANNEL_ALIAS": "c", "MINICON_CHANNEL_ALIAS": "m"}
    assert user.load(**environ).settings.channel_alias == "m"
    flagged = user.load({"channel_alias": "f", "channels": ["z"], "quiet": None}, **environ)
    assert flagged.settings.sources["channel_alias"] == "flag"
    assert flagged.settings.channels == ("z", *reversed(names))


def test_marks_in_comments(user: Home) -> None:
    user.file(
        ".conda/condarc",
        "channels:\n  - low\n  - last  #!bottom\n  - first  #!top\nchannel_alias: a  #!final\n"
        "pinned_packages:  #!final\n  - python 3.11\n"
        "proxy_servers:\n  http: one  #!final\n  https: one\n",
    )
    user.file(
        ".condarc",
        "channels:\n  - high\n  - low\nchannel_alias: b\npinned_packages: [x]\n"
        "proxy_servers: {http: two, https: two}\n",
    )
    settings = user.load(MINICON_CHANNEL_ALIAS="c").settings
    assert settings.channels == ("first", "high", "low", "last")
    assert settings.channel_alias == "a"
    assert settings.pinned_packages == ("python 3.11",)
    assert settings.proxy_servers == {"http": "one", "https": "two"}


def test_types_as_conda_takes_them(user: Home) -> None:
    user.file(
        ".condarc",
        "channel: one\nyes: true\nverify_ssl: false\nauto_activate_base: no\n"
        "channel_priority: true\nclient_cert: false\nremote_max_retries: 5\n"
        "remote_read_timeout_secs: 2.5\nwhitelist_channels: [a]\n"
        "custom_multichannels: {all: [a, b]}\nenvs_dirs: ['~/e', $HERE/f, g]\nverbose: 2\n",
    )
    settings = user.load(HERE="/here").settings
    assert settings.channels == ("one",)
    assert settings.always_yes is True
    assert settings.ssl_verify is False
    assert settings.channel_priority == "flexible"
    assert settings.client_ssl_cert is None
    assert (settings.remote_max_retries, settings.remote_read_timeout_secs) == (5, 2.5)
    assert settings.allowlist_channels == ("a",)
    assert settings.custom_multichannels == {"all": ("a", "b")}
    assert settings.verbosity == 2
    folders = (user.home / "e", Path("/here/f"), user.home / "work" / "g")
    assert settings.envs_dirs[:3] == folders
    assert len(settings.envs_dirs) == 5


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("CONDA_ALWAYS_YES", "on", "always_yes", True),
        ("MINICON_OFFLINE", "1", "offline", True),
        ("MINICON_USE_PYPI", "false", "use_pypi", False),
        ("CONDA_SSL_VERIFY", "no", "ssl_verify", False),
        ("CONDA_SSL_VERIFY", "/ca.pem", "ssl_verify", "/ca.pem"),
        ("CONDA_PINNED_PACKAGES", "a >=1,<2&b", "pinned_packages", ("a >=1,<2", "b")),
        ("CONDA_PROXY_SERVERS", "http=x,https=y", "proxy_servers", {"http": "x", "https": "y"}),
        ("CONDA_PROXY_SERVERS", '{"http": "x"}', "proxy_servers", {"http": "x"}),
        ("CONDA_PKGS_DIRS", "/a:/b", "pkgs_dirs", (Path("/a"), Path("/b"))),
        ("MINICON_ENV_PROMPT", " <{name}> ", "env_prompt", " <{name}> "),
        ("CONDA_SUBDIR", "", "platform", "linux-64"),
        ("MINICON_EXCLUDE_NEWER", "7d", "exclude_newer", "7d"),
    ],
)
def test_variables(user: Home, name: str, text: str, field: str, value: object) -> None:
    assert getattr(user.load(**{name: text}).settings, field) == value


def test_platform_and_root(user: Home) -> None:
    def load(**environ: str) -> Settings:
        return load_settings(environ=environ, home=user.home, working_directory=user.home).settings

    assert load(CONDA_SUBDIR="osx-arm64").platform == "osx-arm64"
    assert load().platform.count("-") == 1
    assert load(MINICON_ROOT="/r").envs_dirs[0] == Path("/r/envs")
    assert load(MINICON_ROOT="/r").sources["root"] == "MINICON_ROOT"
    assert load(XDG_DATA_HOME="/data").root == Path("/data/minicon")
    assert load(XDG_DATA_HOME="data").root == user.home / ".local/share/minicon"


def test_unknown_keys_are_warned_about_and_conda_s_own_are_not(user: Home) -> None:
    path = user.file(".condarc", "chanels: [a]\nsolver: libmamba\nanaconda_upload: false\n")
    assert user.load().warnings == (
        f"unknown key 'chanels' in {path} is ignored; did you mean 'channels'?",
    )


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("offline: perhaps", "offline", "true or false"),
        ("channels: {a: b}", "channels", "a list"),
        ("proxy_servers: [a]", "proxy_servers", "a map of names to strings"),
        ("remote_max_retries: many", "remote_max_retries", "an integer"),
        ("remote_read_timeout_secs: -1", "remote_read_timeout_secs", "a number"),
        ("channel_priority: low", "channel_priority", "strict, flexible, disabled"),
        ("channel_alias: [x]", "channel_alias", "a string"),
        ("channel_settings: [a]", "channel_settings", "a list of maps, each with a channel"),
        ("channel_settings: [{a: b}]", "channel_settings", "a list of maps, each with a channel"),
    ],
)
def test_wrong_types_name_file_key_and_what_is_expected(
    user: Home, text: str, key: str, expected: str
) -> None:
    path = user.file(".condarc", text + "\n")
    with pytest.raises(ConfigError) as caught:
        user.load()
    assert key in caught.value.message
    assert str(path) in caught.value.message
    assert expected in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"channels: [a\n",
        b"- a\n- b\n",
        b"just text\n",
        b"a: &a [x]\nb: " + b"[*a, " * 150 + b"]" * 150,
        b"\xff\xfe\x00",
        b"x: !!python/object/apply:os.system [touch canary]\n",
        b"[" * 5000,
        b"a: 1\n---\nb: 2\n",
        b"? [a, b]\n: c\n? {d: e}\n: f\n",
        b"#" * (1 << 21),
        b"channels: [a]\nchannels: [b]\n",
    ],
)
def test_broken_files_are_named(user: Home, data: bytes) -> None:
    path = user.file(".condarc", "")
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        user.load()
    assert str(path) in caught.value.message
    assert not Path("canary").exists()


def test_secrets_are_not_shown(user: Home) -> None:
    user.file(".condarc", "channels: {'https://user:SECRET@host': x}\n")
    with pytest.raises(ConfigError) as caught:
        user.load()
    assert "SECRET" not in caught.value.message


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS) + sorted(ALIASES) + ["other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_any_values_give_settings_or_a_config_error(user: Home, table: dict[str, Any]) -> None:
    import yaml

    user.file(".condarc", yaml.safe_dump(table))
    refusal = ""
    try:
        settings = user.load().settings
    except ConfigError as error:
        refusal = error.message
    if refusal:
        assert ".condarc" in refusal
        return
    for key in KEYS.values():
        if key.kind is Kind.SEQUENCE and key.name not in ("envs_dirs", "pkgs_dirs"):
            value = getattr(settings, key.name)
            assert value is None or all(isinstance(item, str) for item in value)


def test_the_table_and_the_settings_agree() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert fields - set(KEYS) == {"root", "home", "platform", "sources"}
    assert set(KEYS) - fields == {"subdir"}
    assert not OTHER_TOOLS_KEYS & (set(KEYS) | set(ALIASES))
    assert not set(ALIASES) & set(KEYS)
    assert not set(UNSUPPORTED_KEYS) & (set(KEYS) | set(ALIASES) | OTHER_TOOLS_KEYS)


def test_an_unsupported_key_of_conda_gives_a_warning(user: Home) -> None:
    user.file(".condarc", "use_only_tar_bz2: true\nsolver: rattler\n")
    (warning,) = user.load().warnings
    assert "'use_only_tar_bz2'" in warning
    assert "both .conda and .tar.bz2 are supported" in warning


def test_limits_of_age_by_package_and_channel(user: Home) -> None:
    text = """
        exclude_newer_package: {numpy: 7d, openssl: false}
        channel_settings:
          - {channel: conda-forge, exclude_newer: 3d, auth: {type: x}}
          - {channel: mine, exclude_newer: "0"}
    """
    user.file(".condarc", text)
    settings = user.load().settings
    assert settings.exclude_newer_package == {"numpy": "7d", "openssl": "false"}
    assert settings.channel_settings == {
        "conda-forge": {"exclude_newer": "3d"}, "mine": {"exclude_newer": "0"},
    }  # fmt: skip
    variable = '[{"channel": "mine", "exclude_newer": "1d"}]'
    settings = user.load(CONDA_CHANNEL_SETTINGS=variable).settings
    assert settings.channel_settings["mine"] == {"exclude_newer": "1d"}
    assert settings.channel_settings["conda-forge"] == {"exclude_newer": "3d"}


def _package(prefix: Path, *files: str, name: str = "evil-1.0-0") -> None:
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    record = {"name": "evil", "files": list(files)}
    (prefix / "conda-meta" / f"{name}.json").write_text(json.dumps(record))
    (prefix / "conda-meta" / "other-1.0-0.json").write_text('{"files": ["bin/other"]}')


@pytest.mark.parametrize("name", [".condarc", "condarc", "condarc.d/x.yml"])
@pytest.mark.parametrize("variable", ["CONDA_PREFIX", "CONDA_ROOT"])
def test_files_of_packages_are_not_configuration(user: Home, name: str, variable: str) -> None:
    prefix = user.home / "env"
    path = user.file(f"env/{name}", "ssl_verify: false\npkgs_dirs: [/evil]\n")
    environ = {variable: str(prefix)}
    assert user.load(**environ).settings.ssl_verify is False  # the user's own
    _package(prefix, "bin/x", name)
    loaded = user.load(**environ)
    assert loaded.settings.ssl_verify is True
    assert loaded.warnings == (
        f"{path} belongs to the package evil-1.0-0, and is ignored as configuration",
    )
    assert str(path) not in configured_values(environ=environ, home=user.home)


def test_other_files_beside_those_of_packages_are_read(user: Home) -> None:
    prefix = user.home / "env"
    user.file("env/condarc.d/of_package.yml", "ssl_verify: false\n")
    user.file("env/condarc.d/mine.yml", "channels: [mine]\n")
    _package(prefix, "condarc.d/of_package.yml", "share/condarc.d/mine.yml")
    loaded = user.load(CONDA_PREFIX=str(prefix))
    assert loaded.settings.channels == ("mine",)
    assert loaded.settings.ssl_verify is True


@pytest.mark.parametrize("how", ["link", "folder", "case", "pip", "unreadable", "paths"])
def test_files_of_packages_by_other_ways(user: Home, how: str) -> None:
    prefix = user.home / "env"
    text = "ssl_verify: false\n"
    if how == "link":  # the package's link, to the package's file
        user.file("env/share/settings.yml", text)
        (prefix / ".condarc").symlink_to("share/settings.yml")
        _package(prefix, "share/settings.yml", ".condarc")
    elif how == "folder":
        user.file("env/share/rc/x.yml", text)
        (prefix / "condarc.d").symlink_to("share/rc")
        _package(prefix, "condarc.d", "share/rc/x.yml")
    else:
        user.file("env/.condarc", text)
        _package(prefix, *([".Condarc"] if how == "case" else []))
    meta = prefix / "conda-meta"
    if how == "unreadable":
        (meta / "evil-1.0-0.json").write_text('{"files": [".condarc"')
    elif how == "paths":
        record = {"paths_data": {"paths": [{"_path": ".condarc"}]}}
        (meta / "evil-1.0-0.json").write_text(json.dumps(record))
    elif how == "pip":
        info = prefix / "lib/python3.11/site-packages/evil-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text("evil.py,sha256=x,1\n../../../.condarc,sha256=x,1\n")
    loaded = user.load(CONDA_PREFIX=str(prefix))
    assert loaded.settings.ssl_verify is True
    assert "belongs to the package evil-1.0" in loaded.warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "channels:\n" + "- c\n" * 1001,
        "custom_channels:\n" + "".join(f"  c{n}: https://h\n" for n in range(1001)),
        "custom_multichannels:\n  a:\n" + "  - c\n" * 1001,
    ],
)
def test_lists_of_thousands_are_refused(user: Home, text: str) -> None:
    user.file(".condarc", text)
    with pytest.raises(ConfigError, match=r"has 1,00\d items; at most 1,000 are allowed") as caught:
        user.load()
    assert caught.value.reference == "too-many-items"
    user.file(".condarc", text.rsplit("\n", 3)[0] + "\n")
    user.load()


def test_platforms_are_checked_where_they_are_set(tmp_path: Path) -> None:
    def load(text: str, **environ: str) -> LoadedSettings:
        (tmp_path / ".condarc").write_text(text)
        return load_settings(environ=environ, home=tmp_path, working_directory=tmp_path)

    own = load("subdir: acme-riscv128\n")
    assert (own.settings.platform, own.warnings) == ("acme-riscv128", ())
    near = load("", CONDA_SUBDIR="linux-arm64")
    assert near.settings.platform == "linux-arm64"
    assert (
        "CONDA_SUBDIR, 'linux-arm64', is not a known platform; did you mean linux-aarch64?"
        in (near.warnings[0])
    )
    with pytest.raises(ConfigError, match="is not a platform") as caught:
        load("subdir: linux64\n")
    assert str(tmp_path / ".condarc") in caught.value.message
    assert caught.value.hint == "did you mean linux-64?"
