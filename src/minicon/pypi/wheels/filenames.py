"""File names of distributions: what a wheel's or sdist's name says before anything is read."""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from minicon.constants import WHEEL_EXTENSION
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_name import normalize_pypi_name

SDIST_EXTENSIONS = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")

_NAME = lazy_pattern(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
_BUILD = lazy_pattern(r"(\d+)(.*)", re.ASCII | re.DOTALL)
#: A version that is longer than this is an attack on the parser, not a version.
_LONGEST_VERSION = 200
#: No file system holds longer names.
_LONGEST_NAME = 255


class WheelName(NamedTuple):
    """The parts of ``name-version[-build]-python-abi-platform.whl`` (PEP 427).

    Attributes:
        name: Normalised project name.
        version: Version text as the file name has it.
        build: Build tag as pip compares it; empty when there is none, which sorts lowest.
        tags: ``python-abi-platform``, each part perhaps several tags joined by dots (PEP 425).
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
    """Whether a text may be a project's name at all (PEP 508), and so part of a URL or path."""
    return _NAME.fullmatch(name) is not None and name.isascii()


def parse_version(text: str) -> Version | None:
    """A PEP 440 version, or None for what old uploads called one."""
    if len(text) > _LONGEST_VERSION:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def split_wheel_name(filename: str) -> WheelName | None:
    """The parts of a wheel's file name, or None if it is not one."""
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
    """The version text in a source distribution's name, or None if it is not PROJECT's.

    The name alone does not tell where a project's name ends (``a-b-1.tar.gz``), so the
    normalised project name has to be known.
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
