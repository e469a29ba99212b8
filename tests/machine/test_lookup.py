from __future__ import annotations

import pytest
from tests.support.interpreters import machine, make_facts

from minicon.errors import InterpreterError
from minicon.machine.host_packages.host_index import (
    HostIndex,
    describe_found,
    interpreter_for,
    record_for_interpreter,
)
from minicon.machine.interpreters.discovery import Discovery


def test_every_offered_record_leads_back() -> None:
    found = machine().interpreters
    platform = found[0].platform
    for record in HostIndex(found, platform=platform).records_for("python"):
        assert interpreter_for(record, found).executable == record.data["interpreter"]


def test_interpreter_that_has_gone() -> None:
    record = record_for_interpreter(make_facts("3.11.7"))
    with pytest.raises(InterpreterError, match="no longer on this machine") as caught:
        interpreter_for(record, [make_facts("3.12.1"), make_facts("3.9.0")])
    assert caught.value.reference == "interpreter-missing"
    assert caught.value.context == "interpreters found: 3.12.1, 3.9.0"
    assert "/home/me/.pyenv/versions/3.11.7/bin/python3.11" in caught.value.message


def test_interpreter_that_was_replaced() -> None:
    record = record_for_interpreter(make_facts("3.11.7", prefix="/opt/python"))
    with pytest.raises(InterpreterError, match=r"it is now 3\.11\.9") as caught:
        interpreter_for(record, [make_facts("3.11.9", prefix="/opt/python")])
    assert caught.value.reference == "interpreter-changed"


def test_description() -> None:
    found = (
        make_facts("3.10.13"),
        make_facts("3.9.18"),
        make_facts("3.10.13", prefix="/usr"),
        make_facts("3.7.16"),
        make_facts("3.10.14", implementation="pypy"),
    )
    text = describe_found(Discovery(interpreters=found), "linux-64")
    assert text == (
        "interpreters on this machine: 3.9.18, 3.10.13 (2 builds); "
        "not usable: 3.7.16 (it is older than 3.8), "
        "3.10.14 (it is pypy, not CPython)"
    )
    assert describe_found(Discovery(), "linux-64") == "no interpreter was found"
