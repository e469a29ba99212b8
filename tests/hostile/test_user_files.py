"""Files and command lines of users end in a result or a named error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mutations import fuzz, mutated_bytes, mutated_json, mutated_text
from tests.support.user_files import UserWorld, odd_command_lines, with_digest

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"
PLAN = "create -n new --dry-run --override-channels -c {channel} "
INSTALL = "install -n a greeting --dry-run --override-channels -c {channel}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> UserWorld:
    return UserWorld(tmp_path_factory.mktemp("user"))


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: Its path below the working directory; or below ``~`` or ``ENV``.
        good: Its content; ``{channel}`` is replaced.
        commands: The commands that read it, with ``{file}`` and ``{channel}``.
        environ: Variables, likewise.
        finish: Last step of a careful forger.
    """

    name: str
    good: str | dict[str, Any] | Callable[[UserWorld], Any]
    commands: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    finish: Callable[[bytes], bytes] = bytes

    def path(self, world: UserWorld) -> Path:
        base, _, rest = self.name.partition("/")
        roots = {"~": world.home, "ENV": world.prefix}
        path = roots[base] / rest if base in roots else world.work / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def contents(self, world: UserWorld) -> st.SearchStrategy[bytes]:
        good = self.good(world) if callable(self.good) else self.good
        if not isinstance(good, str):
            return mutated_json(good).map(self.finish)
        data = good.replace("{channel}", str(world.channel)).encode()
        return st.one_of(mutated_text(data), mutated_bytes(data))


def _plan(world: UserWorld) -> Any:
    words = f"plan create -n p --override-channels -c {world.channel} hello".split()
    return world.run(*words).ok().json


def _capture(world: UserWorld) -> Any:
    world.run(*world.plan("hello", "--capture", "made.json")).ok()
    return json.loads((world.work / "made.json").read_bytes())


def _explicit(world: UserWorld) -> str:
    (package,) = world.channel.glob("linux-64/hello-2*")
    plain = f"{world.channel}/noarch/greeting-1.5-0.conda"
    return f"# platform: linux-64\n@EXPLICIT\n{package.as_uri()}#{'0' * 32}\n{plain}\n"


