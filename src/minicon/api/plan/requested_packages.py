"""RequestedPackages: what a request names, parsed once and sorted by who can provide it.

::

    numpy >=2                    a spec, for channels (and for PyPI, where no channel has the name)
    pypi:httpx, x-1.0.whl        a requirement, for PyPI's wheels
    pip: lines of files          the same, or what pip has to build (source, VCS, editable)
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import PYPI_PREFIX, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.requirements.requirements import RequirementSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

_COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPackages:
    """The packages of one request, by who can provide them.

    Attributes:
        specs: Packages of channels; of PyPI where no channel has the name.
        from_pip: Requirements of ``pypi:`` specs, then those of ``pip:`` sections: projects of
            PyPI, and what pip has to build.
        texts: The specs as written, ``pypi:`` ones included: what locks and plan files record.
        pip_lines: Lines of ``pip:`` sections as written, each with the directory that its paths
            are relative to. Plan files record these, since a variable in one may hold a secret.
    """

    specs: tuple[MatchSpec, ...] = ()
    from_pip: RequirementSet = RequirementSet()
    texts: tuple[str, ...] = ()
    pip_lines: tuple[tuple[str, Path], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.pip_lines)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Requirements that wheels of PyPI can satisfy."""
        return tuple(each.requirement for each in self.from_pip.requirements)

    @property
    def names(self) -> Iterator[str]:
        """The names of packages and projects, normalized; specs for several names have none."""
        yield from (spec.exact_name for spec in self.specs if spec.exact_name)
        yield from (normalize_pypi_name(each.name) for each in self.requirements)

    @property
    def history_texts(self) -> tuple[str, ...]:
        """What an environment's history records of the request."""
        lines = [r for r in self.from_pip.requirements if not r.origin.startswith(_COMMAND_LINE)]
        return (*self.texts, *(f"{PYPI_PREFIX}{each.requirement}" for each in lines))


def parse_packages(
    texts: Iterable[str],
    pip_lines: Sequence[tuple[str, Path]] = (),
    *,
    environ: Mapping[str, str] | None = None,
) -> RequestedPackages:
    """Parse specs and lines of ``pip:`` sections; a text that is repeated counts once.

    Args:
        texts: MatchSpecs or ``pypi:REQUIREMENT``; the path or URL of a wheel and ``NAME @ URL``
            (PEP 508) are taken for the latter.
        pip_lines: Lines of ``pip:`` sections, each with the directory that its paths are relative
            to.
        environ: Values for ``${VARIABLE}`` in the lines.

    Raises:
        SpecError: One of them cannot be read.
    """
    texts = tuple(dict.fromkeys(map(_with_pypi_prefix, texts)))
    by_name = [text.removeprefix(PYPI_PREFIX) for text in texts if text.startswith(PYPI_PREFIX)]
    if not all(text.strip() for text in by_name):
        raise SpecError(
            "invalid-requirement", f"{PYPI_PREFIX!r} names no project", hint="write pypi:NAME"
        )
    from_pip = _parse_requirements(by_name, pip_lines, environ)
    if from_pip.options.pre:
        for each in from_pip.requirements:
            each.requirement.specifier.prereleases = True
    return RequestedPackages(
        specs=tuple(MatchSpec(text) for text in texts if not text.startswith(PYPI_PREFIX)),
        from_pip=from_pip,
        texts=texts,
        pip_lines=tuple(pip_lines),
    )


def parse_constraint(text: str) -> MatchSpec:
    """Parse a pin or constraint. It applies whichever source provides the package.

    >>> parse_constraint("pypi:numpy<2")
    MatchSpec('numpy <2')

    Raises:
        SpecError: It cannot be read.
    """
    return MatchSpec(text.removeprefix(PYPI_PREFIX))


def _with_pypi_prefix(text: str) -> str:
    """Return a spec as it is, but a wheel's file and ``NAME @ URL`` (PEP 508) as ``pypi:``.

    >>> _with_pypi_prefix("https://pip.test/httpx-1.0-py3-none-any.whl")
    'pypi:httpx @ https://pip.test/httpx-1.0-py3-none-any.whl'
    >>> _with_pypi_prefix("https://pip.test/httpx-1.0-py3-none-any.whl[http2]")
    'pypi:httpx[http2] @ https://pip.test/httpx-1.0-py3-none-any.whl'
    >>> _with_pypi_prefix("numpy >=2")
    'numpy >=2'
    """
    if text.startswith(PYPI_PREFIX) or not ("@" in text or WHEEL_EXTENSION in text):
        return text
    text, extras = _split_extras(text.strip())
    location = text.partition("#")[0].partition("?")[0].strip()
    if location.endswith(WHEEL_EXTENSION) and "@" not in text.partition("://")[0]:
        from minicon.models.url import is_url, path_to_url

        url = (
            text if is_url(location) else path_to_url(os.path.abspath(os.path.expanduser(location)))
        )
        name = location.replace("\\", "/").rpartition("/")[2].partition("-")[0]
        return f"{PYPI_PREFIX}{name}{extras} @ {url}"
    text += extras
    name, _, url = text.partition("@")
    is_reference = "://" in url and not {"/", ":"} & set(name)
    return f"{PYPI_PREFIX}{text}" if is_reference else text


def _split_extras(text: str) -> tuple[str, str]:
    """Split the extras off the path or URL of a wheel: ``./x.whl[extra]``, as pip writes it."""
    path, bracket, extras = text.rpartition("[")
    is_wheel = path.endswith(WHEEL_EXTENSION) and extras.endswith("]")
    return (path, f"{bracket}{extras}") if is_wheel else (text, "")


def _parse_requirements(
    by_name: Sequence[str],
    pip_lines: Sequence[tuple[str, Path]],
    environ: Mapping[str, str] | None,
) -> RequirementSet:
    if not by_name and not pip_lines:
        return RequirementSet()
    from minicon.pypi.requirements.requirement_files import parse_requirements

    result = parse_requirements(by_name, folder=Path.cwd(), origin=_COMMAND_LINE)
    for folder in dict.fromkeys(folder for _, folder in pip_lines):
        lines = [line for line, its_folder in pip_lines if its_folder == folder]
        result = result.merged_with(
            parse_requirements(lines, folder=folder, origin="pip:", environ=environ)
        )
    return result
