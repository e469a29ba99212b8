"""Pages for users, typed into bash: every command ends as the page says, and prints what it shows.

The world has no network: conda-forge is unreachable or a local channel, PyPI an index of small
wheels with the names of real projects. Versions, sizes, times and paths are not compared, and pages
may show excerpts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.package_index import PackageIndex, serving
from tests.support.packages import PackageBuilder, build_channel
from tests.support.wheels import WheelBuilder

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```(console|text|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_END = "end of a command"
_MAJOR_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

#: Commands that need what this world lacks.
_SKIPPED = (
    *("pipx", "./", "eval", "minicon allow", "minicon replay", "minicon repoquery"),
    *("minicon compare", "minicon doctor --all", "minicon create -n low", "minicon create -n x"),
)
#: Commands that fail, as the page says.
_FAILING = ("minicon create -n old", "minicon lock --check")
#: Commands to type after others, so that the next ones have their environment.
_UNDONE = {
    "minicon apply plan.json": ("minicon install -n data requests",),
    "minicon rename data science": ("minicon rename science data", "mkdir scratch"),
    "minicon rename data ./scratch/data": ("minicon rename -p ./scratch/data data",),
}


@dataclass
class Typed:
    """A command of a page, with the output that the page shows for it."""

    command: str
    shown: str = ""
    environment: str = ""


def read_page(text: str) -> list[Typed]:
    """Return commands in order; a YAML block with dependencies is the next ``environment.yml``."""
    found: list[Typed] = []
    file = ""
    for kind, block in _FENCE.findall(text):
        if kind == "yaml":
            file = block if block.startswith("name:") else file
        elif kind == "text" and found:
            found[-1].shown = block
        elif kind == "console":
            for line in block.splitlines():
                if match := re.match(r"(?:\(\w+\) )?\$ ([^#]+)", line):
                    found.append(Typed(match.group(1).strip(), environment=file))
                    file = ""
    return [each for each in found if not each.command.startswith(_SKIPPED)]


def masked(line: str) -> str:
    """Return a line without versions, sizes, times, paths and the widths of columns."""
    line = re.sub(r"(/[\w.-]+)+", "PATH", line)
    line = re.sub(r"\b\d[\w.:-]*( ([KMG]i)?B\b)?", "0", line)
    line = re.sub(r"0( to 0|, 0| or 0)+", "0", line).replace(", about 0 on disk", "")
    return " ".join(line.split())


def assert_shown(typed: Typed, printed: str) -> None:
    """Raise unless the lines of the page are printed, in this order."""
    lines = iter(masked(line) for line in printed.splitlines())
    for wanted in map(masked, typed.shown.splitlines()):
        assert any(wanted == line for line in lines), f"not printed: {wanted}\n{printed}"


def project(name: str, version: str, *requires: str, tag: str = "py3-none-any") -> WheelBuilder:
    module = name.replace("-", "_")
    wheel = WheelBuilder(name, version, tag).file(
        f"{module}/__init__.py", f"__version__='{version}'\n"
    )
    return wheel.requires(*requires)


@dataclass
class World:
    folder: Path
    index: str

    @property
    def channel(self) -> str:
        return self.folder.as_uri()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A directory with a channel, ``conda-forge``, and an index."""
    folder = tmp_path_factory.mktemp("world")
    index = PackageIndex(json=True)
    tag = f"cp{_MAJOR_MINOR.replace('.', '')}"
    for wheel in (
        project("numpy", "2.4.6", tag=f"{tag}-{tag}-linux_x86_64").header(
            f"Requires-Python: >={_MAJOR_MINOR}"
        ),
        project("pandas", "3.1.1", "numpy>=2.0.2", "python-dateutil", "tzdata"),
        *(project(name, "1.0") for name in ("tzdata", "python-dateutil")),
        *(project(name, "1.0") for name in ("h11", "idna", "pip", "typing-extensions")),
        project("certifi", "2026.7.22"),
        project("httpcore", "1.0", "certifi", "h11"),
        project("anyio", "4.0", "idna", "typing-extensions"),
        project("httpx", "0.28.1", "anyio", "certifi", "httpcore==1.*", "idna"),
        project("requests", "2.32", "certifi>=2017"),
        project("ruff", "0.9").data("scripts", "ruff", "#!/bin/sh\n", executable=True),
    ):
        index.add(wheel)
    python = (
        PackageBuilder("python")
        .version(f"{_MAJOR_MINOR}.9")
        .file(
            f"bin/python{_MAJOR_MINOR}",
            f'#!/bin/sh\nexec {sys._base_executable} "$@"\n',
            executable=True,
        )
        .link("bin/python", f"python{_MAJOR_MINOR}")
    )
    names = [
        PackageBuilder("numpy")
        .version("2.4.6")
        .depends(f"python ={_MAJOR_MINOR}")
        .file("share/numpy", "n"),
        *(PackageBuilder(name).version("3.0") for name in ("scipy", "pandas")),
        PackageBuilder("openssl").version("3.6.0"),
        PackageBuilder("pip").noarch().version("26").file("share/pip", "p"),
    ]
    build_channel(folder / "conda-forge", [python, *names])
    with serving(index):
        yield World(folder, index.index_url)


