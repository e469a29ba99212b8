"""ProjectPage: one project's releases in an index, parsed from HTML (PEP 503) or JSON (PEP 691).

Only files that could fit the platform are kept, grouped by version, newest first: of numpy's some
4,400 files 700 remain, and those are what the page cache stores.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.indexes.wheel_index import DistributionFile, Release
from minicon.models.record_checks import MAX_FILE_NAME
from minicon.models.strict_json import read_json
from minicon.pypi.index.html_page import Link, parse_html, resolve_link
from minicon.pypi.requirement_syntax import normalized_requires_python
from minicon.pypi.wheels.filenames import parse_version, split_sdist_name, split_wheel_name
from minicon.pypi.wheels.wheel_tags import may_fit_platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from packaging.version import Version

#: Accepted content types, best first (PEP 691); every index supports plain HTML.
ACCEPTED_TYPES = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
_HEXADECIMAL = lazy_pattern(r"[0-9a-fA-F]{64}")
#: Platform tag of what fits every platform.
_ANY = "any"
#: Larger sizes (bytes) are ignored as invalid.
_LARGEST = 1 << 60
_SHA256 = lazy_pattern(r"sha256=([0-9a-fA-F]{64})(?![0-9a-fA-F])")


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """The releases of one project on one index.

    Attributes:
        releases: Newest first; files in the index's order.
        status: ``active``, ``archived``, ``deprecated`` or ``quarantined`` (PEP 792).
    """

    releases: tuple[Release, ...]
    status: str = "active"


def parse_page(body: bytes, content_type: str, url: str, name: str, subdir: str) -> ProjectPage:
    """Parse a project page.

    Args:
        body: As served.
        content_type: Of the response; an empty text means HTML.
        url: The page's URL, base of relative links.
        name: Normalized project name: files of other projects are left out.
        subdir: Platform whose files are kept.

    Raises:
        ChannelError: It is neither a JSON nor an HTML page.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        status, files = _parse_json(body, url)
    elif kind in ("", "text/html", "application/vnd.pypi.simple.v1+html", "application/xhtml+xml"):
        page = parse_html(body.decode("utf-8", "replace"), url)
        status, files = page.status, map(_file_of_link, page.links)
    else:
        raise ChannelError(
            "index-format",
            f"the package index answered {url} with {kind}, which is not a project page",
            hint="check that the index URL is the one that project names are appended to, "
            "often ending in /simple",
        )
    # PEP 792: a quarantined project must not be installed, whatever its page lists.
    kept = () if status == "quarantined" else group_releases(files, name, subdir)
    return ProjectPage(tuple(kept), status)


def parse_links(text: str, url: str) -> Iterator[DistributionFile]:
    """Yield the files that an HTML page links to, of any project."""
    return map(_file_of_link, parse_html(text, url).links)


def _file_of_link(link: Link) -> DistributionFile:
    digest = _SHA256.search(link.fragment)
    attributes = link.attributes
    core = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    return DistributionFile(
        filename=unquote(urlsplit(link.url).path.rpartition("/")[2]),
        url=link.url,
        sha256=digest[1].lower() if digest else None,
        requires_python=attributes.get("data-requires-python") or None,
        yanked="data-yanked" in attributes,
        yanked_reason=attributes.get("data-yanked"),
        metadata_sha256=_metadata_hash(core),
    )


def group_releases(files: Iterable[DistributionFile], name: str, subdir: str) -> Iterator[Release]:
    """Group the files of one project into releases, newest first; unusable files are left out.

    Of a release that has only wheels for other platforms, their platform tags remain.
    """
    releases: dict[Version, list[DistributionFile]] = {}
    foreign: dict[Version, dict[str, None]] = {}
    versions: dict[str, Version | None] = {}
    fitting: dict[str, bool] = {}
    pythons: dict[str, str | None] = {}
    for file in files:
        text, tag = _version_and_tag(file.filename, name)
        if text is None:
            continue
        if text not in versions:
            versions[text] = parse_version(text)
        version = versions[text]
        if version is None:
            continue
        if tag not in fitting:
            fitting[tag] = any(may_fit_platform(subdir, each) for each in tag.split("."))
        if not fitting[tag]:
            foreign.setdefault(version, {})[tag] = None
            continue
        file = _with_valid_python(file, pythons)
        releases.setdefault(version, []).append(file)
    for version in sorted({*releases, *foreign}, reverse=True):
        kept = tuple(releases.get(version, ()))
        tags = () if kept else tuple(foreign[version])
        yield Release(name, version, kept, tags, str(version))


