"""The order of a package's records: conda's preferences, best first."""

from __future__ import annotations

from typing import NamedTuple

from minicon.constants import CONDA_EXTENSION, TARBALL_EXTENSION
from minicon.errors import SpecError
from minicon.models.records import RepodataRecord  # noqa: TC001 - a field of Row
from minicon.models.subdir import NOARCH
from minicon.models.timestamps import milliseconds
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    SortKey = tuple[int, int, bytes, int, int, int, bool, str, str, str, str]

#: Greater than the number of features of any record.
_MANY = 64


class Row(NamedTuple):
    """A record and the rank of its channel; lower numbers are preferred.

    Attributes:
        record: The record.
        rank: Compared before the version.
        order: Compared only between equal versions and build numbers.
    """

    record: RepodataRecord
    rank: int = 0
    order: int = 0


def sort_records(
    rows: Iterable[Row], *, lowest: bool, features: Collection[str] = ()
) -> list[tuple[SortKey, RepodataRecord]]:
    """Sort records by conda's preferences, best first, each with its sort key.

    The order is total, so it does not depend on the order of the rows: rank of the channel, fewest
    track_features, most features, version, build number, order of the channel, timestamp, the
    platform before noarch; then texts. Records whose version cannot be parsed are left out.

    Args:
        rows: Records with the ranks of their channels.
        lowest: Prefer low versions to high ones.
        features: Features that the environment tracks in any case. A build with another feature
            requires a package that tracks it, so it counts as if it tracked the feature itself.
    """
    keyed = [(key, row.record) for row in _without_twins(rows) if (key := _sort_key(row, features))]
    keyed.sort(key=lambda pair: pair[0], reverse=True)
    if lowest:
        keyed.sort(key=lambda pair: (-pair[0][0], pair[0][2]))
    return keyed


def _without_twins(rows: Iterable[Row]) -> Iterable[Row]:
    """Of a build that exists as ``.conda`` and ``.tar.bz2``, only the former."""
    chosen: dict[tuple[int, str, str], Row] = {}
    for row in rows:
        record = row.record
        stem = record.fn.removesuffix(CONDA_EXTENSION).removesuffix(TARBALL_EXTENSION)
        build = (row.order, record.subdir, stem)
        if build not in chosen or record.fn.endswith(CONDA_EXTENSION):
            chosen[build] = row
    return chosen.values()


def _sort_key(row: Row, features: Collection[str]) -> SortKey | None:
    record = row.record
    data = record.data
    try:
        version = version_key(data["version"])
    except SpecError:
        return None
    return (
        -row.rank,
        _fit_of_features(record, features)
        if data.get("track_features") or data.get("features")
        else 0,
        version,
        data.get("build_number") or 0,
        -row.order,
        milliseconds(data.get("timestamp") or 0),
        record.subdir != NOARCH,
        data.get("build") or record.build,
        record.subdir,
        record.fn,
        record.channel,
    )


def _fit_of_features(record: RepodataRecord, features: Collection[str]) -> int:
    """Higher for fewer tracked features, then for more features that the environment tracks."""
    present = sum(1 for feature in record.features if feature in features)
    tracked = len(record.track_features) + len(record.features) - present
    return min(present, _MANY - 1) - _MANY * tracked