@dataclass
class User:
    """Someone with a home, a shell and one of the two worlds."""

    home: Path
    world: World

    def walk(self, pages: list[Typed], *, channel: str) -> Iterator[tuple[Typed, str, int]]:
        (self.home / "script.py").write_text("print('hello')\n")
        script = ['eval "$(minicon shell.bash hook)"']
        for number, typed in enumerate(pages):
            if typed.environment:
                text = typed.environment.replace("3.11", _MAJOR_MINOR)
                script.append(f"cat > environment.yml <<'YAML'\n{text}YAML")
            command = typed.command.replace("3.11", _MAJOR_MINOR)
            script.append(f"{command}\necho '{_END}' {number} $?")
        variables = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "PYENV_ROOT": str(PYENV),
            "LANG": "C.UTF-8",
            "MINICON_ALWAYS_YES": "true",
            "MINICON_PKGS_DIRS": str(self.world.folder / "pkgs"),
            "MINICON_COMPILE_BYTECODE": "false",
            "MINICON_CUSTOM_CHANNELS": json.dumps({"conda-forge": channel}),
            "PIP_INDEX_URL": self.world.index,
            "PIP_CONFIG_FILE": "/dev/null",
        }
        done = subprocess.run(
            ["bash", "--norc"], input="\n".join(script), env=variables, cwd=self.home, check=False,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
        )  # fmt: skip
        parts = re.split(rf"{_END} (\d+) (\d+)\n", done.stdout)
        assert len(parts) == 3 * len(pages) + 1, done.stdout
        for typed, printed, code in zip(pages, parts[::3], parts[2::3], strict=False):
            yield typed, printed, int(code)


@pytest.fixture
def user(tmp_path: Path, world: World) -> User:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    if not shutil.which("python3.9") and not list(PYENV.glob("versions/3.9*")):
        pytest.skip("there is no python 3.9, which a conflict is about")
    return User(tmp_path, world)


def check(typed: Typed, printed: str, code: int) -> None:
    fails = typed.command.startswith(_FAILING)
    assert (code != 0) == fails, f"$ {typed.command}\n{printed}"
    assert_shown(typed, printed)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_tutorial(user: User) -> None:
    alone, shared = page("docs/tutorial.md").split("## Share an environment")
    for step in user.walk(read_page(alone), channel="http://127.0.0.1:9"):
        check(*step)
    for step in user.walk(read_page(shared), channel=user.world.channel):
        check(*step)


def test_the_readme_and_guides(user: User) -> None:
    names = ("sync", "review-a-change", "explain-and-repair", "rename-and-clone", "clean-up")
    steps = read_page(page("README.md"))
    for step in (step for name in names for step in read_page(page(f"docs/how-to/{name}.md"))):
        step.command = step.command.replace(" /scratch/", " ./scratch/")
        steps += [step, *(Typed(undone) for undone in _UNDONE.get(step.command, ()))]
    for step in user.walk(steps, channel=user.world.channel):
        check(*step)