ENVIRONMENT = """\
name: x
channels: ["{channel}", nodefaults]
platforms: [linux-64]
dependencies:
  - hello >=1
  - sel(linux): greeting
  - pip: [foo==1.0; python_version>"3", -r more.txt, --no-binary=foo]
groups: {test: [hello, {pip: [bar]}]}
variables: {A: b}
"""
REQUIREMENTS = f"""\
foo==1.0 --hash=sha256:{"0" * 64}
bar[x] >=1,<2 ; python_version > "3.8" and sys_platform == 'linux'
-e .
--index-url https://h/simple
--find-links ./x
baz @ https://h/baz-1.0-py3-none-any.whl#sha256={"1" * 64}
file:///tmp/nowhere/y-1.0-py3-none-any.whl
"""
CONDARC = """\
channels: ["{channel}", defaults]  #!top
envs_dirs: [~/e]
pkgs_dirs:
  - ~/p
custom_channels: {x: https://h/y}
custom_multichannels: {m: [a, b]}
channel_settings: [{channel: a, auth: b}]
pinned_packages: [hello <2]
proxy_servers: {http: "http://u:p@h:3128"}
remote_read_timeout_secs: 60.0
create_default_packages: [greeting]
exclude_newer: 2024-01-01
subdir: linux-64
override_virtual_packages: {glibc: "2.17"}
always_yes: false
s3_options: {b: {endpoint-url: "http://h"}}
"""
PIP = """\
[global]
index-url = https://u:p@h/simple
extra-index-url = https://h/a
  https://h/b
timeout = 3
find-links = /x
[install]
pre = true
"""
RECIPE = """\
name: x
wheel: x ==1.0
files: {site-packages/x/: lib/, site-packages/y: bin/y}
links: {bin/a: ../b}
python: ["3.11", "3.12"]
depends: [hello]
build_number: 1
summary: s
"""
STATE = {"env_vars": {"A": "b", "C": "***unset***"}, "version": 1}
PROFILE = {"platform": "linux-64", "virtual_packages": ["__glibc=2.36=0"]}
KINDS = [
    Kind("environment.yml", ENVIRONMENT, ("env create -f {file} --dry-run", "compare -n a {file}")),
    Kind(
        "conda-lock.yml",
        (LOCKS / "conda-lock.yml").read_text(),
        (PLAN + "-f {file}", "lock merge {file} {file} {file}"),
    ),
    *(
        Kind(f"{n}/pixi.lock", (LOCKS / f"pixi-{n}.lock").read_text(), (PLAN + "-f {file}",))
        for n in (4, 6, 7)
    ),
    Kind("pylock.toml", (LOCKS / "pylock.toml").read_text(), (PLAN + "-f {file}",)),
    Kind("explicit.txt", _explicit, (PLAN + "-f {file}",)),
    Kind("requirements.txt", REQUIREMENTS, (PLAN + "-f {file}", "env create -f r.yml --dry-run")),
    Kind(
        "~/.condarc",
        CONDARC,
        (
            "config --show --json",
            "config --show-sources",
            "info",
            "list -n a",
            "create -n q --dry-run hello",
            "shell.bash activate a",
            "run -n a true",
            "env list",
        ),
    ),
    Kind("pip.conf", PIP, (PLAN + "pypi:foo",), {"PIP_CONFIG_FILE": "{file}", "PIP_NO_INDEX": "0"}),
    Kind("recipe.yaml", RECIPE, ("channel build {file} out",)),
    Kind("plan.json", _plan, ("apply {file} --dry-run", "apply {file} -d --json"), {}, with_digest),
    Kind("capture.json", _capture, ("replay {file}", "replay {file} --json")),
    Kind("profile.json", PROFILE, ("lock -f good.yml --for {file} -o l.yml --dry-run",)),
    Kind("~/.conda/environments.txt", "{channel}\n/nowhere\n", ("env list", "info --json")),
    Kind("~/.config/minicon/allowed", "0123 /x/.minicon\n", ("allow --list", "shell.bash hook")),
    Kind(".minicon", "# x\na\n", ("allow", "allow --remove", "allow --json")),
    Kind("ENV/conda-meta/pinned", "hello <3\n# x\nfoo[version=1]\n", (INSTALL,)),
    Kind("ENV/conda-meta/frozen", '{"message": "x"}', (INSTALL,)),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_file_of_any_content(world: UserWorld, kind: Kind) -> None:
    path = kind.path(world)
    names = {"file": str(path), "channel": str(world.channel)}
    commands = [command.format(**names).split() for command in kind.commands]
    environ = {name: value.format(**names) for name, value in kind.environ.items()}
    (world.work / "good.yml").write_text("name: x\ndependencies: []\n")
    (world.work / "r.yml").write_text("name: x\ndependencies: [pip: [-r requirements.txt]]\n")

    @fuzz(60)
    @given(kind.contents(world))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        world.check(*commands[len(content) % len(commands)], environ=environ)

    try:
        check()
    finally:
        path.unlink()


@pytest.fixture(scope="module")
def changing_world(tmp_path_factory: pytest.TempPathFactory) -> UserWorld:
    """A world for commands that rename and remove environments."""
    return UserWorld(tmp_path_factory.mktemp("changing"))


@fuzz(700)
@given(odd_command_lines())
def test_a_command_line_of_any_words(changing_world: UserWorld, words: list[str]) -> None:
    world = changing_world
    world.check(*(word.replace("{channel}", str(world.channel)) for word in words))


ODD_NAMES = ("x" * 300, "x" * 5000, "é" * 200, "caf\udce9", "\udcff" * 300, "a\nb", "\u202e")


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_invalid_names_of_environments(world: UserWorld, name: str) -> None:
    for command in ("create --json -n", "list -n", "remove --all --json -n", "env list -n"):
        assert world.check(*command.split(), name).code in (1, 2)
    for command in ("shell.bash activate", "shell.fish activate", "rename -n a", "activate"):
        assert world.check(*command.split(), name).code in (1, 2)
    base = f"{world.work}/{name}/{name}"
    for command in ("list -p", "run -p", "create --json -p", "history -p", "apply", "replay"):
        if len(name) > 255:
            assert world.check(*command.split(), base).code in (1, 2)


def test_a_path_with_nul_in_a_setting(world: UserWorld) -> None:
    settings = world.home / ".condarc"
    try:
        for key in ("envs_dirs", "pkgs_dirs", "channels"):
            settings.write_text(f'{key}: ["\\0"]\n')
            for command in ("info", "create -n q --dry-run x", "env list", "list -n a"):
                world.check(*command.split())
            assert f"{key} in" in world.check("info").err
            world.check("shell.bash", "activate", "a")
    finally:
        settings.unlink()


def test_a_deeply_nested_state_file(world: UserWorld) -> None:
    state = world.prefix / "conda-meta" / "state"
    state.write_text('{"env_vars":' + "[" * 100_000 + "]" * 100_000 + "}")
    for command in ("shell.bash activate a", "run -n a true", "list -n a", "export -n a"):
        world.check(*command.split())
    state.write_text('{"env_vars": true}')
    world.run(*["env", "config", "vars", "set", "-n", "a", "X=1"]).ok()
    assert json.loads(state.read_text())["env_vars"] == {"X": "1"}
    state.unlink()


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (b"wheel: \xff", "not UTF-8"),
        (b"wheel: x\nfiles: [a]", "files must be an object"),
        (b"wheel: 'x =='", "requirement"),
        (b"wheel: x\nfiles: {a: ../../b}", "leaves its directory"),
        (b"wheel: x\nlinks: {/b: c}", "is absolute"),
        (b"wheel: x\nname: ../x", "package name"),
        (b"wheel: x\nbuild_number: many", "whole number"),
        (b"wheel: x\npython: [3.11.7]", "minor version"),
        (b"[" * 100_000, "nesting"),
    ],
)
def test_invalid_recipes(world: UserWorld, recipe: bytes, said: str) -> None:
    (world.work / "bad.yaml").write_bytes(recipe)
    failed = world.check("channel", "build", "bad.yaml", "out")
    assert failed.code == 1
    assert said in failed.err


