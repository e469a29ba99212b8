"""IndexOptions: what a requirement file says of indexes, beside its requirements."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Index options of one requirement file or ``pip:`` section; they outdo the machine's.

    Attributes:
        index_url: Replaces every index named before, as in pip's requirement files.
        extra_index_urls: Added.
        find_links: Added; paths are absolute.
        no_index: No index at all, only ``find_links``.
        trusted_hosts: Hosts whose certificates are not checked.
        pre: Whether pre-releases are welcome.
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
        """Both; where only one can hold, the other's."""
        return IndexOptions(
            index_url=other.index_url or self.index_url,
            extra_index_urls=_unique((*self.extra_index_urls, *other.extra_index_urls)),
            find_links=_unique((*self.find_links, *other.find_links)),
            no_index=self.no_index or other.no_index,
            trusted_hosts=_unique((*self.trusted_hosts, *other.trusted_hosts)),
            pre=self.pre or other.pre,
            require_hashes=self.require_hashes or other.require_hashes,
        )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
