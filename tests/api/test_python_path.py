"""PYTHONPATH is the user's: it reaches environments, and what it hides is reported."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, extract, python_package

from minicon.api.inspect.status import environment_status
from minicon.shell.activation import ActivationOptions
from minicon.shell.run import prepare_command


def test_hidden_modules_are_named(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    package = PackageBuilder("tools").noarch("python").depends("python")
    for path in ("one/__init__.py", "two.py", "three/data.txt", "four/__init__.py", "five.py"):
        package = package.file(f"site-packages/{path}")
    apply(env, extract(python_package(), tmp_path / "p"), extract(package, tmp_path / "p"))
    folder = tmp_path / "mine"
    for path in ("one/__init__.py", "two.so", "three/__init__.py", "four/notes", "six.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    inside = next(env.glob("lib/python3.*/site-packages"))
    value = os.pathsep.join([str(inside), "", "/nowhere", str(folder)])
    status = environment_status(env, environ={"PYTHONPATH": value})
    assert list(map(str, status.hidden)) == [
        f"one of tools, by {folder}",
        f"two of tools, by {folder}",
    ]
    assert not status.has_drifted
    assert environment_status(env, environ={}).hidden == ()


def test_run_leaves_it_as_it_is(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    apply(env)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "/mine"}
    command = prepare_command(
        env, ["true"], environ=environ, options=ActivationOptions(str(tmp_path))
    )
    assert command.environ["PYTHONPATH"] == "/mine"
