"""From a chosen record back to the interpreter, and in words what there is."""

from __future__ import annotations

from minicon.errors import InterpreterError
from minicon.machine.host_packages.host_index import reason_against_offer, record_for_interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.machine.interpreters.discovery import Discovery
    from minicon.machine.interpreters.facts import InterpreterFacts
    from minicon.models.records import RepodataRecord


def interpreter_for(
    record: RepodataRecord, interpreters: Iterable[InterpreterFacts]
) -> InterpreterFacts:
    """The interpreter that a record of channel ``host`` stands for.

    Args:
        record: As :class:`HostIndex` gave it, now or in an earlier run.
        interpreters: As discovery found them.

    Raises:
        InterpreterError: It is no longer there, or another one is in its place.
    """
    path = str(record.data.get("interpreter", ""))
    found = tuple(interpreters)
    for facts in found:
        offered = record_for_interpreter(facts)
        if (offered.version, offered.build) == (record.version, record.build):
            return facts
    successor = next((facts for facts in found if facts.executable == path), None)
    what = f"python {record.version} at {path or 'an unknown place'}"
    versions = ", ".join(dict.fromkeys(facts.version for facts in found)) or "none"
    if successor is not None:
        raise InterpreterError(
            "interpreter-changed",
            f"{what} has changed since it was chosen: it is now {successor.version}",
            hint="run the command again, and it is chosen anew",
        )
    raise InterpreterError(
        "interpreter-missing",
        f"{what} is no longer on this machine",
        context=f"interpreters found: {versions}",
        hint="install it again, or ask for another version",
    )


def describe_found(discovery: Discovery, platform: str) -> str:
    """One sentence on what this machine has, for "no matching interpreter" messages.

    For instance ``found 3.10.13, 3.11.7 (2 builds); not offered: 3.7.16 (it is older than
    3.8)``.
    """
    offered: dict[str, int] = {}
    refused: dict[str, str] = {}
    for facts in sorted(discovery.interpreters, key=lambda facts: facts.version_tuple):
        reason = reason_against_offer(facts, platform)
        if reason is None:
            offered[facts.version] = offered.get(facts.version, 0) + 1
        else:
            refused[facts.version] = reason
    names = [f"{v} ({count} builds)" if count > 1 else v for v, count in offered.items()]
    text = f"found {', '.join(names)}" if names else "no interpreter was found"
    if refused:
        listed = ", ".join(f"{version} ({reason})" for version, reason in refused.items())
        text += f"; not offered: {listed}"
    return text
