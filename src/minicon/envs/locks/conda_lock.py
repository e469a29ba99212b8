"""Read and write ``conda-lock.yml`` (CEP 37: version 1 of conda-lock's format).

The first versions of ``pixi.lock``, 2 and 3, differ from it only in that dependencies are a list.

::

    version: 1
    metadata: {content_hash, channels, platforms, sources}
    package:
    - name: numpy            one block per package and platform, sorted by name, so that two
      platform: linux-64     branches that change different packages merge without a conflict
      …
"""

from __future__ import annotations

import re

from minicon.envs.locks import lock_values as values
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.environment_files.lockfile import (
    MAIN,
    LockedPackage,
    Lockfile,
    check_package,
    is_vcs_url,
    sorted_packages,
)
from minicon.models.package_names import normalize_pypi_name
from minicon.models.record_checks import split_file_name
from minicon.models.url import Url, is_url
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

_NAME = lazy_pattern(r"[A-Za-z0-9_.\-]+")
# Starts with a letter; not what YAML reads as a number, a boolean or an indicator.
_PLAIN = lazy_pattern(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z_/][A-Za-z0-9_./+\-]*\Z")
_PLAIN_URL = lazy_pattern(r"[a-z]+:[A-Za-z0-9_./+%~?=&@,\-:]*[A-Za-z0-9_./]\Z")
#: Versions that only ``pixi.lock`` has.
_OF_PIXI = ("2", "3")
_HEADER = """\
# Exact packages of an environment, for each platform. Do not edit: change the environment file,
# then run 'minicon lock'. 'minicon create -f' and 'minicon sync' make environments from it.
"""


def parse_conda_lock(text: str, *, source: str, whole: bool = True) -> Lockfile:
    """Parse a lock file.

    Args:
        text: Its text.
        source: Its name, for messages.
        whole: Whether all packages are needed; else those that cannot be used are ``refused``.

    Raises:
        SpecError: ``invalid-lock-file`` or ``invalid-yaml``, naming the line.
    """
    data = values.load_yaml(text, source)
    version = values.optional(data, "version", source) or "1"
    if version not in ("1", *_OF_PIXI):
        values.refuse(source, f"version {version[:20]} of the format is not supported")
    metadata = values.mapping(data.get("metadata"), source)
    found = [
        _package_or_reason(item, source, whole=whole)
        for item in values.items(data.get("package"), source)
    ]
    packages = [each for each in found if isinstance(each, LockedPackage)]
    platforms = tuple(values.texts(metadata.get("platforms"), source))
    return Lockfile(
        packages=sorted_packages(packages),
        platforms=platforms or tuple(dict.fromkeys(package.platform for package in packages)),
        channels=tuple(_channels(metadata, source)),
        content_hash=_texts_of(metadata, "content_hash", source),
        sources=tuple(values.texts(metadata.get("sources"), source)),
        metadata=_texts_of(metadata, "custom_metadata", source),
        kind="pixi" if version in _OF_PIXI else "conda-lock",
        refused=tuple(each for each in found if not isinstance(each, LockedPackage)),
    )


def _texts_of(data: Mapping[str, Any], key: str, source: str) -> dict[str, str]:
    found = values.mapping(data.get(key), source)
    return {str(name): values.text(value, source) for name, value in found.items()}


def _channels(metadata: Mapping[str, Any], source: str) -> Iterator[str]:
    for item in values.items(metadata.get("channels"), source):
        url = item if isinstance(item, str) else values.mapping(item, source).get("url")
        yield values.text(url, source)


def _package_or_reason(
    item: Any, source: str, *, whole: bool
) -> LockedPackage | tuple[str, str, str]:
    """Parse a package, or return its platform, its group and why it cannot be used."""
    try:
        with values.reading(values.location(source, item)):
            return _package(item, source)
    except SpecError as error:
        if whole or not isinstance(item, dict) or "platform" not in item:
            raise
        return str(item.get("platform")), str(item.get("category") or MAIN), error.message


