"""NameMap: conda package names and the Python projects that they stand for.

Most names are the same up to case and ``-_.``; ``names.txt`` beside this module lists the rest.
How that file is made: docs/internals/pypi.md.
"""

from __future__ import annotations

from pathlib import Path

from minicon.models.package_name import normalize_pypi_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DATA_FILE = "names.txt"


class NameMap:
    """Both directions of the map."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Make a map from lines ``conda-name project…``; ``#`` begins a comment."""
        self._projects: dict[str, str] = {}
        self._conda_names: dict[str, list[str]] = {}
        for line in lines:
            conda_name, *projects = line.partition("#")[0].split()[:9] or ("",)
            if not projects:
                continue
            self._projects[conda_name] = projects[0]
            for project in projects:
                self._conda_names.setdefault(project, []).append(conda_name)

    @classmethod
    def built_in(cls) -> NameMap:
        """The map that minicon comes with. Cost: a millisecond."""
        text = Path(__file__).with_name(DATA_FILE).read_text("utf-8")
        return cls(text.splitlines())

    def pypi_name(self, conda_name: str) -> str:
        """The project (normalised) that a conda package holds."""
        return self._projects.get(conda_name) or normalize_pypi_name(conda_name)

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Conda packages that hold a project, most likely first.

        A package of the same name is among them only if nothing is known to the contrary: what
        channels call ``tzdata`` or ``graphviz`` are no Python projects.
        """
        name = normalize_pypi_name(pypi_name)
        known = self._conda_names.get(name)
        if known:
            return tuple(known)
        variants = (name, name.replace("-", "_"), name.replace("-", "."))
        return tuple(dict.fromkeys(v for v in variants if self._projects.get(v, name) == name))
