"""Is an environment, and the machinery around it, as it should be?

::

    records ── files ── dependencies ── interpreter ── pip's changes      of each environment
    leftovers of killed commands ── environments.txt ── interpreters      of the machine
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from minicon.api.inspect.dependency_graph import DependencyGraph
from minicon.api.inspect.pip_changes import find_pip_changes
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

#: Kinds that linking the package anew mends.
RELINKED_KINDS = frozenset({"missing", "changed", "not-a-file", "corrupt-record"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be, or worth knowing.

    Attributes:
        kind: ``missing``, ``changed``, ``not-a-file``, ``corrupt-record``,
            ``unmet-dependency``, ``vanished-interpreter``, ``pip-change``, ``leftover``,
            ``stale-registration`` or ``rejected-interpreter``.
        text: A sentence.
        package: Name of the package, where it is about one.
        path: The file, where it is about one: relative to the environment, else absolute.
        environment: Which one; None for the machine.
        is_problem: Whether it should be mended; else it is only worth knowing.
        hint: What to type, where minicon cannot mend it.
    """

    kind: str
    text: str
    package: str = ""
    path: str = ""
    environment: Path | None = None
    is_problem: bool = True
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finding as an object."""
        data = {name: getattr(self, name) for name in self.__slots__}
        return {**data, "environment": str(self.environment) if self.environment else None}


def check_environment(services: Services, path: Path, *, quick: bool = False) -> list[Finding]:
    """Everything that is wrong with one environment.

    Args:
        services: For the facts of the machine.
        path: The environment.
        quick: Compare sizes only, instead of reading every file (about 1 s per GB).

    Raises:
        NotAnEnvironment: It is none.
    """
    prefix = Prefix(path).require()
    return [
        *_check_files(prefix, quick=quick),
        *_check_dependencies(services, prefix),
        *_check_interpreter(prefix),
        *_check_pip(prefix),
    ]


def check_machine(services: Services) -> list[Finding]:
    """What is wrong beside the environments."""
    text = "left behind by a command that was killed"
    return [
        *(Finding(kind="leftover", text=text, path=str(p)) for p in find_leftovers(services)),
        *(
            Finding(
                kind="stale-registration",
                text=f"environments.txt lists {line}, which is no environment",
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
    """Lines of ``environments.txt`` that lead to no environment."""
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    good = {str(path) for path in registered_environments(file)}
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    return [line for line in lines if str(Path(line)) not in good]


def _check_files(prefix: Prefix, *, quick: bool) -> Iterator[Finding]:
    """Files that pip changed by hand are told of as pip's changes, not as damage."""
    untrue = find_pip_changes(prefix).untrue_names
    for problem in verify_prefix(prefix, hashes=not quick):
        if problem.package not in untrue:
            yield Finding(
                kind=problem.kind,
                text=str(problem),
                package=problem.package,
                path=problem.path,
                environment=prefix.path,
            )


def _check_dependencies(services: Services, prefix: Prefix) -> Iterator[Finding]:
    facts = {fact.name: fact.as_record() for fact in services.virtual_packages}
    graph = DependencyGraph(true_packages(prefix), platform=services.settings.platform)
    unmet = list(graph.unmet(facts))
    wanted = dict.fromkeys(shlex.quote(e.spec) for e in unmet if not e.name.startswith("__"))
    hint = f"minicon install -p {prefix.path} {' '.join(wanted)}" if wanted else ""
    for edge in unmet:
        there = graph.records.get(edge.name)
        found = f"{edge.name} {there.record.version} is there" if there else "is not there"
        yield Finding(
            kind="unmet-dependency",
            text=f"{edge.parent} needs {edge.spec}: {found}",
            package=edge.parent,
            environment=prefix.path,
            hint=hint,
        )


def true_packages(prefix: Prefix) -> list[PrefixRecord]:
    """What is really there, as far as records can be read."""
    changes = find_pip_changes(prefix)
    untrue = changes.untrue_names
    kept = [record for record in prefix.readable_records() if record.name not in untrue]
    return [*kept, *changes.by_hand]


def _check_interpreter(prefix: Prefix) -> Iterator[Finding]:
    """A python in the layout of a virtual environment lives on an interpreter elsewhere."""
    python = prefix.record("python")
    if python is None or python.record.source != "interpreter":
        return
    for path in python.files:
        link = prefix.path / path
        if link.is_symlink() and not link.exists():
            target = os.path.realpath(link)
            if not target.startswith(f"{os.path.realpath(prefix.path)}{os.sep}"):
                yield Finding(
                    kind="vanished-interpreter",
                    text=f"python {python.record.version} links to {target}, which is gone",
                    package="python",
                    path=path,
                    environment=prefix.path,
                )
                return


def _check_pip(prefix: Prefix) -> Iterator[Finding]:
    for text in find_pip_changes(prefix).sentences():
        yield Finding(kind="pip-change", text=text, environment=prefix.path, is_problem=False)
