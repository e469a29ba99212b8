"""Services with their own home and settings, and a channel of small packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.config.settings import Settings
from minicon.lean_dataclasses import replace


def make_settings(
    folder: Path, environ: Mapping[str, str] | None = None, **changes: Any
) -> Settings:
    """Return settings below a directory for linux-64, without python's pip."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    variables = {"MINICON_ROOT": str(folder / "root"), **(environ or {})}
    loaded = load_settings(
        environ=variables, home=home, working_directory=folder, platform="linux-64"
    )
    return replace(
        loaded.settings, **{"add_pip_as_python_dependency": False, "offline": False, **changes}
    )


class Notes:
    """A reporter that records its messages."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def expect(self, kind: str, tasks: int, total: int, unit: str = "B") -> Any:
        return self.start(kind, "", total, unit)

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Any:
        from minicon.models.reporter import SilentTask

        return SilentTask()

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def make_services(folder: Path, reporter: Notes | None = None, **changes: Any) -> Services:
    """Return services with no environment variables but PATH."""
    services = Services(make_settings(folder, **changes), reporter)
    services.environ = {"PATH": os.environ.get("PATH", "")}
    return services
