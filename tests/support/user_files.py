"""UserWorld: a home with an environment, a channel and every kind of file of a user.

Commands run in this process, one after another; whatever they are given, :meth:`UserWorld.run`
checks how they end: with a documented exit code, no ``internal-error``, in little time,
and without changes outside of minicon's directories.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st
from tests.support.commands import Outcome
from tests.support.interpreters import save_known_interpreters
from tests.support.packages import PackageBuilder, build_channel

from minicon.__main__ import main
from minicon.api.plan.plan_files import _digest
from minicon.cli.command_table import COMMANDS
from minicon.cli.parser import make_parser

#: Processor seconds that no command needs for a small file, however odd.
SECONDS = 5.0
_AGREED = {0, 1, 2, 126, 127}
_FAMILY = ("CONDA", "MINICON", "_CONDA", "PIP_", "PYTHON", "VIRTUAL_ENV", "XDG_")


class UserWorld:
    """One HOME and MINICON_ROOT for many commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.root = folder / "root"
        self.work = folder / "work"
        self.outside = folder / "outside"
        for directory in (self.home, self.work, self.outside):
            directory.mkdir(parents=True)
        (self.outside / "precious").write_text("years of work")
        save_known_interpreters(self.root)
        self.channel = build_channel(folder / "channel", _packages())
        self.prefix = self.root / "envs" / "a"
        self.run(*self._sources("create -y -n a"), "hello").ok()
        self._guarded = self._state_outside()

    @property
    def variables(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FAMILY)}
        return {
            **kept,
            "HOME": str(self.home),
            "MINICON_ROOT": str(self.root),
            "MINICON_OFFLINE": "true",
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "NO_COLOR": "1",
        }

    def _sources(self, words: str) -> list[str]:
        return [*words.split(), "--override-channels", "-c", str(self.channel)]

    def plan(self, *words: str) -> list[str]:
        """Return a command line that plans a new environment from the channel."""
        return [*self._sources("create -n new --dry-run"), *words]

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> Outcome:
        """Run a command in this process."""
        out, err = _stream("strict"), _stream("backslashreplace")
        begin = time.process_time()
        with contextlib.ExitStack() as stack:
            variables = {**self.variables, **(environ or {})}
            stack.enter_context(mock.patch.dict(os.environ, variables, clear=True))
            stack.enter_context(mock.patch.object(sys, "stdout", out))
            stack.enter_context(mock.patch.object(sys, "stderr", err))
            stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO()))
            stack.enter_context(mock.patch.object(os, "execve", _refused))
            stack.enter_context(_inside(self.work))
            stack.enter_context(mock.patch.object(sys, "argv", ["minicon", *words]))
            code = main()
        self.seconds = time.process_time() - begin
        return Outcome(code, _text(out), _text(err))

    def check(self, *words: str, environ: Mapping[str, str] | None = None) -> Outcome:
        """Run a command and check how it ended."""
        outcome = self.run(*words, environ=environ)
        said = outcome.out[-4000:] + outcome.err[-4000:]
        assert outcome.code in _AGREED, (words, said)
        assert "internal-error" not in said, (words, said)
        assert "internal error" not in said, (words, said)
        assert "Traceback" not in said, (words, said)
        assert self.seconds < SECONDS, (words, self.seconds)
        assert self._state_outside() == self._guarded, words
        return outcome

    def _state_outside(self) -> list[tuple[str, int]]:
        """Return the files outside of HOME and MINICON_ROOT that could be changed by mistake."""
        found = [(each.name, 0) for each in os.scandir(self.folder)]
        found += [(each.path, each.stat().st_mtime_ns) for each in os.scandir(self.outside)]
        found.append((str(self.outside), self.outside.stat().st_mtime_ns))
        found += [("/absolute", os.path.exists("/absolute"))]
        return sorted([*found, (os.devnull, os.stat(os.devnull).st_ino)])


