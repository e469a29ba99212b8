"""The parsed content of ``pip:`` sections and requirement files, sorted by what can install it.

=======================================  =========================================
line                                     becomes
=======================================  =========================================
``numpy>=1.26``                          IndexRequirement: resolved with all others
``x @ https://…/x-1-py3-none-any.whl``,  IndexRequirement with ``direct``: exactly
``./x-1-py3-none-any.whl``               that wheel
``git+https://…``, ``-e .``,             PipRequirement: pip builds it in the
``./folder``, ``x-1.tar.gz``             environment afterwards
``-r more.txt``, ``-c limits.txt``       read at this position
``--extra-index-url …``                  IndexOptions
=======================================  =========================================
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRequirement:
    """A requirement that wheels can satisfy.

    Attributes:
        requirement: Normalized name, extras, versions, marker; never a URL.
        direct: The only wheel that satisfies it, or None.
        hashes: Hexadecimal sha256 of the files that are allowed; empty for any file.
        origin: File and line, or an empty text.
        secret_url: The URL of ``direct`` with the user and password that it was given with, for
            the fetcher only; empty without.
    """

    requirement: Requirement
    direct: DistributionFile | None = None
    hashes: tuple[str, ...] = ()
    origin: str = ""
    secret_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Index options of a requirement file or ``pip:`` section; they override pip's configuration.

    Attributes:
        index_url: Replaces every index named before, as in pip's requirement files.
        extra_index_urls: Added to the other indexes.
        find_links: Added; paths are absolute.
        no_index: Use no index at all, only ``find_links``.
        trusted_hosts: Hosts whose certificates are not checked.
        pre: Whether pre-releases are allowed.
        require_hashes: Whether a requirement without a hash is an error.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    trusted_hosts: tuple[str, ...] = ()
    pre: bool = False
    require_hashes: bool = False

    def merged_with(self, other: IndexOptions) -> IndexOptions:
        """Combine two; where only one value is possible, ``other`` wins."""
        return IndexOptions(
            index_url=other.index_url or self.index_url,
            extra_index_urls=_united(self.extra_index_urls, other.extra_index_urls),
            find_links=_united(self.find_links, other.find_links),
            no_index=self.no_index or other.no_index,
            trusted_hosts=_united(self.trusted_hosts, other.trusted_hosts),
            pre=self.pre or other.pre,
            require_hashes=self.require_hashes or other.require_hashes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementSet:
    """The requirements, constraints and index options of some lines."""

    requirements: tuple[IndexRequirement, ...] = ()
    pip_requirements: tuple[PipRequirement, ...] = ()
    constraints: tuple[IndexRequirement, ...] = ()
    options: IndexOptions = IndexOptions()

    @property
    def direct_files(self) -> tuple[DistributionFile, ...]:
        """The wheels that are named by URL or path: for :class:`PypiIndex`."""
        return tuple([r.direct for r in self.requirements if r.direct is not None])

    @property
    def built_extras(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Extras of what pip builds, by project and location: for :class:`PypiIndex`."""
        return {(r.name, r.location): r.extras for r in self.pip_requirements if r.name}

    @property
    def secret_urls(self) -> tuple[str, ...]:
        """URLs of those wheels that were given with a user and password: for the fetcher."""
        return tuple([r.secret_url for r in self.requirements if r.secret_url])

    def allows(self, record: RepodataRecord) -> bool:
        """Whether an installed package may stay.

        A wheel may not if the requirements name another file of its project, or other hashes. What
        pip built has no hash, and is only replaced by a wheel that is named.
        """
        if record.source != "pypi":
            return True
        direct = next((f for f in self.direct_files if _project_of(f) == record.name), None)
        hashes = self.allowed_hashes.get(record.name)
        if hashes is not None and record.sha256 is not None:
            return record.sha256 in hashes
        if direct is None:
            return True
        return record.sha256 == direct.sha256 if direct.sha256 else record.url == direct.url

    @property
    def limits(self) -> dict[str, SpecifierSet]:
        """Versions that constraints allow, by normalized project: for :class:`PypiIndex`."""
        from packaging.specifiers import SpecifierSet

        found: dict[str, SpecifierSet] = {}
        for each in self.constraints:
            name = each.requirement.name
            found[name] = found.get(name, SpecifierSet()) & each.requirement.specifier
        return found

    @property
    def allowed_hashes(self) -> dict[str, frozenset[str]]:
        """Hashes that a project's files may have, by normalized name: for :class:`PypiIndex`."""
        hashes: dict[str, frozenset[str]] = {}
        for entry in (*self.requirements, *self.constraints):
            if entry.hashes:
                name = entry.requirement.name
                hashes[name] = hashes.get(name, frozenset()) | frozenset(entry.hashes)
        return hashes

    def merged_with(self, other: RequirementSet) -> RequirementSet:
        """Combine two, in order; index options of ``other`` override."""
        return RequirementSet(
            requirements=self.requirements + other.requirements,
            pip_requirements=self.pip_requirements + other.pip_requirements,
            constraints=self.constraints + other.constraints,
            options=self.options.merged_with(other.options),
        )


def _project_of(file: DistributionFile) -> str | None:
    from minicon.pypi.wheels.filenames import split_wheel_name

    wheel = split_wheel_name(file.filename)
    return wheel.name if wheel else None


def _united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
