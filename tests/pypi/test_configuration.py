"""The configured indexes, compared with pip on the same files and variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from minicon.errors import ConfigError
from minicon.pypi.index.configuration import (
    IndexConfiguration,
    default_index_url,
    load_index_configuration,
    pip_configuration_files,
)
from minicon.pypi.requirements.requirements import IndexOptions

FIRST, SECOND, THIRD = "https://one.invalid/simple", "https://two.invalid/s", "file:///three"


@pytest.fixture(autouse=True)
def no_configuration_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "pip" not in request.node.name.split("_"):
        monkeypatch.setattr("minicon.pypi.index.configuration._SYSTEM", tmp_path / "etc")


def load(home: Path, **environ: str) -> IndexConfiguration:
    return load_index_configuration(
        {"XDG_CONFIG_DIRS": str(home / "etc"), **environ},
        home=home,
        site_prefix=home / "site",
        platform="linux",
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_configured(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.index_urls == (default_index_url(),)
    assert default_index_url() == PyPI.simple_url
    assert found.find_links == ()


def test_files_and_variables_in_pips_order(tmp_path: Path) -> None:
    write(tmp_path / "etc/pip/pip.conf", f"[global]\nindex-url = {FIRST}\ntimeout = 7\n")
    assert load(tmp_path).index_urls == (FIRST,)
    write(tmp_path / ".config/pip/pip.conf", f"[global]\nindex-url = {SECOND}\n")
    assert load(tmp_path).index_urls == (SECOND,)
    write(tmp_path / ".config/pip/pip.conf", f"[global]\n[install]\nindex_url = {THIRD}\n")
    found = load(tmp_path)
    assert found.index_urls == (THIRD,)
    assert found.timeout == 7
    write(tmp_path / "site/pip.conf", f"[global]\nindex-url = {SECOND}\n")
    assert load(tmp_path).index_urls == (SECOND,)
    assert load(tmp_path, PIP_INDEX_URL=FIRST).index_urls == (FIRST,)
    assert load(tmp_path, PIP_INDEX_URL="").index_urls == (SECOND,)
    assert load(tmp_path, PIP_CONFIG_FILE=os.devnull).index_urls == (default_index_url(),)
    own = tmp_path / "own.conf"
    write(own, f"[global]\nextra-index-url =\n  {FIRST}\n  {THIRD}\n")
    assert load(tmp_path, PIP_CONFIG_FILE=str(own)).index_urls == (SECOND, FIRST, THIRD)


def test_lists_and_flags(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        PIP_EXTRA_INDEX_URL=f"{FIRST} {SECOND}",
        PIP_FIND_LINKS="/wheels ./more",
        PIP_TRUSTED_HOST="a.invalid b.invalid:8080",
        PIP_CERT="/ca.pem",
        PIP_CLIENT_CERT="/me.pem",
        PIP_PROXY="http://proxy.invalid:3128",
        PIP_DEFAULT_TIMEOUT="30",
    )
    assert found.index_urls == (default_index_url(), FIRST, SECOND)
    assert found.find_links == ("/wheels", "./more")
    assert found.trusted_hosts == ("a.invalid", "b.invalid:8080")
    assert (found.cert, found.client_cert, found.timeout) == ("/ca.pem", "/me.pem", 30)
    assert found.proxy == "http://proxy.invalid:3128"
    none = load(tmp_path, PIP_NO_INDEX="1", PIP_INDEX_URL=FIRST, PIP_FIND_LINKS="/wheels")
    assert none.index_urls == ()
    assert none.find_links == ("/wheels",)


def test_credentials_are_removed_from_urls(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        PIP_INDEX_URL="https://me:s%40cret@one.invalid:8443/simple",
        PIP_EXTRA_INDEX_URL="https://token@two.invalid/simple",
    )
    assert found.index_urls == ("https://one.invalid:8443/simple", "https://two.invalid/simple")
    assert found.credentials == {
        "https://one.invalid:8443": "me:s@cret",
        "https://two.invalid": "token",
    }
    assert "cret" not in repr(found)
    assert "token" not in repr(found)


@pytest.mark.parametrize("content", [b"no section\n", b"[global\n", b"\xff\xfe\x00", b"[a]\nx\ny"])
def test_unreadable_files_are_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".config/pip/pip.conf"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"pip\.conf"):
        load(tmp_path)


def test_timeout_that_is_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PIP_TIMEOUT"):
        load(tmp_path, PIP_TIMEOUT="soon")


@pytest.mark.slow
def test_same_files_as_pip(tmp_path: Path) -> None:
    """Compare with the files that pip lists."""
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": f"{tmp_path}/a{os.pathsep}{tmp_path}/b",
        "PATH": os.environ["PATH"],
    }
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [
        line.strip().rpartition(", exists:")[0]
        for line in answer.stdout.splitlines()
        if ", exists:" in line
    ]
    ours = pip_configuration_files(
        environ, home=tmp_path, site_prefix=Path(sys.prefix), platform=sys.platform
    )
    assert set(map(str, ours)) == set(theirs)


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("win32", {"APPDATA": "/roaming", "PROGRAMDATA": "/data"}, "/roaming/pip/pip.ini"),
        ("darwin", {}, "/nowhere/.config/pip/pip.conf"),
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg/pip/pip.conf"),
    ],
)
def test_platforms(platform: str, environ: dict[str, str], expected: str) -> None:
    files = pip_configuration_files(
        environ, home=Path("/nowhere"), site_prefix=Path("/site"), platform=platform
    )
    assert Path(expected) in files


def test_options_of_requirement_files(tmp_path: Path) -> None:
    base = load(tmp_path, PIP_EXTRA_INDEX_URL=FIRST, PIP_FIND_LINKS="/wheels")
    more = base.with_options(IndexOptions(extra_index_urls=(SECOND,), find_links=("/more",)))
    assert more.index_urls == (default_index_url(), FIRST, SECOND)
    assert more.find_links == ("/wheels", "/more")
    # As in pip, --index-url in a file replaces every index named before it.
    other = base.with_options(IndexOptions(index_url="https://u:p@x.invalid/s"))
    assert other.index_urls == ("https://x.invalid/s",)
    assert other.credentials["https://x.invalid"] == "u:p"
    assert base.with_options(IndexOptions(no_index=True)).index_urls == ()


def test_pip_conf_of_a_package_is_not_read(tmp_path: Path) -> None:
    prefix = tmp_path / "python"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "pip.conf").write_text("[global]\nindex-url = https://evil.test/simple\n")
    directories = {"home": tmp_path, "site_prefix": prefix, "platform": "linux"}
    assert prefix / "pip.conf" in pip_configuration_files({}, **directories)
    (prefix / "conda-meta" / "evil-1-0.json").write_text('{"files": ["pip.conf"]}')
    assert prefix / "pip.conf" not in pip_configuration_files({}, **directories)