def _packages() -> list[PackageBuilder]:
    hello = PackageBuilder("hello").depends("greeting >=1")
    return [
        hello.version("1.0").file("bin/hello", "#!/bin/sh\necho hello 1.0\n"),
        hello.version("2.0").file("bin/hello", "#!/bin/sh\necho hello 2.0\n"),
        PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n"),
    ]


#: Words typed by mistake. None of them is a path outside of the working directory.
ODD_WORDS = (
    "", "x", "a", "hello", "hello>=1", "-", "--", "-x", "--nonsense", "x" * 300, "x" * 5000,
    "caf\udce9", "\udcff", "a/b", "./a", "9" * 6000, "1." * 3000 + "0", "-1", "1e400", "a\nb",
    "\x1b[31m", "日本", "http://[::1", "http://h:99999999/", "file:///", "a>=", "a[", "a ==1.*.*",
    "==" * 3000, "(" * 3000, "%00", "~nouser", "$HOME", "*", "{", "pypi:", "pypi:x @ http://",
    "x @ http://h/x.whl", "a.whl", "conda-forge::x", "x::y::z", "hello[version='", "hello[when=",
    "a=1=2=3", "linux-64", "noarch", "bash", "1", "2024-01-01", "7d", "@", "#", "environment.yml",
    "\u2028", "é" * 200, "/dev/null", ".", " ", "\t", "s3://", "oci://", "./x.conda", "A=b", "=b",
    "(", "|", "hello=^(", "hello[build=^((((a+)+)+)+$]", "[md5=x]", "greeting",
)  # fmt: skip
#: Options that answer questions, and those for the whole machine.
_NOT_TRIED = ("-y", "--yes", "--json", "--system")
_SHELLS = ("bash", "fish", "zsh", "xonsh", "cmd.exe", "powershell", "posix", "nu", "json", "é")


def odd_command_lines() -> st.SearchStrategy[list[str]]:
    """Command lines of every command, with its options and odd words."""
    return st.integers(0, 2**32).map(_command_line)


def _command_line(seed: int) -> list[str]:
    choose = random.Random(seed)
    if choose.random() < 0.1:
        verb = choose.choice(("activate", "deactivate", "reactivate", "hook", "x"))
        return [f"shell.{choose.choice(_SHELLS)}", verb, choose.choice(ODD_WORDS)]
    name = choose.choice(sorted(COMMANDS))
    parser: argparse.ArgumentParser = _parser(name)
    words = [name]
    while verbs := [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
        words.append(choose.choice(sorted(verbs[0].choices)))
        parser = verbs[0].choices[words[-1]]
    actions = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]
    for action in choose.sample(actions, min(len(actions), choose.randrange(4))):
        words += _words_for(action, choose)
    known = {option for action in actions for option in action.option_strings}
    if "-n" in known and choose.random() < 0.8:
        words += ["-n", choose.choice(("a", "a", choose.choice(ODD_WORDS)))]
    if "--override-channels" in known and choose.random() < 0.7:
        words += ["--override-channels", "-c", "{channel}"]
    return words


@functools.cache
def _parser(name: str) -> argparse.ArgumentParser:
    return make_parser(name, importlib.import_module(f"minicon.cli.commands.{COMMANDS[name][0]}"))


def _words_for(action: argparse.Action, choose: random.Random) -> list[str]:
    """Return an option with a value; none confirms, so that environments stay."""
    odd = choose.choice(ODD_WORDS)
    value = choose.choice(sorted(map(str, action.choices))) if action.choices else odd
    if not action.option_strings:
        return [value]
    option = choose.choice(action.option_strings)
    if option in _NOT_TRIED:
        return []
    return [option] if action.nargs == 0 else [option, value]


def with_digest(plan: bytes) -> bytes:
    """Complete a plan file as a careful forger would; other files are unchanged."""
    try:
        document = json.loads(plan)
        document.pop("digest", None)
        return json.dumps({**document, "digest": _digest(document)}).encode()
    except (ValueError, RecursionError, AttributeError, TypeError):
        return plan


def _stream(errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors, write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def _refused(*_: Sequence[str]) -> None:
    raise PermissionError(13, "Permission denied")


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
