"""Candidates of a package and domains: sets of candidates as integers.

Bit *i* of a domain stands for the *i*-th best candidate of a package, and one bit above all
candidates stands for ABSENT: the package is not installed. The intersection of domains is ``&``,
the best remaining candidate is the lowest bit, and ``not domain & (domain - 1)`` says that at most
one is left::

    numpy   2.1.0  2.0.2  1.26.4  ABSENT         domain 0b1101:
      bit     0      1       2      3            2.1.0, 1.26.4 or absent
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import cast

from minicon.errors import SpecError
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.match_spec.version_spec import Constraint, VersionSpec, compatible_prefix
from minicon.models.version import prefix_key, version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.match_spec.version_spec import Tree
    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_table import CandidateTable


#: Above every byte that can continue a version key.
_AFTER = b"\xff"
#: Candidates that are enumerated together, and their bits.
_BITS = 1024
_PART = (1 << _BITS) - 1


class Candidates:
    """The candidates of one package, best first.

    Args:
        table: The compiled records.
        records: The records, in the table's order.
        fixed: See below.
        known: Domains of dependency texts that an earlier process evaluated.

    Attributes:
        table: The compiled records.
        records: The records, in the table's order.
        size: Number of candidates.
        all: Domain of all candidates, without ABSENT.
        fixed: True for virtual packages: present or absent, there is no choice.
        decided_ties: Cache of the tie breaking between builds.
        read: Reads the dependencies of one candidate, (name, MatchSpec text) each, if they are not
            in the table: a wheel's metadata is read only when the search is about to choose it.
        defers: Whether reading one of them is expensive, as a build is: it is put off until all
            else is decided. None if that is never so.
        carriers: Names of conda packages that carry the same project: their dependents' limits
            (``constrains``) apply to these candidates too.
    """

    __slots__ = (
        "_given",
        "_matching",
        "all",
        "carriers",
        "decided_ties",
        "defers",
        "fixed",
        "read",
        "records",
        "size",
        "table",
    )

    def __init__(
        self,
        table: CandidateTable,
        records: Sequence[RepodataRecord],
        *,
        fixed: bool = False,
        known: dict[str, int] | None = None,
    ) -> None:
        self.table = table
        self.records = records
        self.size = table.size
        self.all = (1 << table.size) - 1
        self.fixed = fixed
        self.decided_ties: dict[int, int] = {}
        self.read: Callable[[int], Iterable[tuple[str, str]]] | None = None
        self.defers: Callable[[int], bool] | None = None
        self.carriers: Sequence[str] = ()
        self._matching = known or {}
        self._given = len(self._matching)

    @property
    def evaluated(self) -> dict[str, int]:
        """Domains of all dependency texts evaluated so far, by this process or an earlier one."""
        return self._matching

    @property
    def newly_evaluated(self) -> int:
        """Number of texts that this process evaluated."""
        return len(self._matching) - self._given

    def matching(self, text: str) -> int:
        """The candidates that match a MatchSpec; none if it cannot be parsed.

        ``#3`` matches the candidate at position 3, ``#0x1c`` those of a domain in hexadecimal.
        Costs a few binary searches the first time.
        """
        known = self._matching.get(text)
        if known is None:
            if text[0] == "#":
                return int(text[1:], 0) if text[1:3] == "0x" else 1 << int(text[1:])
            try:
                known = self.matching_spec(parse_dependency(text))
            except SpecError:
                known = 0
            self._matching[text] = known
        return known

    def matching_spec(self, spec: MatchSpec) -> int:
        """The candidates that match a MatchSpec; its name is not compared."""
        found = self.all if spec.version is None else self.matching_version(spec.version)
        build = spec.build
        if build is not None and found and not build.matches_all:
            builds = self.table.builds
            found = sum(
                1 << position for position in members(found) if build.matches(builds[position])
            )
        number = spec.build_number
        if number is not None:
            numbers = self.table.build_numbers
            found = sum(
                1 << position for position in members(found) if number.matches(numbers[position])
            )
        if found and needs_record(spec):
            records = self.records
            found = sum(
                1 << position for position in members(found) if spec.matches(records[position])
            )
        return found

    def matching_version(self, spec: VersionSpec) -> int:
        """The candidates whose version a VersionSpec contains."""
        return self._tree(spec.tree)

    def versions_in(self, domain: int) -> list[str]:
        """The distinct versions of some candidates, highest first."""
        domain, versions = domain & self.all, self.table.versions
        chosen = versions if domain == self.all else map(versions.__getitem__, members(domain))
        texts = dict.fromkeys(chosen)
        found = {version_key(text): text for text in reversed(texts)}
        return [found[key] for key in sorted(found, reverse=True)]

    def versions_before(self, position: int) -> int:
        """Number of versions that are better than the one at a position."""
        return len(set(self.table.versions[:position]) - {self.table.versions[position]})

    def of_version(self, position: int) -> int:
        """All candidates of the same version as the one at a position."""
        rank = bisect_left(self.table.version_keys, version_key(self.table.versions[position]))
        return self._between(rank, rank + 1)

    def highest_version(self, domain: int) -> int:
        """Rank of the highest version among some candidates; -1 for none."""
        domain &= self.all
        low, high = 0, len(self.table.lower) - 1
        while low < high:
            middle = (low + high) // 2
            if domain & ~self.table.below(middle):
                low = middle + 1
            else:
                high = middle
        return low - 1

    def tied_with(self, position: int) -> int:
        """Candidates equal to the one at a position in version, build number and channel rank."""
        ties = self.table.ties
        following = bisect_right(ties, position)
        end = ties[following] if following < len(ties) else self.size
        return (1 << end) - (1 << ties[following - 1]) if following else 0

    def _tree(self, tree: Tree) -> int:
        if isinstance(tree, Constraint):
            return self._leaf(tree.operator, tree.text)
        parts = [self._tree(cast("Tree", part)) for part in tree[1:]]
        found = parts[0]
        for part in parts[1:]:
            found = found | part if tree[0] == "or" else found & part
        return found

    def _leaf(self, operator: str, text: str) -> int:
        if operator == "any":
            return self.all
        if operator in ("glob", "regex"):
            return self._matching_pattern(VersionSpec(text))
        if operator == "not_glob":
            return self.all & ~self._matching_pattern(VersionSpec(text))
        if operator == "startswith":
            return self._starting(text)
        if operator == "not_startswith":
            return self.all & ~self._starting(text)
        return self._compared(operator, text)

    def _matching_pattern(self, spec: VersionSpec) -> int:
        """Candidates whose version text matches a glob or regular expression."""
        texts = enumerate(self.table.versions)
        return sum(1 << position for position, version in texts if spec.contains(version))

    def _compared(self, operator: str, text: str) -> int:
        """Candidates whose version compares to another as an operator says."""
        keys = self.table.version_keys
        key = version_key(text)
        first = bisect_left(keys, key)
        if operator == ">=":
            return self._between(first, len(keys))
        if operator == "<":
            return self.table.below(first)
        if operator == "~=":
            return self._between(first, len(keys)) & self._starting(compatible_prefix(text))
        after = first + (first < len(keys) and keys[first] == key)
        if operator == ">":
            return self._between(after, len(keys))
        if operator == "<=":
            return self.table.below(after)
        equal = self._between(first, after)
        return equal if operator == "==" else self.all & ~equal

    def _starting(self, text: str) -> int:
        """Candidates whose version starts with another."""
        prefix = prefix_key(text)
        keys = self.table.version_keys
        return self._between(bisect_left(keys, prefix), bisect_left(keys, prefix + _AFTER))

    def _between(self, first: int, end: int) -> int:
        """Candidates whose version's rank is in ``range(first, end)``; rank 0 is the lowest."""
        return self.table.below(end) & ~self.table.below(first)


def domain_text(domain: int) -> str:
    """A domain as a text for :meth:`Candidates.matching`."""
    return f"#{domain:#x}"


def needs_record(spec: MatchSpec) -> bool:
    """Whether a spec has fields that are not in the table: all but version, build, build number."""
    return bool(
        spec.channel
        or spec.subdir
        or spec.md5
        or spec.sha256
        or spec.url
        or spec.fn
        or spec.license
        or spec.license_family
        or spec.track_features
        or spec.features
        or spec.flags
    )


def best(domain: int) -> int:
    """Position of the best candidate in a domain that is not empty."""
    return (domain & -domain).bit_length() - 1


def members(domain: int) -> Iterator[int]:
    """Positions in a domain, best first; part by part, since long integers are slow to change."""
    start = 0
    while domain:
        part = domain & _PART
        while part:
            lowest = part & -part
            yield start + lowest.bit_length() - 1
            part ^= lowest
        domain >>= _BITS
        start += _BITS


def is_decided(domain: int) -> bool:
    """Whether nothing is left to choose."""
    return not domain & (domain - 1)
