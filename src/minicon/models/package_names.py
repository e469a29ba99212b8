"""Names: of conda packages, of Python projects, and which of them mean the same thing.

Most conda packages have the name of their Python project up to case and ``-_.``; ``names.txt``
next to this module lists the others; ``channels/names.py`` writes that file.
"""

from __future__ import annotations

import re
from pathlib import Path

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Longest name, version or build string of a record.
MAX_LENGTH = 128
#: Longest package name (CEP 26).
MAX_NAME_LENGTH = 64
#: Names in records, which may be older than CEP 26. The pattern ends in \Z: $ would accept a
#: trailing newline.
PACKAGE_NAME = lazy_pattern(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.+\-])?\Z")
NAME_HINT = f"names hold letters, digits and single - _ or ., {MAX_NAME_LENGTH} characters at most"
_DISTRIBUTED_NAME = lazy_pattern(
    r"(?:[a-z0-9]|[a-z0-9_](?!_))[._-]?(?:[a-z0-9]+(?:[._-]|\Z))*", re.IGNORECASE
)
_VIRTUAL_NAME = lazy_pattern(r"__[a-z0-9][._-]?(?:[a-z0-9]+(?:[._-]|\Z))*", re.IGNORECASE)

_NAMES_FILE = "names.txt"
_IMPORTS_FILE = "import_names.txt"
_WELL_KNOWN_FILE = "well_known.txt"
#: Most projects that one line of the file may name.
_MOST_PROJECTS = 8
# ``python``, ``python3``, ``python3.11``, ``python3.13t``, ``pythonw`` and what Windows starts by
# these names. ``python-argcomplete`` and ``python3.11-config`` are other commands.
_INTERPRETER = lazy_pattern(
    r"pythonw?(?:[0-9]+(?:\.[0-9]+)*[a-z]{0,2})?"
    r"(?:-script)?(?:\.(?:exe|com|bat|cmd|ps1|py|pyw))?[. ]*",
    re.IGNORECASE,
)


def is_package_name(text: str) -> bool:
    """Whether a text is the name of a package or virtual package (CEP 26), in any case."""
    return len(text) <= MAX_NAME_LENGTH and bool(
        _DISTRIBUTED_NAME.fullmatch(text) or _VIRTUAL_NAME.fullmatch(text)
    )


def check_package_name(text: str) -> str:
    """Validate the name of a conda package and return it in lower case.

    Raises:
        SpecError: ``invalid-package-name``.
    """
    if not is_package_name(text):
        raise SpecError(
            "invalid-package-name",
            f"{shortened(text, 60)!r} is not a package name",
            hint=NAME_HINT,
        )
    return text.lower()


def normalize_pypi_name(text: str) -> str:
    """Normalize the name of a Python project (PEP 503): ``Foo_.Bar`` → ``foo-bar``."""
    return re.sub(r"[-_.]+", "-", text).lower()


def is_interpreter_name(name: str) -> bool:
    """Whether a command of this name would be run as the Python interpreter.

    No package may install a command that has such a name.
    """
    return _INTERPRETER.fullmatch(name) is not None


def meant_project(typed: str) -> str | None:
    """Return the project that people mean who type the name of its module: sklearn, cv2, PIL.

    None if the name is not known for that.
    """
    text = Path(__file__).with_name(_IMPORTS_FILE).read_text("utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {name.lower(): project for name, project in rows}.get(typed.lower())


def well_known_projects() -> list[str]:
    """Names of projects that many people use, to compare with a mistyped one."""
    text = Path(__file__).with_name(_WELL_KNOWN_FILE).read_text("utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


class NameMap:
    """Names of conda packages and of the Python projects that they contain, in both directions."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Create a map from lines ``conda-name project…``; ``#`` starts a comment."""
        self._projects: dict[str, str] = {}
        self._conda_names: dict[str, list[str]] = {}
        for line in lines:
            conda_name, *projects = line.partition("#")[0].split()[: _MOST_PROJECTS + 1] or ("",)
            if not projects:
                continue
            self._projects[conda_name] = projects[0]
            for project in projects:
                self._conda_names.setdefault(project, []).append(conda_name)

    @classmethod
    def built_in(cls) -> NameMap:
        """Read the map that is shipped with minicon. Cost: a millisecond."""
        text = Path(__file__).with_name(_NAMES_FILE).read_text("utf-8")
        return cls(text.splitlines())

    def pypi_name(self, conda_name: str) -> str:
        """The normalized name of the project that a conda package contains."""
        return self._projects.get(conda_name) or normalize_pypi_name(conda_name)

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Names of conda packages that contain a project, most likely first.

        The project's own name is included unless the map says that the conda package of that name
        is something else: the conda packages ``tzdata`` and ``graphviz`` are not Python projects.
        """
        name = normalize_pypi_name(pypi_name)
        known = self._conda_names.get(name)
        if known:
            return tuple(known)
        variants = (name, name.replace("-", "_"), name.replace("-", "."))
        return tuple(dict.fromkeys(v for v in variants if self._projects.get(v, name) == name))
