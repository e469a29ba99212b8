"""The Activator as a pure function; an independent model of a stack of environments judges it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import ShellError, UsageError
from minicon.shell.activation import (
    ActivationChange,
    ActivationOptions,
    Activator,
    environment_name,
    path_entries,
    plain_prompt_text,
)
from minicon.shell.environment_facts import EnvironmentFacts
from minicon.shell.shells import get_shell

OPTIONS = ActivationOptions("/r", windows=False)
BASE = {"PATH": "/usr/bin:/bin", "HOME": "/h", "A": "base a", "PS1": "$ "}

FACTS = {
    f"/r/envs/{name}": EnvironmentFacts(f"/r/envs/{name}", variables)
    for name, variables in {
        "one": {"A": "1", "B": "1"},
        "two": {"A": "2", "C": "2"},
        "none": {},
    }.items()
}


def activator(environ: dict[str, str], options: ActivationOptions = OPTIONS) -> Activator:
    return Activator(environ, lambda prefix: FACTS.get(prefix, EnvironmentFacts(prefix)), options)


def apply(environ: dict[str, str], change: ActivationChange) -> dict[str, str]:
    return {**change.apply_to(environ), **change.set}


STEPS = st.lists(
    st.one_of(
        st.just(("deactivate", "", False)),
        st.just(("reactivate", "", False)),
        st.tuples(st.just("activate"), st.sampled_from(sorted(FACTS)), st.booleans()),
    ),
    max_size=12,
)


class Model:
    """The oracle: a list of (prefix, stacked), from which everything is computed."""

    def __init__(self) -> None:
        self.active: list[tuple[str, bool]] = []

    def step(self, verb: str, prefix: str, stack: bool) -> None:
        if verb == "deactivate":
            self.active = self.active[:-1]
        elif verb == "activate" and not (self.active and self.active[-1][0] == prefix):
            self.active.append((prefix, stack and bool(self.active)))

    def on_path(self) -> list[str]:
        """Prefixes whose folders and variables are in force, lowest first."""
        shown: list[str] = []
        for prefix, stacked in self.active:
            shown = [*(shown if stacked else shown[:-1]), prefix]
        return shown

    def expected(self) -> dict[str, str]:
        environ = dict(BASE)
        for prefix in self.on_path():
            environ["PATH"] = f"{prefix}/bin:{environ['PATH']}"
            environ.update(FACTS[prefix].variables)
        if self.active:
            top = self.active[-1][0]
            name = top.rpartition("/")[2]
            environ |= {"CONDA_PREFIX": top, "CONDA_SHLVL": str(len(self.active))}
            environ |= {"CONDA_DEFAULT_ENV": name, "CONDA_PROMPT_MODIFIER": f"({name}) "}
            environ["PS1"] = f"({name}) $ "
        for level, (prefix, stacked) in enumerate(self.active, 1):
            if level < len(self.active):
                environ[f"CONDA_PREFIX_{level}"] = prefix
            if stacked:
                environ[f"CONDA_STACKED_{level}"] = "true"
        return environ


@given(STEPS)
def test_any_walk_through_environments(steps: list[tuple[str, str, bool]]) -> None:
    environ, model = dict(BASE), Model()
    for verb, prefix, stack in steps:
        now = activator(environ)
        change = now.activate(prefix, stack=stack) if verb == "activate" else getattr(now, verb)()
        environ = apply(environ, change)
        model.step(verb, prefix, stack)
        private = ("__CONDA_SHLVL_", "_MINICON_NAMES_")
        seen = {k: v for k, v in environ.items() if not k.startswith(private)}
        assert seen == model.expected()
    while activator(environ).level:
        environ = apply(environ, activator(environ).deactivate())
    assert environ == BASE


def test_variables_set_before_are_restored() -> None:
    before = {**BASE, "CONDA_SHLVL": "0", "CONDA_DEFAULT_ENV": "odd", "CONDA_PROMPT_MODIFIER": ""}
    inside = apply(before, activator(before).activate("/r/envs/one"))
    assert apply(inside, activator(inside).deactivate()) == before


def test_only_the_first_entry_of_path_is_removed() -> None:
    before = {**BASE, "PATH": "/x:/r/envs/one/bin:/usr/bin:"}
    inside = apply(before, activator(before).activate("/r/envs/one"))
    assert inside["PATH"] == "/r/envs/one/bin:/x:/r/envs/one/bin:/usr/bin:"
    assert apply(inside, activator(inside).deactivate()) == before


def test_a_colon_cannot_be_on_path() -> None:
    with pytest.raises(ShellError) as caught:
        activator(BASE).activate("/r/a:b")
    assert caught.value.reference == "path-separator-in-prefix"


def test_windows_directories_stay_together() -> None:
    options = ActivationOptions("C:\\r", windows=True)
    assert path_entries("C:\\e", windows=True) == (
        "C:\\e",
        "C:\\e\\Library\\mingw-w64\\bin",
        "C:\\e\\Library\\usr\\bin",
        "C:\\e\\Library\\bin",
        "C:\\e\\Scripts",
        "C:\\e\\bin",
    )
    before = {"PATH": "C:\\mine;C:\\Windows"}
    one = activator(before, options).activate("C:\\e").apply_to(before)
    assert one["PATH"] == ";".join([*path_entries("C:\\e", windows=True), before["PATH"]])
    two = activator(one, options).activate("C:\\f").apply_to(one)
    assert two["PATH"] == ";".join([*path_entries("C:\\f", windows=True), before["PATH"]])
    back = activator(two, options).deactivate().apply_to(two)
    assert activator(back, options).deactivate().apply_to(back) == before


def test_names_and_prompts() -> None:
    assert environment_name("/r", "/r") == "base"
    assert environment_name("/r/envs/x", "/r") == "x"
    assert environment_name("/else/where", "/r") == "/else/where"
    assert plain_prompt_text("a$(b)`c`\\d%e!f\x1bg\u202e") == "a?(b)?c??d?e?f?g?"
    quiet = ActivationOptions("/r", changeps1=False, windows=False)
    change = activator(BASE, quiet).activate("/r/envs/one")
    assert change.set == {}
    assert change.export["CONDA_PROMPT_MODIFIER"] == ""


def test_json_has_the_format_of_conda() -> None:
    facts = EnvironmentFacts("/e", {"K": "v"}, ("a.sh", "b.fish"), ("c.sh",))
    change = Activator(BASE, lambda _: facts, OPTIONS).activate("/e")
    document = json.loads(get_shell("posix+json").render(change))
    assert sorted(document) == ["path", "scripts", "vars"]
    assert document["path"] == {"PATH": ["/e/bin", "/usr/bin", "/bin"]}
    assert document["vars"]["export"]["K"] == "v"
    assert document["vars"]["set"] == {"PS1": "(/e) $ "}
    assert document["scripts"] == {
        "activate": [str(Path("/e/etc/conda/activate.d/a.sh"))],
        "deactivate": [],
    }


def test_posix_text_follows_conda_s_order() -> None:
    facts = EnvironmentFacts("/r/envs/one", {}, ("a.sh",), ("d.sh",))
    inside = apply(BASE, Activator(BASE, lambda _: facts, OPTIONS).activate("/r/envs/one"))
    change = Activator(inside, lambda _: facts, OPTIONS).deactivate()
    lines = get_shell("bash").render(change).splitlines()
    assert lines[0] == "export PATH='/usr/bin:/bin'"
    assert lines[1] == ". '/r/envs/one/etc/conda/deactivate.d/d.sh'"
    assert "unset CONDA_PREFIX" in lines
    assert lines[-1] == "PS1='$ '"


@pytest.mark.parametrize("name", ["", "bsh", "bash+xml", "json+json"])
def test_an_unknown_shell_is_named(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        get_shell(name)
    assert caught.value.reference == "unknown-shell"
