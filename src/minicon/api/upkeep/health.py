"""Check environments and the machine for problems.

::

    records ── files ── dependencies ── interpreter ── changes by pip     of each environment
    leftovers of killed commands ── environments.txt ── interpreters      of the machine
"""

from __future__ import annotations

import shlex
from pathlib import Path

from minicon.api.dependency_graph import DependencyGraph
from minicon.api.inspect.linked_python import interpreter_change
from minicon.api.inspect.pip_changes import find_pip_changes
from minicon.api.inspect.python_path import hidden_modules
from minicon.api.upkeep.cleaning import find_leftovers
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.environments_txt import registered_environments
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.repair import verify_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.repair import Problem

#: Kinds that are repaired by linking the package again.
RELINKED_KINDS = frozenset({"missing", "changed", "not-a-file", "corrupt-record"})
#: Kinds that are repaired by linking to another interpreter.
INTERPRETER_KINDS = frozenset({"vanished-interpreter", "changed-interpreter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem, or a fact that users should know.

    Attributes:
        kind: ``missing``, ``changed``, ``not-a-file``, ``corrupt-record``,
            ``duplicate-record``, ``unmet-dependency``, ``vanished-interpreter``,
            ``changed-interpreter``, ``pip-change``, ``hidden-module``, ``leftover``,
            ``stale-registration`` or ``rejected-interpreter``.
        text: A sentence.
        package: Name of the affected package, or an empty text.
        path: The affected file: relative to the environment, or absolute for the machine.
        environment: The affected environment; None for the machine.
        is_problem: Whether it should be repaired; else it is only information.
        hint: What to type, if minicon cannot repair it.
    """

    kind: str
    text: str
    package: str = ""
    path: str = ""
    environment: Path | None = None
    is_problem: bool = True
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        data = {name: getattr(self, name) for name in self.__slots__}
        return {**data, "environment": str(self.environment) if self.environment else None}


def check_environment(services: Services, path: Path, *, quick: bool = False) -> list[Finding]:
    """Find all problems of one environment.

    Args:
        services: The machine's virtual packages and platform.
        path: The environment.
        quick: Compare sizes only, instead of reading every file (about 1 s per GB).

    Raises:
        NotAnEnvironment: The path is not an environment.
    """
    prefix = Prefix(path).require()
    return [
        *_check_files(prefix, quick=quick),
        *_check_dependencies(services, prefix),
        *_check_interpreter(services, prefix),
        *_check_pip(prefix),
        *_check_python_path(services, prefix),
    ]


def check_machine(services: Services) -> list[Finding]:
    """Find the problems of the machine: leftovers, environments.txt, interpreters."""
    text = "left behind by a command that was killed"
    return [
        *(Finding(kind="leftover", text=text, path=str(p)) for p in find_leftovers(services)),
        *(
            Finding(
                kind="stale-registration",
                text=f"environments.txt lists {line}, which is not an environment",
                path=line,
            )
            for line in stale_registrations(services.registry.environments_txt)
        ),
        *(
            Finding(
                kind="rejected-interpreter",
                text=f"{each.path} cannot be used: {each.reason}",
                path=each.path,
                is_problem=False,
            )
            for each in services.discovery.rejected
        ),
    ]


def stale_registrations(file: Path) -> list[str]:
    """Return the lines of ``environments.txt`` that name no environment."""
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    good = {str(path) for path in registered_environments(file)}
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    return [line for line in lines if str(Path(line)) not in good]


def file_problems(prefix: Prefix, *, quick: bool) -> list[Problem]:
    """Verify the files of packages, except those that pip replaced or uninstalled.

    Args:
        prefix: The environment.
        quick: Compare sizes only, instead of reading every file.
    """
    outdated = find_pip_changes(prefix).outdated_names
    problems = verify_prefix(prefix, hashes=not quick)
    return [problem for problem in problems if problem.package not in outdated]


def _check_files(prefix: Prefix, *, quick: bool) -> Iterator[Finding]:
    for problem in file_problems(prefix, quick=quick):
        yield Finding(
            kind=problem.kind,
            text=str(problem),
            package=problem.package,
            path=problem.path,
            environment=prefix.path,
        )


def _check_dependencies(services: Services, prefix: Prefix) -> Iterator[Finding]:
    virtual = {each.name: each.as_record() for each in services.virtual_packages}
    graph = DependencyGraph(_installed(prefix), platform=services.settings.platform)
    unmet = list(graph.unmet(virtual))
    missing = dict.fromkeys(shlex.quote(e.spec) for e in unmet if not e.name.startswith("__"))
    path = shlex.quote(str(prefix.path))
    hint = f"minicon install -p {path} {' '.join(missing)}" if missing else ""
    for edge in unmet:
        installed = graph.records.get(edge.name)
        found = f"{edge.name} {installed.record.version}" if installed else "not installed"
        yield Finding(
            kind="unmet-dependency",
            text=f"{edge.parent} needs {edge.spec}, found: {found}",
            package=edge.parent,
            environment=prefix.path,
            hint=hint,
        )


def _installed(prefix: Prefix) -> list[PrefixRecord]:
    """Return the installed packages whose records can be read, with changes by pip."""
    changes = find_pip_changes(prefix)
    outdated = changes.outdated_names
    kept = [record for record in prefix.readable_records() if record.name not in outdated]
    return [*kept, *changes.installed_by_pip]


def _check_interpreter(services: Services, prefix: Prefix) -> Iterator[Finding]:
    """Check that the interpreter that a python links to exists and is as it was."""
    change = interpreter_change(services, prefix)
    if change is not None:
        yield Finding(
            kind=change.kind,
            text=change.text,
            package="python",
            path=change.path,
            environment=prefix.path,
            is_problem=change.is_problem,
        )


def _check_pip(prefix: Prefix) -> Iterator[Finding]:
    for text in find_pip_changes(prefix).sentences():
        yield Finding(kind="pip-change", text=text, environment=prefix.path, is_problem=False)


def _check_python_path(services: Services, prefix: Prefix) -> Iterator[Finding]:
    for each in hidden_modules(prefix, _installed(prefix), services.environ):
        yield Finding(
            kind="hidden-module",
            text=f"PYTHONPATH hides {each}",
            package=each.package,
            path=each.folder,
            environment=prefix.path,
            is_problem=False,
        )
