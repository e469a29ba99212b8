"""Parse one requirement: a project's name, a URL or a path; decide whether pip must build it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement

from minicon.errors import HashMismatch
from minicon.fs.hashing import hash_file
from minicon.fs.safe_path import user_path_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.indexes.wheel_index import DistributionFile
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.requirement_syntax import parse_requirement
from minicon.pypi.requirements.requirement_lines import invalid_line
from minicon.pypi.requirements.requirements import IndexRequirement
from minicon.pypi.urls import file_url, is_remote, local_path, without_credentials
from minicon.pypi.wheels.filenames import SDIST_EXTENSIONS, parse_version, split_wheel_name
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

    from minicon.fs.hashing import FileDigest
    from minicon.pypi.requirements.requirement_lines import Line, Option

_VCS = ("git+", "hg+", "svn+", "bzr+")
_IS_URL = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.-]+:(?!\\)")
_NAMED_URL = lazy_pattern(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:(\[[^\]]*\])\s*)?@\s*(\S.*)")
_EGG = lazy_pattern(r"(?:^|[#&])egg=([A-Za-z0-9][\w.-]*)")
_SHA256 = lazy_pattern(r"sha256[=:]([0-9a-fA-F]{64})(?![0-9a-fA-F])")
#: Options of one requirement that only pip implements.
BUILD_OPTIONS = ("--config-settings", "--config-setting", "--global-option", "--install-option")


def parse_entry(
    text: str, options: Sequence[Option], line: Line
) -> IndexRequirement | PipRequirement:
    """Parse one requirement.

    Args:
        text: The requirement without options.
        options: ``--hash`` and build options that follow it.
        line: The line that contains it.

    Raises:
        SpecError: It is neither a PEP 508 requirement nor a URL nor an existing path.
    """
    for option in options:
        if option.name != "--hash" and option.name not in BUILD_OPTIONS:
            raise invalid_line(line, f"{option.name} cannot follow a requirement")
    hashes = [option.value for option in options if option.name == "--hash"]
    sha256 = tuple([match[1].lower() for text in hashes if (match := _SHA256.fullmatch(text))])
    parsed = _parse(text, line, sha256)
    needs_pip = any(option.name in BUILD_OPTIONS for option in options) or (hashes and not sha256)
    if isinstance(parsed, IndexRequirement) and not needs_pip:
        return parsed
    suffix = "".join(f" {option.name}={option.value}" for option in options)
    if isinstance(parsed, PipRequirement):
        return replace(parsed, text=parsed.text + suffix)
    name = parsed.requirement.name
    return PipRequirement(text=_as_text(parsed) + suffix, name=name, origin=line.origin)


def parse_editable(text: str, line: Line) -> PipRequirement:
    """Parse the value of ``-e``: a VCS URL or a directory, possibly with extras.

    Raises:
        SpecError: It is neither.
    """
    if text.startswith(_VCS):
        return PipRequirement(
            text=f"--editable={text}",
            name=_egg(text),
            is_editable=True,
            location=without_credentials(text.partition("#")[0]),
            origin=line.origin,
        )
    target, extras = _split_extras(text)
    path = _path_of_url(target, line) if target.startswith("file:") else absolute_path(target, line)
    if path is None or not path.is_dir():
        raise invalid_line(line, f"there is no directory {path or target}")
    return PipRequirement(
        text=f'--editable="{path}{extras}"',
        is_editable=True,
        location=file_url(path),
        extras=_names(extras),
        origin=line.origin,
    )


def _parse(text: str, line: Line, hashes: tuple[str, ...]) -> IndexRequirement | PipRequirement:
    named = _NAMED_URL.fullmatch(text)
    if named:
        url, marker = _split_marker(named[3], spaced=True)
        if not _IS_URL.match(url):
            raise invalid_line(line, f"{url!r} is not a URL")
        return _from_url(url, named[1], named[2] or "", marker, line, hashes)
    if _IS_URL.match(text) or text.startswith(_VCS):
        url, marker = _split_marker(text, spaced=True)
        return _from_url(url, None, "", marker, line, hashes)
    path, marker = _split_marker(text, spaced=False)
    path, extras = _split_extras(path)
    if _looks_like_path(path, line):
        return _from_path(absolute_path(path, line), extras, marker, line, hashes)
    try:
        requirement = parse_requirement(text)
    except InvalidRequirement as error:
        raise invalid_line(line, str(error).partition("\n")[0]) from error
    return IndexRequirement(requirement=requirement, hashes=hashes, origin=line.origin)


def _from_url(
    url: str, name: str | None, extras: str, marker: str, line: Line, hashes: tuple[str, ...]
) -> IndexRequirement | PipRequirement:
    plain, _, fragment = url.partition("#")
    found = _SHA256.search(fragment)
    known = hashes or ((found[1].lower(),) if found else ())
    path = None if plain.startswith(_VCS) else _path_of_url(plain, line)
    if path is not None:
        return _from_path(path, extras, marker, line, known, name)
    filename = unquote(split_url(plain, line).path.rpartition("/")[2])
    if is_remote(plain) and filename.endswith(".whl"):
        file = DistributionFile(
            filename=filename,
            url=without_credentials(plain),
            sha256=known[0] if len(known) == 1 else None,
        )
        entry = _direct(file, name, extras, marker, line, known)
        return replace(entry, secret_url="" if file.url == plain else plain)
    name = normalize_pypi_name(name) if name else _egg(url)
    text = f"{name}{extras} @ {url}" if name and not _EGG.search(url) else url
    return PipRequirement(
        text=text + _marker_suffix(marker),
        name=name,
        location=without_credentials(plain),
        extras=_names(extras),
        origin=line.origin,
    )


def _path_of_url(url: str, line: Line) -> Path | None:
    if not url.startswith("file:"):
        return None
    if not url.startswith("file:/"):  # pip accepts `file:more.txt`, which is relative
        return absolute_path(url[5:], line)
    split_url(url, line)
    path = local_path(url)
    return None if path is None else absolute_path(str(path), line)


def split_url(url: str, line: Line) -> SplitResult:
    """Split a URL into its parts. Raises SpecError if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError as error:
        raise invalid_line(line, f"{url!r} is not a URL: {error}") from error


