"""What users type by mistake, or by the habit of another program, and the hints that they get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.command_line import CommandLine

MINICON = str(Path(sys.executable).with_name("minicon"))


#: A command line, and what its hint has. None of them changes anything.
HINTS = [
    ("isntall hello", "did you mean 'minicon install'?"),
    ("freeze", "use 'minicon export'"),
    ("pip install six", "use 'minicon install pypi:NAME'"),
    ("completion bsh", "did you mean bash"),
    ("create -n x -f enviroment.yml", "did you mean environment.yml?"),
    ("create -n x -f nowhere/environment.yml", "there is no directory 'nowhere' either"),
    ("apply environmnt.yml", "did you mean environment.yml?"),
    ("replay enviroment.yml", "did you mean environment.yml?"),
    ("create -y -p environment.yml/x hello", "environment.yml is a file"),
    ("export -n data -f environment.yml/x.yml", "environment.yml is a file"),
    ("plan remove -n data --all", "run: minicon remove --dry-run -n data --all"),
    ("unpack enviroment.yml new", "did you mean environment.yml?"),
    ("apply nowhere/plan.json", "there is no directory 'nowhere' either"),
    ("bundle -f enviroment.yml", "did you mean environment.yml?"),
    ("lock merge environment.yml environment.yml enviroment.yml", "did you mean environment.yml?"),
    ("channel index projet", "did you mean project?"),
    ("channel serve projet/", "did you mean project?"),
    ("create -n x ./hallo-1.0-0.conda", "did you mean ./hello-1.0-1.conda?"),
    ("create -n x environment.yml", "write -f environment.yml"),
    ("create -n x ./project", "below 'pip:'"),
    ("create -n x .", "below 'pip:'"),
    ("create -n x ./other-1.0-0.conda", "there is no file"),
    ("remove -n data helo", "did you mean hello?"),
    ("why -n data helo", "did you mean hello?"),
    ("config get chanels", "did you mean channels?"),
    ("install -n dat hello", "did you mean 'data'?"),
    ("create -n x channel/hello", "did you mean channel::hello?"),
    ("create -n x hello@1.0", "did you mean hello=1.0?"),
    ("create -n x pypi:numpy=1.26", "did you mean pypi:numpy==1.26.*?"),
    ("list -n", "write --name NAME"),
    ("config --set offline", "write --set KEY VALUE"),
    ("history data", "for an environment of that name, write -n data"),
    ("diff -n data one", "'one' is not a number"),
]


def test_hints(data: CommandLine) -> None:
    (data.folder / "environment.yml").write_text("dependencies: [hello]\n")
    (data.folder / "project").mkdir()
    (data.folder / "hello-1.0-1.conda").touch()
    for typed, hint in HINTS:
        done = data(typed)
        assert done.code, typed
        assert hint in done.err, typed


def test_a_path_of_an_environment_is_offered(data: CommandLine) -> None:
    path = data.environment("data")
    assert f"did you mean '{path}'?" in data("list", "-p", f"{path}x").err


def test_a_long_list_of_environments_is_not_shown(data: CommandLine) -> None:
    for number in range(9):
        folder = data.environment(f"other{number}") / "conda-meta"
        folder.mkdir(parents=True)
        (folder / "history").touch()
    assert "hint: 'minicon env list' shows the environments" in data("list -n nowhere").err


def test_a_spec_that_is_not_quoted(tmp_path: Path) -> None:
    environ = {**os.environ, "MINICON_ROOT": str(tmp_path / "root"), "HOME": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-c", f"'{MINICON}' create -n x hello>=3"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the shell took '>=3' as a file" in done.stderr
    assert "'hello>=3'" in done.stderr
    assert not (tmp_path / "root").exists()