def _package(item: Any, source: str) -> LockedPackage:
    where = values.location(source, item)
    data = values.mapping(item, where)
    manager = values.required(data, "manager", where)
    if manager not in ("conda", "pip"):
        values.refuse(where, f"the manager {manager[:40]!r} is neither conda nor pip")
    url = without_secrets(values.required(data, "url", where))
    name = values.required(data, "name", where)
    # conda-lock writes the revision of a repository as the hash.
    hashes = {} if is_vcs_url(url) else values.mapping(data.get("hash"), where)
    build = values.optional(data, "build", where) or ""
    if manager == "conda" and not build and is_url(url) and not url.startswith("host:"):
        build = split_file_name(Url(url).name)[2]
    package = LockedPackage(
        name=name.lower() if manager == "conda" else normalize_pypi_name(name),
        version=values.required(data, "version", where),
        platform=values.required(data, "platform", where),
        url=url,
        manager="conda" if manager == "conda" else "pip",
        build=build if manager == "conda" else "",
        depends=tuple(_depends(data, where)),
        sha256=values.lower_hash(hashes, "sha256", where),
        md5=values.lower_hash(hashes, "md5", where),
        category=values.optional(data, "category", where) or MAIN,
        is_direct=manager == "pip" and "source" in data,
    )
    return check_package(package, where)


def _depends(data: Mapping[str, Any], where: str) -> Iterator[str]:
    listed = data.get("dependencies")
    if isinstance(listed, list):
        yield from values.texts(listed, where)
        return
    for name, rest in values.mapping(listed, where).items():
        constraint = "" if rest is None else values.text(rest, where).strip().replace("||", "|")
        joint = "" if constraint.startswith("[") or not constraint else " "
        yield f"{name}{joint}{constraint}"


def format_conda_lock(lock: Lockfile) -> str:
    """Return the text of a lock file, the same for equal locks.

    Credentials in channels and URLs are left out.
    """
    lines = ["version: 1", "metadata:", "  content_hash:"]
    lines += [f"    {name}: {digest}" for name, digest in sorted(lock.content_hash.items())]
    lines[2] += "" if lock.content_hash else " {}"
    lines += _list_lines("channels", _channel_lines(lock.channels))
    lines += _list_lines("platforms", [f"  - {name}" for name in sorted(lock.platforms)])
    lines += _list_lines("sources", [f"  - {_scalar(path)}" for path in lock.sources])
    if lock.metadata:
        lines.append("  custom_metadata:")
        lines += [f"    {_scalar(k)}: {_scalar(v)}" for k, v in sorted(lock.metadata.items())]
    lines.append("package:" if lock.packages else "package: []")
    for package in sorted_packages(lock.packages):
        lines += _package_lines(package)
    return _HEADER + "\n".join(lines) + "\n"


def _list_lines(key: str, entries: list[str]) -> list[str]:
    return [f"  {key}:", *entries] if entries else [f"  {key}: []"]


def _channel_lines(channels: Iterable[str]) -> list[str]:
    lines = []
    for channel in channels:
        used = ", ".join(re.findall(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)", channel))
        lines += [f"  - url: {_scalar(without_secrets(channel))}", f"    used_env_vars: [{used}]"]
    return lines


def _package_lines(package: LockedPackage) -> Iterator[str]:
    yield f"- name: {_scalar(package.name)}"
    yield f"  version: {_scalar(package.version)}"
    yield f"  manager: {package.manager}"
    yield f"  platform: {package.platform}"
    depends = _depends_mapping(package)
    yield "  dependencies:" if depends else "  dependencies: {}"
    yield from (f"    {_scalar(name)}: {_scalar(depends[name])}" for name in sorted(depends))
    yield f"  url: {_scalar(without_secrets(package.url))}"
    hashes = {key: value for key in ("md5", "sha256") if (value := getattr(package, key))}
    yield "  hash:" if hashes else "  hash: {}"
    yield from (f"    {key}: {_scalar(value)}" for key, value in hashes.items())
    if package.is_direct:
        source = _scalar(without_secrets(package.url))
        yield from ("  source:", "    type: url", f"    url: {source}")
    if package.manager == "conda" and package.build:
        yield f"  build: {_scalar(package.build)}"
    yield f"  category: {_scalar(package.category)}"
    yield f"  optional: {'false' if package.category == MAIN else 'true'}"


def _depends_mapping(package: LockedPackage) -> dict[str, str]:
    """Return the version constraints of dependencies by name; two on one name are combined."""
    found: dict[str, str] = {}
    for text in package.depends:
        match = _NAME.match(text)
        name = match.group() if match else text
        rest = text[len(name) :].strip()
        if package.manager == "pip" and name == "python":
            continue
        other = found.get(name)
        plain = not any(character in f"{other}{rest}" for character in " [|=")
        if other and rest and other != rest and plain:
            rest = f"{other},{rest}"
        found[name] = max(other or "", rest, key=len)
    return found


def _scalar(text: str) -> str:
    """Quote a text, if necessary, so that YAML reads it as that text."""
    if _PLAIN.match(text) or _PLAIN_URL.match(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'