def _from_path(
    path: Path,
    extras: str,
    marker: str,
    line: Line,
    hashes: tuple[str, ...],
    name: str | None = None,
) -> IndexRequirement | PipRequirement:
    if path.name.endswith(".whl") and path.is_file():
        digest = _digest(path, line)
        if hashes and digest.sha256 not in hashes:
            raise HashMismatch(
                "hash-mismatch",
                f"{path} has the sha256 {digest.sha256}, not the one that is required",
                context=f"while reading {line.origin}" if line.origin else None,
                hint="do not install it, or correct the hash",
            )
        file = DistributionFile(
            filename=path.name, url=file_url(path), size=digest.size, sha256=digest.sha256
        )
        return _direct(file, name, extras, marker, line, hashes)
    if not path.exists():
        raise invalid_line(line, f"there is no file or directory {path}")
    text = f"{name}{extras} @ {file_url(path)}" if name else f'"{path}{extras}"'
    if not name and not re.search(r"[\s;\"]", str(path)):
        text = f"{path}{extras}"
    return PipRequirement(
        text=text + _marker_suffix(marker),
        name=normalize_pypi_name(name) if name else None,
        location=file_url(path),
        extras=_names(extras),
        origin=line.origin,
    )


def _digest(path: Path, line: Line) -> FileDigest:
    try:
        return hash_file(path)
    except OSError as error:
        raise invalid_line(line, f"cannot read {path}: {error.strerror}") from error


def _direct(
    file: DistributionFile,
    name: str | None,
    extras: str,
    marker: str,
    line: Line,
    hashes: tuple[str, ...],
) -> IndexRequirement:
    wheel = split_wheel_name(file.filename)
    version = parse_version(wheel.version) if wheel else None
    if wheel is None or version is None:
        raise invalid_line(line, f"{file.filename} is not the file name of a wheel")
    if name and normalize_pypi_name(name) != wheel.name:
        raise invalid_line(line, f"{file.filename} is a wheel of {wheel.name}, not of {name}")
    text = f"{wheel.name}{extras}=={version}{_marker_suffix(marker)}"
    try:
        requirement = parse_requirement(text)
    except InvalidRequirement as error:
        raise invalid_line(line, str(error).partition("\n")[0]) from error
    return IndexRequirement(requirement=requirement, direct=file, hashes=hashes, origin=line.origin)


def _as_text(entry: IndexRequirement) -> str:
    if entry.direct is None:
        return str(entry.requirement)
    extras = f"[{','.join(sorted(entry.requirement.extras))}]" if entry.requirement.extras else ""
    marker = _marker_suffix(str(entry.requirement.marker) if entry.requirement.marker else "")
    return f"{entry.requirement.name}{extras} @ {entry.direct.url}{marker}"


def _split_marker(text: str, *, spaced: bool) -> tuple[str, str]:
    """Split off a marker; after a URL the semicolon needs a space beside it (PEP 508)."""
    subject, semicolon, marker = text.partition(" ;" if spaced else ";")
    if spaced and not semicolon:
        subject, semicolon, marker = text.partition("; ")
    return subject.strip(), marker.strip()


def _marker_suffix(marker: str) -> str:
    return f" ; {marker}" if marker else ""


def _split_extras(text: str) -> tuple[str, str]:
    text = text.strip()
    start = text.rfind("[")
    if start > 0 and text.find("]", start) == len(text) - 1:
        return text[:start].rstrip(), text[start:]
    return text, ""


def _names(extras: str) -> tuple[str, ...]:
    """Return the names in ``[a, b]``."""
    return tuple(normalize_pypi_name(each) for each in extras.strip("[] ").split(",") if each)


def _looks_like_path(text: str, line: Line) -> bool:
    """Distinguish a path from a name as pip does: a separator, a leading dot, or an archive."""
    if not text or "@" in text.split(os.sep, maxsplit=1)[0]:
        return False
    if os.sep in text or "/" in text or text.startswith((".", "~")):
        return True
    is_archive = text.endswith((".whl", *SDIST_EXTENSIONS))
    return is_archive and absolute_path(text, line).is_file()


def absolute_path(text: str, line: Line) -> Path:
    """Make a path of a line absolute. Raises SpecError if it is not a valid path."""
    path = os.path.normpath(line.folder / os.path.expanduser(text))
    if problem := user_path_problem(path):
        raise invalid_line(line, f"the path {shortened(text, 80)!r} {problem}")
    return Path(path)


def _egg(url: str) -> str | None:
    match = _EGG.search(url)
    return normalize_pypi_name(match[1]) if match else None
