"""Read ``pixi.lock``, versions 4 to 7 (rattler's lock format).

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
from minicon.models.package_names import normalize_pypi_name
from minicon.models.url import is_url
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_DEFAULT_ENVIRONMENT = "default"
_MOST_NAMED = 20
_VERSIONS = ("4", "5", "6", "7")


def parse_pixi_lock(
    text: str, *, source: str, environment: str | None = None, platform: str | None = None
) -> Lockfile:
    """Parse a lock file.

    Args:
        text: Its text.
        source: Its name, for messages.
        environment: Name of one of its environments; by default ``default``, or the only one.
        platform: Return only the packages of this platform: those of others may be of kinds that
            minicon does not support. None means all.

    Raises:
        SpecError: ``invalid-lock-file``, ``invalid-yaml`` or ``no-such-environment-in-file``.
    """
    data = values.load_yaml(text, source)
    version = values.required(data, "version", source)
    if version not in _VERSIONS:
        values.refuse(source, f"version {version[:20]} of pixi.lock is not supported")
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
    """Return the subdir of each platform name; since version 7 the two may differ."""
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
        name = next(iter(environments)) if only else _DEFAULT_ENVIRONMENT
    if name not in environments:
        raise _no_such_environment(name, list(map(str, environments)), source)
    return values.mapping(environments[name], source)


def _no_such_environment(name: str, known: list[str], source: str) -> SpecError:
    from minicon.models.near_names import near_names

    near = near_names(name, known)
    others = [each for each in known if each not in near]
    listed = ", ".join([*near, *others][:_MOST_NAMED]) + ", …" * (len(known) > _MOST_NAMED)
    return SpecError(
        "no-such-environment-in-file",
        f"{source} has no environment {name!r}",
        hint=f"choose with --environment: {listed}" if known else "it has no environments at all",
    )


def _channels(environment: Mapping[str, Any], source: str) -> Iterator[str]:
    for item in values.items(environment.get("channels"), source):
        url = item if isinstance(item, str) else values.mapping(item, source).get("url")
        yield without_secrets(values.text(url, source))


def _known_packages(
    data: Mapping[str, Any], source: str
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return all package entries by manager and URL; other kinds may be of other environments."""
    found = {}
    for item in values.items(data.get("packages"), source):
        where = values.location(source, item)
        entry = values.mapping(item, where)
        kind = values.optional(entry, "kind", where)
        key = "url" if "url" in entry else "path"
        if kind is None:
            kind = key = next((k for k in ("conda", "pypi") if k in entry), "")
        if kind in ("conda", "pypi"):
            found[kind, values.required(entry, key, where)] = entry
    return found


def _locked(
    reference: Any, platform: str, known: Mapping[tuple[str, str], Mapping[str, Any]], source: str
) -> LockedPackage:
    where = values.location(source, reference)
    data = values.mapping(reference, where)
    kind = next((k for k in ("conda", "pypi") if k in data), None)
    if kind is None:
        kinds = ", ".join(map(str, data))[:80]
        values.refuse(where, f"packages of the kind {kinds!r} cannot be installed from a lock")
    url = values.required(data, kind, where)
    entry = known.get((kind, url))
    if entry is None:
        values.refuse(where, f"{without_secrets(url)[:120]} has no entry in its list of packages")
    make = _conda if kind == "conda" else _pypi
    with values.reading(where):
        return check_package(make(url, platform, entry, where), where)


def _conda(url: str, platform: str, entry: Mapping[str, Any], where: str) -> LockedPackage:
    if not is_url(url) or not url.endswith((".conda", ".tar.bz2")):
        values.refuse(
            where, f"{shortened(url, 120)!r} would have to be built, which is not supported"
        )
    return conda_package(
        url,
        platform,
        depends=tuple(values.texts(entry.get("depends"), where)),
        sha256=values.lower_hash(entry, "sha256", where),
        md5=values.lower_hash(entry, "md5", where),
        size=values.size(entry, where),
    )


def _pypi(url: str, platform: str, entry: Mapping[str, Any], where: str) -> LockedPackage:
    if not is_url(url):
        values.refuse(where, f"{shortened(url, 120)!r} is a local directory: install it with pip")
    url = url.removeprefix("direct+")  # versions 4 and 5: named by URL, not found on an index
    return LockedPackage(
        name=normalize_pypi_name(values.required(entry, "name", where)),
        version=values.required(entry, "version", where),
        platform=platform,
        url=without_secrets(url),
        manager="pip",
        depends=tuple(values.texts(entry.get("requires_dist"), where)),
        sha256=values.lower_hash(entry, "sha256", where),
        requires_python=values.optional(entry, "requires_python", where),
    )
