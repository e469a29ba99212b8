"""``pixi.lock``: reading versions 4 to 7 (rattler's lock format).

::

    environments: {default: {channels, packages: {linux-64: [{conda: URL}, {pypi: URL}]}}}
    packages:     [{conda: URL, sha256, depends…}]            versions 6 and 7
                  [{kind: conda, name, version, url, …}]      versions 4 and 5
"""

from __future__ import annotations

from minicon.envs.locks import lock_values as values
from minicon.errors import SpecError
from minicon.models.environment_files.lockfile import (
    LockedPackage,
    Lockfile,
    check_package,
    conda_package,
    sorted_packages,
)
from minicon.models.package_name import normalize_pypi_name
from minicon.models.url import is_url
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

DEFAULT_ENVIRONMENT = "default"
_MOST_NAMED = 20
_VERSIONS = ("4", "5", "6", "7")


def parse_pixi_lock(
    text: str, *, source: str, environment: str | None = None, platform: str | None = None
) -> Lockfile:
    """Read a lock file.

    Args:
        text: Its text.
        source: Its name, for messages.
        environment: Which of its environments; ``default`` if left out, or the only one.
        platform: Read the packages of this platform alone: those of others may have to be built,
            which need not concern anybody here. None reads all.

    Raises:
        SpecError: ``invalid-lock-file``, ``invalid-yaml`` or ``no-such-environment-in-file``.
    """
    data = values.load_yaml(text, source)
    version = values.required(data, "version", source)
    if version not in _VERSIONS:
        values.refuse(source, f"version {version[:20]} of pixi.lock is not known")
    chosen = _environment(data, environment, source)
    known = _known_packages(data, source)
    by_platform = values.mapping(chosen.get("packages"), source)
    subdirs = {name: _subdirs(data, source).get(str(name), str(name)) for name in by_platform}
    packages = [
        _locked(reference, subdirs[name], known, source)
        for name, references in by_platform.items()
        if platform in (None, subdirs[name])
        for reference in values.items(references, source)
    ]
    return Lockfile(
        packages=sorted_packages(packages),
        platforms=tuple(subdirs.values()),
        channels=tuple(_channels(chosen, source)),
        kind="pixi",
    )


def _subdirs(data: Mapping[str, Any], source: str) -> dict[str, str]:
    """Since version 7 platforms have names of their own; what subdir each means."""
    found = {}
    for item in values.items(data.get("platforms"), source):
        entry = values.mapping(item, source)
        name = values.required(entry, "name", source)
        found[name] = values.optional(entry, "subdir", source) or name
    return found


def _environment(data: Mapping[str, Any], name: str | None, source: str) -> Mapping[str, Any]:
    environments = values.mapping(data.get("environments"), source)
    if name is None:
        only = len(environments) == 1
        name = next(iter(environments)) if only else DEFAULT_ENVIRONMENT
    if name not in environments:
        raise _no_such_environment(name, list(map(str, environments)), source)
    return values.mapping(environments[name], source)


def _no_such_environment(name: str, known: list[str], source: str) -> SpecError:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    others = [each for each in known if each not in near]
    listed = ", ".join([*near, *others][:_MOST_NAMED]) + ", …" * (len(known) > _MOST_NAMED)
    return SpecError(
        "no-such-environment-in-file",
        f"{source}: there is no environment {name!r} in it",
        hint=f"choose with --environment: {listed}" if known else "it has no environments at all",
    )


def _channels(environment: Mapping[str, Any], source: str) -> Iterator[str]:
    for item in values.items(environment.get("channels"), source):
        url = item if isinstance(item, str) else values.mapping(item, source).get("url")
        yield without_secrets(values.text(url, source))


def _known_packages(
    data: Mapping[str, Any], source: str
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """All packages by manager and URL."""
    found = {}
    for item in values.items(data.get("packages"), source):
        entry = values.mapping(item, source)
        kind = values.optional(entry, "kind", source)
        if kind is None:
            kind = next((k for k in ("conda", "pypi") if k in entry), "")
            url = values.required(entry, kind, values.at(source, item)) if kind else ""
        else:
            url = values.required(entry, "url" if "url" in entry else "path", source)
        if kind not in ("conda", "pypi"):
            values.refuse(values.at(source, item), "a package is conda or pypi")
        found[kind, url] = entry
    return found


def _locked(
    reference: Any, platform: str, known: Mapping[tuple[str, str], Mapping[str, Any]], source: str
) -> LockedPackage:
    place = values.at(source, reference)
    data = values.mapping(reference, place)
    kind = next((k for k in ("conda", "pypi") if k in data), None)
    if kind is None:
        values.refuse(place, "a package is conda or pypi")
    url = values.required(data, kind, place)
    entry = known.get((kind, url))
    if entry is None:
        values.refuse(place, f"{without_secrets(url)[:120]} is not described among its packages")
    make = _conda if kind == "conda" else _pypi
    return check_package(make(url, platform, entry, place), place)


def _conda(url: str, platform: str, entry: Mapping[str, Any], place: str) -> LockedPackage:
    if not is_url(url) or not url.endswith((".conda", ".tar.bz2")):
        values.refuse(
            place, f"{shortened(url, 120)!r} has to be built first, which minicon does not do"
        )
    return conda_package(
        url,
        platform,
        depends=tuple(values.texts(entry.get("depends"), place)),
        sha256=values.lower_hash(entry, "sha256", place),
        md5=values.lower_hash(entry, "md5", place),
        size=values.size(entry, place),
    )


def _pypi(url: str, platform: str, entry: Mapping[str, Any], place: str) -> LockedPackage:
    if not is_url(url):
        values.refuse(place, f"{shortened(url, 120)!r} lies in a folder: install that with pip")
    return LockedPackage(
        name=normalize_pypi_name(values.required(entry, "name", place)),
        version=values.required(entry, "version", place),
        platform=platform,
        url=without_secrets(url),
        manager="pip",
        depends=tuple(values.texts(entry.get("requires_dist"), place)),
        sha256=values.lower_hash(entry, "sha256", place),
        requires_python=values.optional(entry, "requires_python", place),
    )
