"""HostIndex: the interpreters of this machine as ``python`` records of the channel ``host``."""

from __future__ import annotations

from pathlib import Path

from minicon.constants import CONDA_EXTENSION, HOST_CHANNEL
from minicon.counted import counted
from minicon.errors import InterpreterError
from minicon.machine.host_packages.layout import (
    PORTABLE,
    VENV,
    layout_for,
    reason_against_copy,
    site_packages,
)
from minicon.models.indexes.record_index import RecordIndex
from minicon.models.records import RepodataRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minicon.machine.interpreters.discovery import Discovery
    from minicon.machine.interpreters.facts import InterpreterFacts

PYTHON = "python"
_OLDEST_VERSION = (3, 8)
#: A self-contained build is preferred to a distribution's of the same version.
_BUILD_NUMBERS = {PORTABLE: 1}


class HostIndex(RecordIndex):
    """The interpreters for one platform, with one name.

    Of interpreters with equal version and layout, only the first is listed; PATH decides.

    Args:
        interpreters: The discovered interpreters, best first.
        platform: Target subdir; interpreters for other subdirs are not listed.
        variants: Further builds to list: ``pypy``, ``free-threaded``, ``debug``,
            ``pre-release``. None by default, because users must choose them explicitly.
        linked: Whether environments link to the interpreters instead of copying them.
    """

    def __init__(
        self,
        interpreters: Iterable[InterpreterFacts],
        *,
        platform: str,
        variants: Collection[str] = (),
        linked: bool = False,
    ) -> None:
        super().__init__(HOST_CHANNEL, platform)
        chosen: dict[tuple[str, str, str], InterpreterFacts] = {}
        for facts in interpreters:
            if reason_against_offer(facts, platform, variants) is None:
                layout = layout_for(facts, linked=linked)
                chosen.setdefault((facts.version, facts.abiflags, layout), facts)
        self._records = tuple(
            record_for_interpreter(facts, layout) for (_, _, layout), facts in chosen.items()
        )

    def names(self) -> Collection[str]:
        """``python``, if there is any record."""
        return (PYTHON,) if self._records else ()

    def records_for(self, name: str) -> Sequence[RepodataRecord]:
        """The interpreters as records; empty for every other name."""
        return self._records if name == PYTHON else ()


def reason_against_offer(
    facts: InterpreterFacts, platform: str, variants: Collection[str] = ()
) -> str | None:
    """Why an interpreter is not listed; None if it is. A clause with "it" as its subject."""
    if facts.implementation != "cpython" and facts.implementation not in variants:
        return f"it is {facts.implementation}, not CPython"
    if facts.platform != platform:
        return f"it is for {facts.platform}"
    if facts.is_windows and layout_for(facts) == VENV:
        return f"it cannot be copied: {reason_against_copy(facts)}"
    if facts.version_tuple[:2] < _OLDEST_VERSION:
        return f"it is older than {'.'.join(map(str, _OLDEST_VERSION))}"
    return next(
        (
            f"it is a {name} build"
            for name, holds in (
                ("free-threaded", facts.is_free_threaded),
                ("debug", facts.is_debug),
                ("pre-release", facts.is_pre_release),
            )
            if holds and name not in variants
        ),
        None,
    )


def record_for_interpreter(facts: InterpreterFacts, layout: str = "") -> RepodataRecord:
    """The record of an interpreter in a layout; by default that of :func:`layout_for`.

    The build string, ``h<8 hexadecimal digits>_host_<layout>``, changes with the interpreter. It
    never ends with ``_cpython``, which conda's ``python_abi`` requires, so that compiled conda
    packages are not combined with a Python that uses other system libraries. The record has no
    timestamp, so that ``--exclude-newer`` does not exclude interpreters.
    """
    layout = layout or layout_for(facts)
    build = f"h{facts.identity[:8]}_host_{layout}"
    number = _BUILD_NUMBERS.get(layout, 0)
    data = {
        "name": PYTHON,
        "version": facts.version,
        "build": build,
        "build_number": number,
        "depends": ["__win" if facts.is_windows else "__unix"],
        "constrains": [],
        "license": "PSF-2.0",
        "python_site_packages_path": site_packages(facts),
        "purls": [f"pkg:generic/python@{facts.version}"],
        "interpreter": facts.executable,
    }
    return RepodataRecord(
        data,
        channel=HOST_CHANNEL,
        subdir=facts.platform,
        # Other readers of conda-meta reject a record without the extension of an archive.
        fn=f"{PYTHON}-{facts.version}-{build}{CONDA_EXTENSION}",
        url=Path(facts.executable).as_uri(),
        source="interpreter",
    )


def layout_of(record: RepodataRecord) -> str:
    """The layout that the build string of a record of the channel ``host`` names."""
    return VENV if record.build.endswith(f"_{VENV}") else PORTABLE


def interpreter_for(
    record: RepodataRecord, interpreters: Iterable[InterpreterFacts]
) -> InterpreterFacts:
    """The interpreter of a record of the channel ``host``.

    Args:
        record: A record of :class:`HostIndex`, from this process or an earlier one.
        interpreters: The discovered interpreters.

    Raises:
        InterpreterError: ``interpreter-missing``, or ``interpreter-changed``: its executable is
            now another version.
    """
    path = str(record.data.get("interpreter", ""))
    found = tuple(interpreters)
    for facts in found:
        offered = record_for_interpreter(facts, layout_of(record))
        if (offered.version, offered.build) == (record.version, record.build):
            return facts
    successor = next((facts for facts in found if facts.executable == path), None)
    what = f"python {record.version} at {path or 'an unknown path'}"
    versions = ", ".join(dict.fromkeys(facts.version for facts in found)) or "none"
    if successor is not None:
        raise InterpreterError(
            "interpreter-changed",
            f"{what} has changed since it was chosen: it is now {successor.version}",
            hint="run the command again to choose an interpreter",
        )
    raise InterpreterError(
        "interpreter-missing",
        f"{what} is no longer on this machine",
        context=f"interpreters found: {versions}",
        hint="install it again, or request another version",
    )


def describe_found(discovery: Discovery, platform: str) -> str:
    """The versions on this machine, for messages about a missing interpreter.

    For instance ``interpreters on this machine: 3.10.13, 3.11.7 (2 builds); not usable: 3.7.16 (it
    is older than 3.8)``.
    """
    offered: dict[str, int] = {}
    refused: dict[str, str] = {}
    for facts in sorted(discovery.interpreters, key=lambda facts: facts.version_tuple):
        reason = reason_against_offer(facts, platform)
        if reason is None:
            offered[facts.version] = offered.get(facts.version, 0) + 1
        else:
            refused[facts.version] = reason
    names = [f"{v} ({counted(count, 'build')})" if count > 1 else v for v, count in offered.items()]
    listed = ", ".join(names)
    text = f"interpreters on this machine: {listed}" if names else "no interpreter was found"
    if refused:
        listed = ", ".join(f"{version} ({reason})" for version, reason in refused.items())
        text += f"; not usable: {listed}"
    return text