def _with_valid_python(file: DistributionFile, known: dict[str, str | None]) -> DistributionFile:
    """Return the file with a normalized ``requires-python``; an invalid one excludes no python.

    Args:
        file: The file.
        known: Cache, shared by calls, of normalized texts.
    """
    text = file.requires_python
    if text is None:
        return file
    if text not in known:
        known[text] = normalized_requires_python(text)
    return file if known[text] == text else file._replace(requires_python=known[text])


def _version_and_tag(filename: str, name: str) -> tuple[str | None, str]:
    """Return the version and the platform tags in a file's name.

    The version is None for another project, the tag ``any`` for a source distribution.

    Args:
        filename: Of a wheel, a source distribution, or any other file.
        name: Normalized project name.
    """
    if len(filename) > MAX_FILE_NAME:
        return None, _ANY
    if not filename.endswith(".whl"):
        return split_sdist_name(filename, name), _ANY
    wheel = split_wheel_name(filename)
    if wheel is None or wheel.name != name:
        return None, _ANY
    return wheel.version, wheel.tags.rpartition("-")[2]


def _parse_json(body: bytes, url: str) -> tuple[str, Iterator[DistributionFile]]:
    try:
        data = read_json(body)
        major = str(data.get("meta", {}).get("api-version", "1.0")).partition(".")[0]
        files = data["files"]
        if major != "1" or not isinstance(files, list):
            raise ChannelError(
                "index-format",
                f"the package index answered {url} in API version {major[:20]}, "
                "but minicon supports version 1",
            )
        found = data.get("project-status") or data.get("meta", {}).get("project-status") or {}
        status = _text(found.get("status") if isinstance(found, dict) else found) or "active"
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ChannelError(
            "index-format",
            f"the package index answered {url} with JSON that is not a project page",
            hint="try again later, or set another index-url in pip's configuration",
        ) from error
    return status, (file for entry in files if (file := _file_from_json(entry, url)) is not None)


def _file_from_json(entry: Mapping[str, Any], base: str) -> DistributionFile | None:
    """Parse one object of ``files``; None if it violates PEP 691: other files may be valid."""
    try:
        target = resolve_link(base, entry["url"], page=base)
        if target is None or target.endswith("/"):
            return None
        digest = (entry.get("hashes") or {}).get("sha256")
        if digest and not _HEXADECIMAL.fullmatch(digest):
            return None
        size = entry.get("size")
        filename = entry["filename"]
        if not isinstance(filename, str):
            return None
        return DistributionFile(
            filename=filename,
            url=target,
            sha256=digest.lower() if digest else None,
            size=size if type(size) is int and 0 <= size < _LARGEST else None,
            requires_python=_text(entry.get("requires-python")),
            yanked=entry.get("yanked", False) is not False,
            yanked_reason=_yanked_reason(entry.get("yanked", False)),
            upload_time=_milliseconds(entry.get("upload-time")),
            metadata_sha256=_metadata_hash(
                entry.get("core-metadata", entry.get("dist-info-metadata"))
            ),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _yanked_reason(value: Any) -> str | None:
    """Return the reason of PEP 691's ``yanked``, a text or true; None for false."""
    return None if value is False else _text(value) or ""


def _metadata_hash(value: Any) -> str | None:
    """Return PEP 714's three values: a hash, an empty text (no hash known), None (no file)."""
    if isinstance(value, dict):
        return (_text(value.get("sha256")) or "").lower()
    if isinstance(value, str):
        match = _SHA256.search(value)
        return match[1].lower() if match else "" if value.lower() != "false" else None
    return "" if value is True else None


def _milliseconds(text: Any) -> int | None:
    if not isinstance(text, str):
        return None
    from datetime import datetime  # cached pages do not need it

    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        # Python 3.10 accepts only three or six digits of a second.
        try:
            moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
        except ValueError:
            return None
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):  # outside of the range of dates
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
