"""Lockfile: the exact packages of an environment, for one or more platforms.

Read from ``conda-lock.yml`` (CEP 37), ``pixi.lock`` and ``pylock.toml`` (PEP 751), written as
``conda-lock.yml``. All values are validated here, because they become paths and URLs.
"""

from __future__ import annotations

import re

from minicon.constants import HOST_CHANNEL, PYPI_BUILD, PYPI_CHANNEL, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.environment_files.environment_spec import VARIABLE_NAME
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.match_spec.version_spec import parse_version_spec
from minicon.models.package_names import normalize_pypi_name
from minicon.models.record_checks import check_record_fields, split_file_name
from minicon.models.records import RepodataRecord, direct_url
from minicon.models.subdir import KNOWN_SUBDIRS, check_subdir
from minicon.models.url import Url, is_url
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, Literal, NoReturn

    Manager = Literal["conda", "pip"]

MAIN = "main"
#: Before the name of an environment variable in ``metadata``; a platform may follow.
VARIABLE = "variable "
#: Scheme of the URL of an interpreter of the installing machine: ``host:python-3.11.7``.
_HOST_SCHEME = f"{HOST_CHANNEL}:"
_LONGEST_URL = 2000

_MD5 = lazy_pattern(r"[0-9a-f]{32}")
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")
_VCS = lazy_pattern(r"(?:git|hg|svn|bzr)\+")
_GROUP = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")
_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package for one platform.

    Attributes:
        name: Package name; normalized for a Python project (PEP 503).
        version: Version string.
        platform: Subdir that the package is locked for; never ``noarch``.
        url: URL of the file, without credentials; ``host:python-VERSION`` for an interpreter of
            the installing machine.
        manager: ``conda`` for channels, ``pip`` for the Python package index.
        build: Build string; empty for pip.
        depends: Run-time dependencies: MatchSpec strings, or PEP 508 requirements for pip.
        sha256: Hexadecimal, or None.
        md5: Hexadecimal, or None.
        size: Bytes, or None.
        category: Group of the package; ``main`` is always installed.
        marker: Environment marker under which the package is installed (PEP 508), or None.
        requires_python: Supported versions of python, or None.
        is_direct: Whether a wheel was named by its URL or path, so that no index need have it.
    """

    name: str
    version: str
    platform: str
    url: str
    manager: Manager = "conda"
    build: str = ""
    depends: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    category: str = MAIN
    marker: str | None = None
    requires_python: str | None = None
    is_direct: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Key that is unique within a lock (CEP 37)."""
        return (self.name, self.manager, self.platform, self.category)

    @property
    def fn(self) -> str:
        """File name."""
        if is_url(self.url) and not is_vcs_url(self.url):
            return Url(self.url).name
        return self.url.rpartition("/")[2]

    @property
    def is_host(self) -> bool:
        """Whether it is an interpreter of the installing machine."""
        return self.url.startswith(_HOST_SCHEME)

    @property
    def is_wheel(self) -> bool:
        """Whether minicon installs it without pip; other files of pip must be built first."""
        return self.manager == "pip" and self.fn.endswith(WHEEL_EXTENSION)

    def to_record(self, python_minor: str | None = None) -> RepodataRecord:
        """The package as a record that can be fetched and installed.

        Args:
            python_minor: For wheels, the minor version of python that they are installed for.
        """
        data: dict[str, Any] = {"name": self.name, "version": self.version, "build": self.build}
        data |= {k: v for k in ("md5", "sha256", "size") if (v := getattr(self, k)) is not None}
        data["depends"] = list(self.depends)
        if self.manager == "conda":
            channel, subdir = _channel_and_subdir(self.url, self.platform)
            return RepodataRecord(data, channel=channel, subdir=subdir, fn=self.fn, url=self.url)
        depends = [_match_text(text) for text in self.depends if not text.startswith("python ")]
        if python_minor:
            depends.insert(0, f"python {python_minor}.*")
            data["python"] = python_minor
        subdir = "noarch" if self.fn.endswith("-any.whl") else self.platform
        data |= {"build": PYPI_BUILD, "build_number": 0, "depends": depends, "noarch": "python"}
        data |= {"subdir": subdir, "purls": [f"pkg:pypi/{self.name}@{self.version}"]}
        data |= {"direct_url": direct_url(self.url, self.sha256)} if self.is_direct else {}
        return RepodataRecord(
            data, channel=PYPI_CHANNEL, subdir=subdir, fn=self.fn, url=self.url, source="pypi"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockfile:
    """The contents of a lock file.

    Attributes:
        packages: Sorted by name, manager, platform and category.
        platforms: Locked subdirs; empty if the format does not list them (PEP 751).
        channels: Channels as written, highest priority first.
        content_hash: Hash of the requested packages, by platform.
        sources: Files that the lock was made from, relative to it.
        metadata: Further strings that are kept.
        requires_python: For a lock that does not contain python (PEP 751), or None.
        kind: ``conda-lock``, ``pixi`` or ``pylock``.
        refused: Platform, group and error message of packages that cannot be used. They count only
            if they are needed: other tools lock more kinds of packages.
    """

    packages: tuple[LockedPackage, ...]
    platforms: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    content_hash: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    requires_python: str | None = None
    kind: str = "conda-lock"
    refused: tuple[tuple[str, str, str], ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups beyond ``main``, sorted."""
        refused = {category for _, category, _ in self.refused}
        return tuple(sorted(({package.category for package in self.packages} | refused) - {MAIN}))

    def variables(self, platform: str) -> dict[str, str]:
        """Environment variables that activation sets on a platform, from ``metadata``.

        Raises:
            SpecError: ``invalid-lock-file``: a name is invalid.
        """
        found = {}
        for key, value in self.metadata.items():
            name, _, only = key.removeprefix(VARIABLE).partition(" ")
            if key.startswith(VARIABLE) and only in ("", platform):
                if not VARIABLE_NAME.match(name):
                    _refuse(f"{shortened(name, 60)!r} cannot be the name of a variable")
                found[name] = value
        return found

    def for_platform(
        self, platform: str, groups: Collection[str] = ()
    ) -> tuple[LockedPackage, ...]:
        """The packages to install on a platform, each once.

        Args:
            platform: Subdir.
            groups: Groups to install in addition to ``main``.

        Raises:
            SpecError: ``platform-not-locked``, ``no-such-group``; ``invalid-lock-file`` if one of
                them cannot be used.
        """
        if self.platforms and platform not in self.platforms:
            known = ", ".join(self.platforms)
            hint = f"it has {known}; add this platform with 'minicon lock --platform {platform}'"
            raise SpecError(
                "platform-not-locked", f"the lock has no packages for {platform}", hint=hint
            )
        for group in groups:
            if group not in self.groups and group != MAIN:
                known = ", ".join(self.groups) or "none"
                message = f"the lock has no group {group!r}"
                raise SpecError("no-such-group", message, hint=f"its groups are: {known}")
        categories = {MAIN, *groups}
        for needed_on, category, message in self.refused:
            if needed_on == platform and category in categories:
                hint = "create it again with the tool that wrote it"
                raise SpecError("invalid-lock-file", message, hint=hint)
        found: dict[tuple[str, str], LockedPackage] = {}
        for package in self.packages:
            if package.platform == platform and package.category in categories:
                found.setdefault((package.manager, package.name), package)
        return tuple(found.values())


def sorted_packages(packages: Collection[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Sort packages for the file: all platforms of a package are adjacent.

    Raises:
        SpecError: ``invalid-lock-file``: a package is locked twice with different URLs.
    """
    found: dict[tuple[str, str, str, str], LockedPackage] = {}
    for package in packages:
        other = found.setdefault(package.key, package)
        if other.url != package.url:
            message = f"{package.name} is locked twice for {package.platform}"
            raise SpecError("invalid-lock-file", message, hint="lock again with 'minicon lock'")
    return tuple(found[key] for key in sorted(found))


def check_package(package: LockedPackage, source: str) -> LockedPackage:
    """Validate a package; values that could be paths and files without a hash are refused.

    Args:
        package: The package as parsed.
        source: File, and its entry, for messages.

    Raises:
        SpecError: ``invalid-lock-file``.
    """
    try:
        if package.platform not in KNOWN_SUBDIRS or package.platform == "noarch":
            check_subdir(package.platform)
        if not package.is_host:
            _check_url(package)
        if package.sha256 is not None and not _SHA256.fullmatch(package.sha256):
            _refuse("its sha256 is invalid")
        if package.md5 is not None and not _MD5.fullmatch(package.md5):
            _refuse("its md5 is invalid")
        if not _GROUP.fullmatch(package.category):
            _refuse(f"{shortened(package.category, 60)!r} is not a valid name of a group")
        if package.is_wheel or package.manager == "conda":
            fields = {"name": package.name, "version": package.version, "build": package.build}
            check_record_fields(
                fields, fn=f"{package.name}.conda" if package.is_host else package.fn
            )
            for text in package.depends:
                parse_dependency(_match_text(text) if package.manager == "pip" else text)
    except SpecError as error:
        message = f"{source}: {shortened(package.name, 60)!r} is invalid: {error.message}"
        raise SpecError("invalid-lock-file", message, hint="create the lock file again") from None
    return package


def conda_package(url: str, platform: str, **fields: Any) -> LockedPackage:
    """Create a package of a channel; name, version and build are taken from the file name.

    Raises:
        SpecError: ``invalid-record``: the URL does not end with the file name of a package.
    """
    public = without_secrets(url)
    name, version, build = split_file_name(Url(public).name)
    return LockedPackage(
        name=name.lower(), version=version, build=build, platform=platform, url=public, **fields
    )


def host_url(version: str) -> str:
    """The URL for an interpreter of the installing machine."""
    return f"{_HOST_SCHEME}python-{version}"


def _check_url(package: LockedPackage) -> None:
    url = package.url
    if len(url) > _LONGEST_URL or _CONTROL.search(url) or not is_url(url):
        _refuse("its URL is invalid")
    if package.manager == "conda" or package.is_wheel:
        Url(url)
        if package.is_wheel and not package.sha256:
            _refuse("it has no sha256")
    own = normalize_pypi_name(package.name)
    if package.is_wheel and normalize_pypi_name(package.fn.split("-")[0]) != own:
        _refuse(f"{shortened(package.fn, 80)!r} is a wheel of another project")
    if package.manager == "conda" and split_file_name(package.fn)[0].lower() != package.name:
        _refuse(f"{shortened(package.fn, 80)!r} is the file of another package")


def _refuse(why: str) -> NoReturn:
    raise SpecError("invalid-lock-file", why)


def _channel_and_subdir(url: str, platform: str) -> tuple[str, str]:
    """Channel and subdir of a package's URL."""
    channel, _, subdir = url.rpartition("/")[0].rpartition("/")
    return (channel, subdir) if subdir in KNOWN_SUBDIRS else (f"{channel}/{subdir}", platform)


def _match_text(requirement: str) -> str:
    """Convert a PEP 508 requirement to a MatchSpec string, without extras and markers.

    Versions that a MatchSpec cannot express are left out: a lock names exact versions anyway.
    """
    text = requirement.partition(";")[0].strip()
    found = re.match(r"([A-Za-z0-9_.\-]+)\s*(?:\[[^\]]*\])?\s*(.*)", text)
    if not found:
        return text
    name, versions = found.groups()
    versions = versions.strip().strip("()").replace(" ", "").replace("===", "==")
    versions = versions.replace("||", "|")  # poetry's, which conda-lock copies
    try:
        parse_version_spec(versions or "*")
    except SpecError:
        versions = ""
    return f"{normalize_pypi_name(name)} {'' if versions == '*' else versions}".strip()


def is_vcs_url(url: str) -> bool:
    """Whether a URL names a revision of a repository, which only pip can install."""
    return _VCS.match(url) is not None
