"""Specs and pip lines, sorted by who answers them: channels, PyPI wheels, or pip itself."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.pypi.requirements.requirements import RequirementSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.requirements import Requirement

PYPI_PREFIX = "pypi:"
_COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPackages:
    """What a request asks for, by who can answer.

    Attributes:
        specs: For channels (and for PyPI where no channel has the name).
        from_pip: From ``pypi:`` specs and ``pip:`` sections: for PyPI by name, or for pip alone.
        by_name: How many of ``from_pip``'s requirements come from ``pypi:`` specs; they are first.
    """

    specs: tuple[MatchSpec, ...]
    from_pip: RequirementSet
    by_name: int = 0

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What PyPI's wheels can answer."""
        return tuple(asked.requirement for asked in self.from_pip.requirements)

    @property
    def from_pip_lines(self) -> tuple[Requirement, ...]:
        """Those of :attr:`requirements` that ``pip:`` sections brought."""
        return self.requirements[self.by_name :]


def spec_for_pypi(text: str) -> str:
    """A spec as it is, but that a wheel's file and ``NAME @ URL`` (PEP 508) ask PyPI's side.

    >>> spec_for_pypi("https://pip.test/httpx-1.0-py3-none-any.whl")
    'pypi:httpx @ https://pip.test/httpx-1.0-py3-none-any.whl'
    >>> spec_for_pypi("numpy >=2")
    'numpy >=2'
    """
    if text.startswith(PYPI_PREFIX) or not ("@" in text or WHEEL_EXTENSION in text):
        return text
    place = text.partition("#")[0].partition("?")[0].strip()
    if place.endswith(WHEEL_EXTENSION) and "@" not in text.partition("://")[0]:
        from minicon.models.url import is_url, path_to_url

        url = (
            text.strip()
            if is_url(place)
            else path_to_url(os.path.abspath(os.path.expanduser(place)))
        )
        name = place.replace("\\", "/").rpartition("/")[2].partition("-")[0]
        return f"{PYPI_PREFIX}{name} @ {url}"
    name, _, url = text.partition("@")
    is_reference = "://" in url and not {"/", ":"} & set(name)
    return f"{PYPI_PREFIX}{text}" if is_reference else text


def limit_of(text: str) -> MatchSpec:
    """A pin or constraint; it holds whatever source answers, so ``pypi:`` before it adds nothing.

    >>> limit_of("pypi:numpy<2")
    MatchSpec('numpy <2')

    Raises:
        SpecError: It cannot be read.
    """
    return MatchSpec(text.removeprefix(PYPI_PREFIX))


def split_specs(
    specs: Iterable[str],
    pip_lines: Sequence[tuple[str, Path]] = (),
    *,
    environ: Mapping[str, str] | None = None,
) -> RequestedPackages:
    """Sort what was asked for.

    Args:
        specs: MatchSpec texts, ``pypi:REQUIREMENT``, or what :func:`spec_for_pypi` takes for one.
        pip_lines: Lines of ``pip:`` sections, each with the folder it is relative to.
        environ: For ``${VARIABLE}`` in pip lines.

    Raises:
        SpecError: Something that cannot be read.
    """
    texts = [spec_for_pypi(text) for text in specs]
    by_name = [text.removeprefix(PYPI_PREFIX) for text in texts if text.startswith(PYPI_PREFIX)]
    if not all(text.strip() for text in by_name):
        raise SpecError(
            "invalid-requirement", f"{PYPI_PREFIX!r} names no project", hint="write pypi:NAME"
        )
    from_pip = _read_pip_lines(by_name, pip_lines, environ)
    if from_pip.options.pre:
        for asked in from_pip.requirements:
            asked.requirement.specifier.prereleases = True
    return RequestedPackages(
        specs=tuple(MatchSpec(text) for text in texts if not text.startswith(PYPI_PREFIX)),
        from_pip=from_pip,
        by_name=sum(r.origin.startswith(_COMMAND_LINE) for r in from_pip.requirements),
    )


def _read_pip_lines(
    by_name: Sequence[str],
    pip_lines: Sequence[tuple[str, Path]],
    environ: Mapping[str, str] | None,
) -> RequirementSet:
    if not by_name and not pip_lines:
        return RequirementSet()
    from minicon.pypi.requirements.requirement_files import parse_requirements

    folders = dict.fromkeys(folder for _, folder in pip_lines)
    result = parse_requirements(by_name, folder=Path.cwd(), origin=_COMMAND_LINE)
    for folder in folders:
        lines = [line for line, place in pip_lines if place == folder]
        result = result.merged_with(
            parse_requirements(lines, folder=folder, origin="pip:", environ=environ)
        )
    return result
