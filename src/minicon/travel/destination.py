"""The path that an environment was packed for, recorded in it so that others remain possible."""

from __future__ import annotations

import json

from minicon.constants import CONDA_META
from minicon.fs.plain_file import read_plain_file
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

DESTINATION_FILE = f"{CONDA_META}/packed"


def destination_data(destination: str) -> bytes:
    """Return the content of the file."""
    return json.dumps({"version": 1, "prefix": destination}).encode() + b"\n"


def read_destination(prefix: Path) -> str | None:
    """Return the path; None if the environment was not packed for one, or not by minicon."""
    try:
        data = read_json(read_plain_file(prefix / DESTINATION_FILE))
        path = data["prefix"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if isinstance(path, str) and path.startswith("/") and "\0" not in path else None
