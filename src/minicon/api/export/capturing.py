"""Captures in files: written beside a solve, and solved again."""

from __future__ import annotations

import json

from minicon.errors import FileError
from minicon.fs import operations
from minicon.models.strict_json import read_object
from minicon.solver.capture import capture, captured_request, recording
from minicon.solver.solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.solver.request import Solution, SolveRequest


def solve_captured(request: SolveRequest, path: Path) -> Solution:
    """Solve a request and write all that took part in it to a file, also when it fails.

    Raises:
        SolveError: As the solver.
        FileError: The file cannot be written.
    """
    watched = recording(request)
    try:
        solution = CondaSolver().solve(watched)
        dict(solution.hold_backs)  # looks at more records
    finally:
        with operations.describing("write", path):
            text = json.dumps(capture(watched), separators=(",", ":"), sort_keys=True)
            operations.replace_file(path, text.encode(), durable=False)
    return solution


def replay(path: Path) -> Solution:
    """Solve what a file captured.

    Raises:
        FileError: It cannot be read, or is no capture.
        SolveError: As the captured command.
    """
    with operations.describing("read", path):
        text = path.read_bytes()
    try:
        document = read_object(text)
    except ValueError as error:
        message = f"{path} is not a capture in JSON: {str(error)[:80]}"
        raise FileError("invalid-capture", message, hint="write it anew") from error
    return CondaSolver().solve(captured_request(document))
