"""Workspace: run the real ``minicon`` program with its own home; QuickWorkspace: in-process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.interpreters import save_known_interpreters

from minicon.__main__ import main
from minicon.machine.interpreters.discovery import CACHE_FILE

#: Commands that become the program that they start.
_STARTERS = {"run", "shell", "x"}


@dataclass
class Outcome:
    """Result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ok(self) -> Outcome:
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self


@dataclass
class Workspace:
    """A HOME and a MINICON_ROOT without any configuration; the interpreters are known.

    Attributes:
        environ: Added to the variables of every command.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.root = self.folder / "root"
        self.home.mkdir(parents=True, exist_ok=True)
        save_known_interpreters(self.root)

    @property
    def variables(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CONDA_", "MINICON_", "_CONDA", "PYTHON", "VIRTUAL_ENV"))
        }
        return {
            **kept,
            "HOME": str(self.home),
            "MINICON_ROOT": str(self.root),
            "NO_COLOR": "1",
            **self.environ,
        }

    def run(self, *arguments: str, typed: str = "", cwd: Path | None = None) -> Outcome:
        """Run ``minicon`` with arguments."""
        process = self.start(*arguments, cwd=cwd)
        out, err = process.communicate(typed, timeout=240)
        return Outcome(process.returncode, out, err)

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start ``minicon`` with arguments and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "minicon", *arguments],
            env=self.variables,
            cwd=cwd or self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self, name: str) -> Path:
        return self.root / "envs" / name

    def is_unused(self) -> bool:
        """Whether no command has written anything below MINICON_ROOT."""
        return [path.name for path in self.root.rglob("*")] == ["cache", CACHE_FILE]

    def left_behind(self) -> list[str]:
        """Return the entries of envs/ that are not complete environments."""
        envs = self.root / "envs"
        found = list(envs.rglob("*")) if envs.exists() else []
        odd = ("stage-", "trash-")
        return [str(p.relative_to(envs)) for p in found if p.name.startswith(odd)]


class QuickWorkspace(Workspace):
    """A workspace whose commands run in this process, ten times faster."""

    def run(self, *arguments: str, typed: str = "", cwd: Path | None = None) -> Outcome:
        """Run ``minicon`` with arguments."""
        if arguments[:1] and arguments[0] in _STARTERS:
            return self.run_apart(*arguments, typed=typed, cwd=cwd)
        out, err = io.StringIO(), io.StringIO()
        before = Path.cwd()
        with (
            mock.patch.dict(os.environ, self.variables, clear=True),
            mock.patch.object(sys, "argv", ["minicon", *arguments]),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            os.chdir(cwd or self.folder)
            try:
                code = main()
            finally:
                os.chdir(before)
        return Outcome(code, out.getvalue(), err.getvalue())

    def run_apart(self, *arguments: str, typed: str = "", cwd: Path | None = None) -> Outcome:
        """Run the program as a separate process, whose connections end with it."""
        return super().run(*arguments, typed=typed, cwd=cwd)
