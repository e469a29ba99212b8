"""Every exit code of docs/reference/exit-codes.md is that of the examples beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "exit-codes.md"
#: 130 and the codes of ``run`` need processes: tests/integration/test_interruption.py and
#: tests/cli/test_run_command.py have them.
ELSEWHERE = {"130", "any"}
CASES = [
    (0, "install -y -n data hello"),
    (0, "install -n data lone --dry-run"),
    (0, ""),
    (1, "install -y -n data hello=99"),
    (1, "list -n missing"),
    (1, "search nothing-like-it"),
    (1, "list -n data nothing-like-it"),
    (2, "instal"),
    (2, "list --no-such-option"),
    (2, "clean"),
    (2, "config set"),
]


@pytest.mark.parametrize(("code", "command"), CASES)
def test_exit_codes(data: CommandLine, code: int, command: str) -> None:
    assert data(command).code == code


def test_every_code_of_the_page_has_a_case() -> None:
    codes = set(re.findall(r"^\| (\d+|any) \|", PAGE.read_text(), re.MULTILINE))
    assert codes == {str(code) for code, _ in CASES} | ELSEWHERE
