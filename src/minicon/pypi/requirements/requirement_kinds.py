"""One requirement as a user writes it: a name, a URL or a path, and who can answer it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement

from minicon.fs.safe_path import place_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_name import normalize_pypi_name
from minicon.models.wheel_index import DistributionFile
from minicon.pypi.index.urls import file_url, is_remote, local_path, without_credentials
from minicon.pypi.requirements.lenient import lenient_requirement
from minicon.pypi.requirements.requirement_lines import unreadable
from minicon.pypi.requirements.requirements import IndexRequirement, PipRequirement
from minicon.pypi.wheels.filenames import SDIST_EXTENSIONS, parse_version, split_wheel_name
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

    from minicon.pypi.requirements.requirement_lines import Line, Option

_VCS = ("git+", "hg+", "svn+", "bzr+")
_IS_URL = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.-]+:(?!\\)")
_NAMED_URL = lazy_pattern(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:(\[[^\]]*\])\s*)?@\s*(\S.*)")
_EGG = lazy_pattern(r"(?:^|[#&])egg=([A-Za-z0-9][\w.-]*)")
_SHA256 = lazy_pattern(r"sha256[=:]([0-9a-fA-F]{64})(?![0-9a-fA-F])")
#: Options of one requirement that only pip can obey.
BUILD_OPTIONS = ("--config-settings", "--config-setting", "--global-option", "--install-option")


def parse_requirement(
    text: str, options: Sequence[Option], line: Line
) -> IndexRequirement | PipRequirement:
    """Read one requirement.

    Args:
        text: Without options.
        options: ``--hash`` and build options that stand behind it.
        line: Where it comes from.

    Raises:
        SpecError: It is neither a PEP 508 requirement nor a URL nor a path that is there.
    """
    for option in options:
        if option.name != "--hash" and option.name not in BUILD_OPTIONS:
            raise unreadable(line, f"{option.name} cannot stand behind a requirement")
    hashes = [option.value for option in options if option.name == "--hash"]
    sha256 = tuple([match[1].lower() for text in hashes if (match := _SHA256.fullmatch(text))])
    parsed = _parse(text, line, sha256)
    needs_pip = any(option.name in BUILD_OPTIONS for option in options) or (hashes and not sha256)
    if isinstance(parsed, IndexRequirement) and not needs_pip:
        return parsed
    written = parsed.text if isinstance(parsed, PipRequirement) else _as_text(parsed)
    behind = "".join(f" {option.name}={option.value}" for option in options)
    name = parsed.name if isinstance(parsed, PipRequirement) else parsed.requirement.name
    return PipRequirement(text=written + behind, name=name, origin=line.origin)


def parse_editable(text: str, line: Line) -> PipRequirement:
    """Read what stands behind ``-e``: a VCS URL or a folder, perhaps with extras.

    Raises:
        SpecError: It is neither.
    """
    if text.startswith(_VCS):
        return PipRequirement(
            text=f"--editable={text}", name=_egg(text), is_editable=True, origin=line.origin
        )
    place, extras = _split_extras(text)
    path = _local(place, line) if place.startswith("file:") else absolute_path(place, line)
    if path is None or not path.is_dir():
        raise unreadable(line, f"there is no folder {path or place}")
    return PipRequirement(text=f'--editable="{path}{extras}"', is_editable=True, origin=line.origin)


def _parse(text: str, line: Line, hashes: tuple[str, ...]) -> IndexRequirement | PipRequirement:
    named = _NAMED_URL.fullmatch(text)
    if named:
        url, marker = _split_marker(named[3], spaced=True)
        if not _IS_URL.match(url):
            raise unreadable(line, f"{url!r} is not a URL")
        return _from_url(url, named[1], named[2] or "", marker, line, hashes)
    if _IS_URL.match(text) or text.startswith(_VCS):
        url, marker = _split_marker(text, spaced=True)
        return _from_url(url, None, "", marker, line, hashes)
    place, marker = _split_marker(text, spaced=False)
    place, extras = _split_extras(place)
    if _looks_like_path(place, line):
        return _from_path(absolute_path(place, line), extras, marker, line, hashes)
    try:
        requirement = lenient_requirement(text)
    except InvalidRequirement as error:
        raise unreadable(line, str(error).partition("\n")[0]) from error
    return IndexRequirement(requirement=requirement, hashes=hashes, origin=line.origin)


def _from_url(
    url: str, name: str | None, extras: str, marker: str, line: Line, hashes: tuple[str, ...]
) -> IndexRequirement | PipRequirement:
    plain, _, fragment = url.partition("#")
    found = _SHA256.search(fragment)
    known = hashes or ((found[1].lower(),) if found else ())
    path = None if plain.startswith(_VCS) else _local(plain, line)
    if path is not None:
        return _from_path(path, extras, marker, line, known, name)
    filename = unquote(split_url(plain, line).path.rpartition("/")[2])
    if is_remote(plain) and filename.endswith(".whl"):
        file = DistributionFile(
            filename=filename,
            url=without_credentials(plain),
            sha256=known[0] if len(known) == 1 else None,
        )
        return _direct(file, name, extras, marker, line, known)
    name = normalize_pypi_name(name) if name else _egg(url)
    text = f"{name}{extras} @ {url}" if name and not _EGG.search(url) else url
    return PipRequirement(text=text + _behind(marker), name=name, origin=line.origin)


def _local(url: str, line: Line) -> Path | None:
    if not url.startswith("file:"):
        return None
    if not url.startswith("file:/"):  # `file:more.txt`, as pip accepts it, is relative
        return absolute_path(url[5:], line)
    split_url(url, line)
    path = local_path(url)
    return None if path is None else absolute_path(str(path), line)


def split_url(url: str, line: Line) -> SplitResult:
    """The parts of a URL. Raises SpecError if it is none."""
    try:
        return urlsplit(url)
    except ValueError as error:
        raise unreadable(line, f"{url!r} is no URL: {error}") from error


def _from_path(
    path: Path,
    extras: str,
    marker: str,
    line: Line,
    hashes: tuple[str, ...],
    name: str | None = None,
) -> IndexRequirement | PipRequirement:
    if path.name.endswith(".whl") and path.is_file():
        file = DistributionFile(
            filename=path.name,
            url=file_url(path),
            size=path.stat().st_size,
            sha256=hashes[0] if len(hashes) == 1 else None,
        )
        return _direct(file, name, extras, marker, line, hashes)
    if not path.exists():
        raise unreadable(line, f"there is no file or folder {path}")
    text = f"{name}{extras} @ {file_url(path)}" if name else f'"{path}{extras}"'
    if not name and not re.search(r"[\s;\"]", str(path)):
        text = f"{path}{extras}"
    return PipRequirement(
        text=text + _behind(marker),
        name=normalize_pypi_name(name) if name else None,
        origin=line.origin,
    )


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
        raise unreadable(line, f"{file.filename} is not a wheel's name")
    if name and normalize_pypi_name(name) != wheel.name:
        raise unreadable(line, f"{file.filename} is a wheel of {wheel.name}, not of {name}")
    text = f"{wheel.name}{extras}=={version}{_behind(marker)}"
    try:
        requirement = lenient_requirement(text)
    except InvalidRequirement as error:
        raise unreadable(line, str(error).partition("\n")[0]) from error
    return IndexRequirement(requirement=requirement, direct=file, hashes=hashes, origin=line.origin)


def _as_text(entry: IndexRequirement) -> str:
    if entry.direct is None:
        return str(entry.requirement)
    extras = f"[{','.join(sorted(entry.requirement.extras))}]" if entry.requirement.extras else ""
    marker = _behind(str(entry.requirement.marker) if entry.requirement.marker else "")
    return f"{entry.requirement.name}{extras} @ {entry.direct.url}{marker}"


def _split_marker(text: str, *, spaced: bool) -> tuple[str, str]:
    """Cut a marker off; behind a URL the semicolon needs a space before it (PEP 508)."""
    place, semicolon, marker = text.partition(" ;" if spaced else ";")
    if spaced and not semicolon:
        place, semicolon, marker = text.partition("; ")
    return place.strip(), marker.strip()


def _behind(marker: str) -> str:
    return f" ; {marker}" if marker else ""


def _split_extras(text: str) -> tuple[str, str]:
    text = text.strip()
    start = text.rfind("[")
    if start > 0 and text.find("]", start) == len(text) - 1:
        return text[:start].rstrip(), text[start:]
    return text, ""


def _looks_like_path(place: str, line: Line) -> bool:
    """As pip tells a path from a name: by a separator, a leading dot, or an archive's name."""
    if not place or "@" in place.split(os.sep, maxsplit=1)[0]:
        return False
    if os.sep in place or "/" in place or place.startswith((".", "~")):
        return True
    is_archive = place.endswith((".whl", *SDIST_EXTENSIONS))
    return is_archive and absolute_path(place, line).is_file()


def absolute_path(place: str, line: Line) -> Path:
    """The path that a line means by a relative one. Raises SpecError if it cannot be one."""
    path = os.path.normpath(line.folder / os.path.expanduser(place))
    if problem := place_problem(path):
        raise unreadable(line, f"the path {shortened(place, 80)!r} {problem}")
    return Path(path)


def _egg(url: str) -> str | None:
    match = _EGG.search(url)
    return normalize_pypi_name(match[1]) if match else None
