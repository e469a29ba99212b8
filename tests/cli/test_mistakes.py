"""What users type by mistake, or by the habit of another program, and the hints that they get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.cli.mistakes import conflict_hint, fitting_hint
from minicon.solver.explain.explanation import Explanation, Fix

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
    ("-n data lst", "did you mean 'minicon list'?"),
    ("-n run list", "no environment named 'run'"),
    ("replay enviroment.yml", "did you mean environment.yml?"),
    ("create -y -p environment.yml/x hello", "environment.yml is a file"),
    ("export -n data -f environment.yml/x.yml", "a file is at the path of a directory"),
    ("plan remove -n data --all", "run: minicon remove --dry-run -n data --all"),
    ("unpack enviroment.yml new", "did you mean environment.yml?"),
    ("apply nowhere/plan.json", "there is no directory 'nowhere' either"),
    ("bundle -f enviroment.yml", "did you mean environment.yml?"),
    ("lock merge environment.yml environment.yml enviroment.yml", "did you mean environment.yml?"),
    ("channel index projet", "did you mean project?"),
    ("channel build projet out", "did you mean project?"),
    ("create hello", "hint: pass -n NAME or -p PATH\n"),
    ("channel serve projet/", "did you mean project?"),
    ("channel index ftp://h/x", "the scheme 'ftp' is not supported"),
    ("channel index https://h/x", "https://h/x is on a server, not a directory"),
    ("create -n x -c https://127.0.0.1:1/c lone", "the proxy settings, or use --offline"),
    ("plan create -n x -c https://127.0.0.1:1/c lone", "the proxy settings, or use --offline"),
    ("channel index oci://127.0.0.1:1/x", "hint: check the network and the proxy settings\n"),
    ("channel mirror https://127.0.0.1:1/x . --specs lone", "hint: check the network and the "),
    ("create -p https://h/x", "it is a URL"),
    ("unpack project new", "project is a directory\nhint: pass a .tar.zst"),
    ("unpack pipe new", "pipe is not a regular file\nhint: pass a .tar.zst"),
    ("unpack empty.zip new", "empty.zip is empty\nhint: pass a .tar.zst"),
    ("unpack cut.zip new", "hint: copy or download it again"),
    ("unpack cut.tar new", "cut.tar is cut short\nhint: copy or download it again"),
    ("export -n data -f project", "hint: pass a file, not a directory"),
    ("create -n x ./hallo-1.0-0.conda", "did you mean ./hello-1.0-1.conda?"),
    ("create -n x environment.yml", "write --file environment.yml"),
    ("create -n x ./project", "below 'pip:'"),
    ("create -n x .", "below 'pip:'"),
    ("create -n x ./other-1.0-0.conda", "check its path"),
    ("create -n x ./hallo-1.0-py3-none-any.whl", "check its path"),
    ("create -n x git+https://example.org/x", "'- git+https://example.org/x' below 'pip:'"),
    ("ins -n data lone", "did you mean 'minicon install'?"),
    ("version", "use 'minicon --version'"),
    ("remove -n data helo", "did you mean hello?"),
    ("why -n data helo", "did you mean hello?"),
    ("config get chanels", "did you mean channels?"),
    ("install -n dat hello", "did you mean 'data'?"),
    ("create -n x channel/hello", "did you mean channel::hello?"),
    ("create -n x hello@1.0", "did you mean hello=1.0?"),
    ("create -n x pypi:numpy=1.26", "did you mean pypi:numpy==1.26.*?"),
    ("list -n", "write -n NAME"),
    ("list --name", "write -n NAME"),
    ("update -n data lone", "install it: 'minicon install lone -n data'"),
    ("update -n data helo", "did you mean hello?"),
    ("remove -n data nowhere", "'minicon list -n data' shows the installed packages"),
    ("why -n data nowhere", "try 'minicon why-not nowhere -n data'"),
    ("list -n data nowhere", "list all with 'minicon list -n data'"),
    ("--verison", "did you mean --version?"),
    ("--nowhere", "options stand behind the command"),
    ("config --set offline", "write --set KEY VALUE"),
    ("history data", "for an environment of that name, write -n data"),
    ("diff -n data one", "'one' is not a number"),
    ("list data", "for the environment 'data', write -n data"),
    ("remove data", "for the environment 'data', write -n data"),
    ("run data hello", "for the environment 'data', write -n data"),
    ("info data", "for the environment 'data', write -n data"),
    ("info hello", "'minicon search hello' looks in channels"),
    ("create --clone data", "hint: pass -n NAME or -p PATH\n"),
    ("lock -n data", "'minicon export -n NAME --from-history > environment.yml'"),
    ("channel add conda-forge", "use 'minicon config append channels CHANNEL'"),
    ("channel indx", "did you mean index?"),
    ("env activate data", "use 'minicon activate'"),
    ("cache clean", "use 'minicon clean'"),
    ("whoneeds hello", "use 'minicon repoquery whoneeds NAME'"),
    ("plan install hello -o plan.json", "written to stdout: 'minicon plan ... > plan.json'"),
    ("python install 3.12", "use 'minicon create -n NAME python=VERSION'"),
]


def test_hints(data: CommandLine) -> None:
    (data.folder / "environment.yml").write_text("dependencies: [hello]\n")
    (data.folder / "project").mkdir()
    (data.folder / "hello-1.0-1.conda").touch()
    (data.folder / "empty.zip").touch()
    (data.folder / "cut.zip").write_bytes(b"PK\x03\x04")
    (data.folder / "cut.tar").write_bytes(b"x" * 257 + b"ustar\0" + b"x" * 100)
    os.mkfifo(data.folder / "pipe")
    for typed, hint in HINTS:
        done = data(typed)
        assert done.code, typed
        assert hint in done.err, typed


def test_options_before_the_command(data: CommandLine) -> None:
    assert data("-n data list hello --export").ok().out.endswith("hello=1.0=0\n")
    assert data("--json --prefix list list").json["reference"] == "environment-not-found"


def test_a_file_is_no_project_of_pypi(data: CommandLine) -> None:
    (data.folder / "requirements.txt").write_text("hello\n")
    for command in ("create -n x", "install -n data"):
        refused = data(f"{command} requirements.txt")
        assert refused.code == 2
        assert "requirements.txt is a file, not a package" in refused.err
        assert "write --file requirements.txt" in refused.err
    refused = data("remove -n data requirements.txt")  # it has no such option
    assert (refused.code, "hint" in refused.err) == (2, False)


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


@pytest.mark.parametrize(
    ("hint", "fitting"),
    [
        ("check the network, or use --offline", "check the network"),
        ("use --offline, or wait", "wait"),
        ("use --offline", None),
        ("pass --force to replace it, or another -o", "pass --force to replace it, or another -o"),
        ("make the plan again; --no-link-scripts runs none", "make the plan again"),
        (
            "copy it with 'minicon create --clone base'",
            "copy it with 'minicon create --clone base'",
        ),
    ],
)
def test_hints_name_no_options_that_the_command_does_not_have(
    hint: str, fitting: str | None
) -> None:
    assert fitting_hint(hint, {"--force", "-o"}) == fitting


@pytest.mark.parametrize("setting", ["pinned_packages", "create_default_packages"])
def test_a_setting_that_cannot_be_parsed_is_named(data: CommandLine, setting: str) -> None:
    condarc = data.home / ".condarc"
    condarc.write_text(f"{setting}: ['lone[']\n")
    refused = data("create -d -n x lone")
    assert f"context: in the setting {setting} of {condarc}" in refused.err


def test_fixes_name_only_options_that_the_command_has() -> None:
    fixes = (
        Fix('write "lib<=1.0" instead of lib 3.*', "lib<=1.0", "lib 3.*"),
        Fix("leave the pin lib <3 out (--no-pin)", None, "lib <3"),
        Fix("leave --freeze-installed out", None, "--freeze-installed"),
    )
    explanation = Explanation(("lib 3.*", "the pin lib <3"), (), fixes)
    lines = ['  1. write "lib<=1.0" instead of lib=3', "  2. leave the pin lib <3 out"]
    for options, expected in (
        ((), ["each of these works:", *lines]),
        (("--no-pin",), ["each of these works:", lines[0], f"{lines[1]} (--no-pin)"]),
    ):
        hint = conflict_hint(explanation.as_error(), ["./x", "lib=3"], options)
        assert hint is not None
        assert hint.splitlines() == expected
    only = Explanation(("top",), (), fixes[2:]).as_error()
    assert conflict_hint(only, ["top"], ()) is None
    only.hint = f"{only.hint}; or: PyPI has top 2"
    assert conflict_hint(only, ["top"], ()) == "PyPI has top 2"
