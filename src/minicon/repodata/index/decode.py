"""Decode JSON members into records, and validate them: a channel's data is not trusted."""

from __future__ import annotations

from minicon.constants import CONDA_EXTENSION, TARBALL_EXTENSION, WHEEL_EXTENSION
from minicon.errors import RepodataError, SpecError
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json
from minicon.repodata.index.base_url import resolve_file_url
from minicon.repodata.index.json_members import NotAMemberError, member_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from minicon.repodata.index.record_source import RecordSource

#: Timestamps below this are in seconds, above it in milliseconds (conda's rule: 9999-12-31).
_LARGEST_SECONDS = 253_402_300_799
_V3_EXTENSIONS = {"v3.tar.bz2": TARBALL_EXTENSION, "v3.conda": CONDA_EXTENSION}


class Members:
    """The members of one name, from all sections.

    Attributes:
        by_file_name: File name → JSON object, in the channel's order.
        removed: File names that the channel has withdrawn.
    """

    def __init__(self) -> None:
        self.by_file_name: dict[str, Any] = {}
        self.removed: set[str] = set()

    def add(self, section: str, members: Mapping[str, Any]) -> None:
        """Add the members of a section; v3 keys get their extension (CEP 48)."""
        extension = _V3_EXTENSIONS.get(section)
        if section == "v3.whl":
            self.by_file_name.update({_wheel_name(key, r): r for key, r in members.items()})
        elif section in ("packages", "packages.conda"):
            self.by_file_name.update(members)
        elif extension is not None:
            self.by_file_name.update({f"{key}{extension}": r for key, r in members.items()})

    def add_payload(self, section: str, payload: bytes) -> int:
        """Add JSON text without its brackets; return how many members are not JSON."""
        if section == "removed":
            self.removed.update(read_json(b"[%b]" % payload))
            return 0
        try:
            self.add(section, read_json(b"{%b}" % payload))
        except ValueError:
            valid, bad = _valid_members(payload)
            self.add(section, valid)
            return bad
        return 0

    def records(
        self, name: str, source: RecordSource, warn: Callable[[str], None]
    ) -> tuple[RepodataRecord, ...]:
        """Return the usable records: not removed, valid, ``.conda`` instead of ``.tar.bz2``.

        Args:
            name: The package name that they must have.
            source: Their origin.
            warn: Called with a text for each record that cannot be used.
        """
        found: dict[str, RepodataRecord] = {}
        for fn, data in self.by_file_name.items():
            if fn in self.removed:
                continue
            try:
                found[fn] = _make_record(fn, data, name, source)
            except (SpecError, RepodataError) as error:
                warn(f"{source.channel}/{source.subdir}: {error.message}; it is left out")
        return tuple(_without_duplicates(found))


def _wheel_name(key: str, record: Any) -> str:
    """The file name of a wheel, which its key is not made of."""
    found = record.get("fn") if isinstance(record, dict) else None
    return found if isinstance(found, str) else key + WHEEL_EXTENSION


def _valid_members(payload: bytes) -> tuple[dict[str, Any], int]:
    """The valid members of a text that is not JSON as a whole, and the number of others."""
    valid: dict[str, Any] = {}
    bad = at = 0
    text = payload.decode("utf-8", "surrogateescape")
    while at < len(text):
        try:
            member = member_at(text, at)
        except (NotAMemberError, ValueError, IndexError):
            bad += 1
            at = text.find('},"', at) + 2
            if at < 2:
                break
            continue
        at = text.find(",", member.end) + 1 or len(text)
        piece = text[member.begin : member.end].encode("utf-8", "surrogateescape")
        try:
            valid.update(read_json(b"{%b}" % piece))
        except ValueError:
            bad += 1
    return valid, bad


def _make_record(fn: str, data: Any, name: str, source: RecordSource) -> RepodataRecord:
    if not isinstance(data, dict):
        raise _refused(fn, "is not an object")
    check_record_fields(data, fn=fn, subdir=source.subdir)
    if data["name"].lower() != name:
        raise _refused(fn, f"has the name {data['name']!r}")
    check_record_values(data, fn)
    _normalize(data)
    url = source.base_url + fn
    if fn.endswith(WHEEL_EXTENSION):
        url = resolve_file_url(source.base_url, data.pop("url", None), fn)
    return RepodataRecord(data, channel=source.channel, subdir=source.subdir, fn=fn, url=url)


def _normalize(data: dict[str, Any]) -> None:
    """Convert fields of old indexes to their present form."""
    data["name"] = data["name"].lower()
    moment = data.get("timestamp")
    if moment:
        data["timestamp"] = int(moment * 1000 if moment < _LARGEST_SECONDS else moment)


def _without_duplicates(found: Mapping[str, RepodataRecord]) -> Iterable[RepodataRecord]:
    """Leave out each ``.tar.bz2`` that also exists as ``.conda``."""
    for fn, record in found.items():
        stem = fn.removesuffix(TARBALL_EXTENSION)
        if stem == fn or stem + CONDA_EXTENSION not in found:
            yield record


def _refused(fn: str, why: str) -> SpecError:
    return SpecError("invalid-record", f"the record of {fn[:120]!r} {why}")
