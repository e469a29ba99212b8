"""Parse the file names of wheels (PEP 427) and source distributions (PEP 625)."""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from minicon.constants import WHEEL_EXTENSION
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_names import normalize_pypi_name

SDIST_EXTENSIONS = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")

_NAME = lazy_pattern(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
_BUILD = lazy_pattern(r"(\d+)(.*)", re.ASCII | re.DOTALL)
#: A longer text is an attack on the parser, not a version.
_LONGEST_VERSION = 200
#: The longest name that file systems support.
_LONGEST_NAME = 255


class WheelName(NamedTuple):
    """The parts of ``name-version[-build]-python-abi-platform.whl`` (PEP 427).

    Attributes:
        name: Normalized project name.
        version: Version as in the file name.
        build: Build tag in the form that pip compares; empty if there is none, which sorts lowest.
        tags: ``python-abi-platform``, each part possibly several tags joined by dots (PEP 425).
    """

    name: str
    version: str
    build: tuple[int, str] | tuple[()]
    tags: str

    @property
    def platforms(self) -> list[str]:
        """The platform tags, for instance ``any`` or ``win_amd64``."""
        return self.tags.rpartition("-")[2].split(".")


def is_project_name(name: str) -> bool:
    """Whether a text is a valid project name (PEP 508), and thus safe in a URL or path."""
    return _NAME.fullmatch(name) is not None and name.isascii()


def parse_version(text: str) -> Version | None:
    """Parse a PEP 440 version; None for an invalid one, which old uploads can have."""
    if len(text) > _LONGEST_VERSION:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def names_release(stem: str, project: str, version: str) -> bool:
    """Whether a text is ``NAME-VERSION`` of a release, as before ``.dist-info``.

    Both may be spelled differently (PEP 503, PEP 440), and a build tag may follow.

    >>> names_release("Ruamel_Yaml-0.18.0-1", "ruamel.yaml", "0.18")
    True

    Args:
        stem: The text.
        project: Name of the release's project.
        version: The release's version.
    """
    own = normalize_pypi_name(project)
    position = stem.find("-")
    while position > 0:
        rest = stem[position + 1 :]
        if normalize_pypi_name(stem[:position]) == own and rest:
            return any(
                text == version or (parse_version(text) or text) == parse_version(version)
                for text in (rest, rest.partition("-")[0])
            )
        position = stem.find("-", position + 1)
    return False


def split_wheel_name(filename: str) -> WheelName | None:
    """Split a wheel's file name into its parts; None if it is not one."""
    parts = filename.removesuffix(WHEEL_EXTENSION).split("-")
    if not filename.endswith(WHEEL_EXTENSION) or len(parts) not in (5, 6):
        return None
    build: tuple[int, str] | tuple[()] = ()
    if len(parts) == 6:
        match = _BUILD.fullmatch(parts[2])
        if match is None or len(match[1]) > 100:
            return None
        build = (int(match[1]), match[2])
    return WheelName(normalize_pypi_name(parts[0]), parts[1], build, "-".join(parts[-3:]))


def split_sdist_name(filename: str, project: str) -> str | None:
    """Return the version in a source distribution's name; None if it is another project's.

    Args:
        filename: For instance ``a-b-1.tar.gz``, in which the end of the name is ambiguous.
        project: Normalized project name.
    """
    extension = next((e for e in SDIST_EXTENSIONS if filename.endswith(e)), None)
    if extension is None:
        return None
    stem = filename[: -len(extension)]
    if len(stem) > _LONGEST_NAME:
        return None
    position = stem.rfind("-")
    while position > 0:
        if normalize_pypi_name(stem[:position]) == project:
            return stem[position + 1 :]
        position = stem.rfind("-", 0, position)
    return None
