"""Callers use only members of the Fetcher protocol, and every Fetcher has them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from minicon.net.client.fetcher import Fetcher
from minicon.net.client.session import HttpFetcher
from minicon.net.routing import UrlFetcher
from minicon.net.schemes.file_fetcher import FileFetcher
from minicon.net.schemes.oci_fetcher import OciFetcher
from minicon.net.schemes.s3_fetcher import S3Fetcher

SOURCE = Path(__file__).parent.parent.parent / "src" / "minicon"
FETCHERS = (FileFetcher, HttpFetcher, OciFetcher, S3Fetcher, UrlFetcher)
NAMES = {"fetcher", "_fetcher", "index_fetcher", "_http"}


def members(kind: type) -> set[str]:
    names = {name for name in dir(kind) if not name.startswith("_")}
    return names | {"credentials"} if kind is UrlFetcher else names


def named(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return name in NAMES


@pytest.mark.parametrize("fetcher", FETCHERS)
def test_every_fetcher_has_all_members_of_the_protocol(fetcher: type) -> None:
    for name in members(Fetcher):
        method = getattr(fetcher, name)
        wanted = list(inspect.signature(getattr(Fetcher, name)).parameters)
        assert list(inspect.signature(method).parameters) == wanted


def test_callers_use_only_members_of_the_protocol() -> None:
    used: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(text := path.read_text())
        only_fetcher = "import Fetcher" in text and "UrlFetcher" not in text
        allowed = members(Fetcher if only_fetcher else UrlFetcher)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and named(node.value):
                used.setdefault(node.attr, set()).add(path.name)
                assert node.attr in allowed, f"{path}:{node.lineno}: {node.attr}"
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
                assert not named(node.args[0]), f"{path}:{node.lineno}: getattr of a fetcher"
    assert used.keys() == members(UrlFetcher), "every member of the interface is used"
