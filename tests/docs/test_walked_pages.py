"""Every command of the pages for users is typed into bash: it ends as the page says, and prints
what the page shows.

Versions, sizes, times, hashes and paths are not compared. What is not run is listed in
``fixtures/golden/pages_not_run.txt``, with the reason. How pages are read:
:mod:`tests.support.walked_pages`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.support.golden import assert_golden
from tests.support.images import write_base
from tests.support.oci_registry import PROGRAM, OciRegistry
from tests.support.page_world import PYENV, ROOT, World, page_world
from tests.support.s3_server import KEY, SECRET, S3Server, free_port
from tests.support.walked_pages import difference, read_page, walk

_NAMED = ("README.md", "channels/README.md")
PAGES = [
    *(ROOT / name for name in _NAMED),
    *(ROOT / "docs" / "reference" / name for name in ("configuration.md", "errors.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
WALKED = [page for page in PAGES if read_page(page.read_text())]

#: What a page has besides the world: names in the stead of its own, and variables.
Extras = tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    if not shutil.which("python3.9") and not list(PYENV.glob("versions/3.9*")):
        pytest.skip("there is no python 3.9, which a conflict is about")
    with page_world(tmp_path_factory.mktemp("world")) as made:
        yield made


def pip_packages(world: World, _: ExitStack) -> Extras:
    wheel = world.parts / "dist" / "mine-1.0-py3-none-any.whl"
    digest = sha256(wheel.read_bytes()).hexdigest()
    return {
        "https://wheels.example.org": wheel.parent.as_uri(),
        "#sha256=…": f"#sha256={digest}",
    }, {}


def private_channel(world: World, _: ExitStack) -> Extras:
    return {"https://packages.example.org/main": f"{world.home.as_uri()}/my-channel"}, {}


def s3_and_oci(world: World, stack: ExitStack) -> Extras:
    server = stack.enter_context(S3Server())
    server.upload(world.folder / "conda-forge", "bucket", "other")
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    names = {}
    if PROGRAM is not None:
        registry = stack.enter_context(OciRegistry(world.home / "registry"))
        names["registry.example.org"] = registry.host
    return names, {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": "us-east-1", **keys}


def serve_a_channel(world: World, stack: ExitStack) -> Extras:
    port, other = free_port(), free_port()
    names = {
        "https://packages.example.org": f"http://127.0.0.1:{port}",
        "/t/TOKEN/": "/t/0f9c4c7ab3cd1e53/",
        "8080": f"{other}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "serve ./my-channel": f"serve ./my-channel --port {port}",
    }
    return names, s3_and_oci(world, stack)[1]


def image(world: World, stack: ExitStack) -> Extras:
    """A registry that stands for two; its base is an image of nothing but a shell."""
    if PROGRAM is None or shutil.which("busybox") is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry, busybox or skopeo is not installed")
    registry = stack.enter_context(OciRegistry(world.home / "registry"))
    registry.push_image(write_base(world.home / "base"), "debian:stable-slim")
    return {"docker.io": registry.host, "registry.example.org": registry.host}, {}


EXTRAS: dict[str, Callable[[World, ExitStack], Extras]] = {
    f"{function.__name__.replace('_', '-')}.md": function
    for function in (image, pip_packages, private_channel, s3_and_oci, serve_a_channel)
}


#: Pages whose commands take many seconds of processor time, and what tests the same.
LONG = {"bundle.md": "tests/integration/test_bundle_story.py"}


@pytest.mark.parametrize("path", WALKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages(path: Path, world: World) -> None:
    if path.name in LONG and "MINICON_FUZZ" not in os.environ:
        pytest.skip(f"./dev test --exhaustive types it; see {LONG[path.name]}")
    page = read_page(path.read_text())
    world.move_in(page)
    with ExitStack() as stack:
        names, added = EXTRAS.get(path.name, lambda *_: ({}, {}))(world, stack)
        page = [
            replace(
                each,
                command=world.translate(each.command, names),
                shown=world.translate(each.shown, names),
            )
            for each in page
        ]
        variables = {**world.variables(reachable=path.name != "tutorial.md"), **added}
        steps = list(walk(page, world.home, variables))
    wrong = [text for step in steps if (text := difference(*step))]
    assert not wrong, "\n\n".join(wrong)


def test_what_is_not_run_is_listed() -> None:
    lines = [
        f"{path.relative_to(ROOT)}: {each.command.partition('  #')[0].strip()}: {each.not_run}"
        for path in WALKED
        for each in read_page(path.read_text())
        if each.not_run
    ]
    assert_golden("pages_not_run.txt", f"{len(lines)} commands\n" + "\n".join(lines) + "\n")
