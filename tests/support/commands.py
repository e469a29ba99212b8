"""Workspace: run the real ``minicon`` program, with its own home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    """A HOME and a MINICON_ROOT without any configuration.

    Attributes:
        environ: Added to the variables of every command.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.root = self.folder / "root"
        self.home.mkdir(parents=True, exist_ok=True)

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

    def left_behind(self) -> list[str]:
        """Return the entries of envs/ that are not complete environments."""
        envs = self.root / "envs"
        found = list(envs.rglob("*")) if envs.exists() else []
        odd = ("stage-", "trash-")
        return [str(p.relative_to(envs)) for p in found if p.name.startswith(odd)]