def test_a_recipe_with_one_python_as_a_number(tmp_path: Path) -> None:
    from minicon.publish.recipe import read_recipes

    (tmp_path / "a.yaml").write_text("wheel: x\npython: 3.10\nbuild_number: 2\n")
    (recipe,) = read_recipes(tmp_path)
    assert (recipe.python, recipe.build_number) == (("3.10",), 2)


@pytest.mark.parametrize("home", ["precious/x", "/dev/null", "x" * 5000])
@pytest.mark.parametrize("variable", ["HOME", "MINICON_ROOT"])
def test_a_home_that_cannot_be_written(world: UserWorld, variable: str, home: str) -> None:
    base = {variable: str(world.outside / home)}
    made = f"create --json -n b{len(home)}"  # no other test makes it
    for command in ("list -n b", "env list", "info --json", made, "allow"):
        world.check(*command.split(), environ=base)


def test_an_empty_home(world: UserWorld) -> None:
    """Root can write to the home that an empty HOME stands for."""
    for command in ("list -n b", "env list", "info --json", "allow"):
        world.check(*command.split(), environ={"HOME": ""})
    world.check("create", "--json", "-n", "b0", environ={"MINICON_ROOT": ""})


ENDLESS = (
    "lock -f good.yml --for {} --dry-run", "apply {} --dry-run", "replay {}",
    "channel build {} out", PLAN + "-f {}", PLAN + "-f endless.txt", PLAN + "pypi:foo",
    "config --file {} --get channels", "compare -n a {}", "lock merge {} {} {}",
)  # fmt: skip


@pytest.mark.parametrize("command", ENDLESS)
def test_a_file_without_an_end(world: UserWorld, command: str) -> None:
    """A device has no size, but more bytes than memory."""
    (world.work / "good.yml").write_text("name: x\ndependencies: []\n")
    (world.work / "endless.txt").write_text("-r /dev/zero\n")
    words = command.format("/dev/zero", "/dev/zero", "/dev/zero", channel=world.channel).split()
    environ = {"PIP_CONFIG_FILE": "/dev/zero", "PIP_NO_INDEX": "0"} if "foo" in command else {}
    failed = world.check(*words, environ=environ)
    assert failed.code == 1
    assert "/dev/zero" in failed.err
