"""Save the input of a solve in a file (a capture), and solve a saved one again."""

from __future__ import annotations

import json

from minicon.errors import FileError
from minicon.fs import operations
from minicon.models.json_values.strict_json import read_object
from minicon.solver.capture import capture, captured_request, recording
from minicon.solver.solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.solver.request import Solution, SolveRequest


def solve_captured(request: SolveRequest, path: Path) -> Solution:
    """Solve a request, and write all records that the solver read to a file, after errors too.

    Raises:
        SolveError: The request has no solution.
        FileError: The file cannot be written.
    """
    recorded = recording(request)
    try:
        solution = CondaSolver().solve(recorded)
        dict(solution.hold_backs)  # computed lazily, from further records
    finally:
        with operations.describing("write", path):
            text = json.dumps(capture(recorded), separators=(",", ":"), sort_keys=True)
            operations.replace_file(path, text.encode(), durable=False)
    return solution


def replay(path: Path) -> Solution:
    """Solve the request that a capture contains.

    Raises:
        FileError: The file cannot be read, or is not a capture.
        SolveError: The request has no solution.
    """
    with operations.describing("read", path):
        text = path.read_bytes()
    try:
        document = read_object(text)
    except ValueError as error:
        message = f"{path} is not a capture in JSON: {str(error)[:80]}"
        hint = "write it again with --capture"
        raise FileError("invalid-capture", message, hint=hint) from error
    return CondaSolver().solve(captured_request(document))
