"""Prepare an interpreter of this machine as an extracted package in the cache."""

from __future__ import annotations

import os

from minicon.errors import InterpreterError
from minicon.fs.operations import describing
from minicon.fs.remove import empty_directory
from minicon.machine.host_packages.host_index import record_for_interpreter
from minicon.machine.host_packages.layout import (
    PORTABLE,
    VENV,
    command_name,
    layout_for,
    site_packages,
)
from minicon.machine.host_packages.package_writer import PackageWriter
from minicon.machine.host_packages.portable import (
    ISOLATION,
    SITE_PACKAGES_README,
    RepackError,
    write_portable,
)
from minicon.machine.host_packages.self_check import SelfCheckError, check_venv
from minicon.machine.interpreters.probe import identity_of
from minicon.models.reporter import SilentReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.machine.interpreters.facts import InterpreterFacts
    from minicon.models.package_files import PackageFiles
    from minicon.models.reporter import Reporter


def prepare_interpreter(
    facts: InterpreterFacts, folder: Path, *, layout: str = "", reporter: Reporter | None = None
) -> PackageFiles:
    """Write an interpreter to an empty directory, as an extracted conda package.

    For ``PackageCache.ensure``. If a copy does not work, links to the original replace it, with a
    warning.

    Args:
        facts: The interpreter.
        folder: An existing empty directory.
        layout: ``portable`` or ``venv``; by default that of :func:`layout_for`.
        reporter: Receives the warning.

    Returns:
        The files of the package, with their hashes, so that the cache need not read them again.

    Cost: 1-2 s for the layout ``portable``, 0.1 s for ``venv``.

    Raises:
        InterpreterError: The interpreter is missing, has changed since discovery, or fails.
        FileError: A file cannot be read or written.
    """
    _check_unchanged(facts)
    record = record_for_interpreter(facts, layout)
    layout, reason = layout or layout_for(facts), None
    writer = PackageWriter(folder)
    if layout == PORTABLE:
        try:
            write_portable(facts, writer)
        except RepackError as error:
            if facts.is_windows:
                raise _unusable(facts, str(error)) from error
            layout, reason = VENV, str(error)
            (reporter or SilentReporter()).warn(
                f"{facts.executable} cannot be copied ({error}); the environment links to it"
            )
            with describing("empty", folder):
                empty_directory(folder)
            writer = PackageWriter(folder)
    if layout == VENV:
        try:
            _write_venv(facts, writer)
        except SelfCheckError as error:
            raise _unusable(facts, str(error)) from error
    index = {key: value for key, value in record.data.items() if key != "purls"}
    return writer.finish({**index, "subdir": record.subdir}, _about(facts, layout, reason))


def _about(facts: InterpreterFacts, layout: str, reason: str | None) -> dict[str, object]:
    return {
        "summary": f"Python {facts.version} of this machine",
        "interpreter": facts.to_json(),
        "layout": layout,
        "reason_against_copy": reason,
    }


def _write_venv(facts: InterpreterFacts, writer: PackageWriter) -> None:
    """Write links to an interpreter, as ``python -m venv --without-pip`` does (PEP 405).

    No file contains the prefix, so that the package works in every environment.

    Raises:
        SelfCheckError: The linked interpreter does not work.
        FileError: A file cannot be written.
    """
    full = command_name(facts)
    writer.add_link(f"bin/{full}", facts.executable)
    for name in dict.fromkeys((f"python{facts.minor}", "python3", "python")):
        if name != full:
            writer.add_link(f"bin/{name}", full)
    writer.add_file(f"{site_packages(facts)}/README.txt", SITE_PACKAGES_README)
    if "/lib64/" in facts.platstdlib:  # Fedora's platlibdir, for compiled packages
        writer.add_link("lib64", "lib")
    home = f"home = {os.path.dirname(facts.executable)}\nversion = {facts.version}\n"
    writer.add_file("pyvenv.cfg", os.fsencode(home) + ISOLATION)
    check_venv(writer.folder, facts)


def _unusable(facts: InterpreterFacts, reason: str) -> InterpreterError:
    return InterpreterError(
        "interpreter-unusable",
        f"the interpreter {facts.executable} cannot be used: {reason}",
        hint="run it to see the problem, or request another version of python",
    )


def _check_unchanged(facts: InterpreterFacts) -> None:
    library = os.path.join(facts.library_directory, facts.shared_library)
    try:
        if not os.access(facts.executable, os.X_OK):
            raise FileNotFoundError(facts.executable)
        identity = identity_of(facts.executable, library if facts.is_shared else "", facts.stdlib)
    except OSError as error:
        raise InterpreterError(
            "interpreter-missing",
            f"the interpreter {facts.executable} is missing or incomplete",
            hint="install it again, or request another version of python",
        ) from error
    if identity != facts.identity:
        raise InterpreterError(
            "interpreter-changed",
            f"the interpreter {facts.executable} has changed since it was found",
            hint="run the command again to choose an interpreter",
        )
