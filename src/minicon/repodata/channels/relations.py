"""Channel relations (CEP 42): which channels a channel adds, and in which order.

A channel may name a *base*, which comes before it, and a channel that it *overrides*, which comes
after it. Both are URLs relative to its own, so they never lead to another server. The order that
the user gives has precedence; relations that contradict it are ignored.
"""

from __future__ import annotations

import itertools
from urllib.parse import urlsplit

from minicon.errors import ChannelError
from minicon.lean_dataclasses import dataclass
from minicon.models.url import joined_url
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any


@dataclass(frozen=True, slots=True)
class Relations:
    """The relations of one channel, from all of its subdirs.

    Attributes:
        bases: URLs of channels that come before it.
        overrides: URLs of channels that come after it.
    """

    bases: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs of all related channels."""
        return self.bases + self.overrides


def relations_of(base_url: str, infos: Iterable[Mapping[str, Any]]) -> Relations:
    """Parse the relations in the ``info`` objects of a channel's subdirs.

    Args:
        base_url: The channel, without a slash at the end.
        infos: One per subdir.

    Raises:
        ChannelError: ``invalid-relations``: a URL that the CEP does not allow, or one channel
            as both base and overridden.
    """
    stated = [info.get("channel_relations") for info in infos]
    found = [relations for relations in stated if isinstance(relations, dict)]
    bases = _urls(base_url, [each.get("base") for each in found])
    overrides = _urls(base_url, [each.get("overrides") for each in found])
    if set(bases) & set(overrides):
        raise _invalid(base_url, "names one channel as both its base and overridden")
    return Relations(bases, overrides)


def _urls(base_url: str, references: Iterable[object]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(_url(base_url, each) for each in references if each not in (None, ""))
    )


def _url(base_url: str, reference: object) -> str:
    is_relative = isinstance(reference, str) and (reference + "/").startswith("../")
    if not isinstance(reference, str) or not is_relative or set(reference) & set("?#%\\@"):
        raise _invalid(base_url, "refers to a channel in a way that is not allowed")
    url = joined_url(base_url + "/", reference).rstrip("/")
    if url == base_url or not urlsplit(url).path.strip("/"):
        raise _invalid(base_url, "refers to itself, or to no channel")
    return url


def priority_order(named: Sequence[str], relations: Mapping[str, Relations]) -> list[str]:
    """Return all channels, highest priority first, related ones next to those that name them.

    Args:
        named: URLs of channels in the user's order, each once.
        relations: URL → relations; every URL that occurs is a key.

    Raises:
        ChannelError: ``relations-cycle``: the relations contradict each other.
    """
    before: dict[str, list[str]] = {url: [] for url in [*named, *relations]}
    for earlier, later in itertools.pairwise(named):
        before[later].append(earlier)
    positions = {url: position for position, url in enumerate(named)}
    for url, related in relations.items():
        edges = [(base, url) for base in related.bases]
        edges += [(url, overridden) for overridden in related.overrides]
        for earlier, later in edges:
            contradicts_user = positions.get(earlier, -1) > positions.get(later, len(named))
            if not contradicts_user:
                before[later].append(earlier)
    return _Walk(before, relations, set(named)).order(named)


class _Walk:
    """A depth-first topological sort."""

    def __init__(
        self,
        before: Mapping[str, Sequence[str]],
        relations: Mapping[str, Relations],
        named: set[str],
    ) -> None:
        self._before = before
        self._relations = relations
        self._named = named
        self._entered: set[str] = set()
        self._order: dict[str, None] = {}

    def order(self, named: Sequence[str]) -> list[str]:
        for url in [*named, *self._before]:
            self._visit(url)
        return list(self._order)

    def _visit(self, url: str) -> None:
        if url in self._order:
            return
        if url in self._entered:
            message = f"the relations of {redact(url)} and other channels form a cycle"
            hint = "list the channels in the order to use, or set channel_relations_max_depth: 0"
            raise ChannelError("relations-cycle", message, hint=hint)
        self._entered.add(url)
        for earlier in self._before[url]:
            self._visit(earlier)
        self._order[url] = None
        related = self._relations.get(url, Relations())
        for overridden in related.overrides:
            # Directly after the channel that names it, unless another must come before it.
            is_next = all(earlier in self._order for earlier in self._before[overridden])
            if is_next and overridden not in self._named | self._entered:
                self._visit(overridden)


def _invalid(base_url: str, why: str) -> ChannelError:
    return ChannelError(
        "invalid-relations",
        f"the channel {redact(base_url)} {why}",
        hint="report it to its owner; channel_relations_max_depth: 0 ignores relations",
    )
