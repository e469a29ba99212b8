"""Captures: a request with all that its solution read, as one JSON value.

A captured request can be solved again anywhere, without channels and PyPI: to report a surprising
solution, or to keep it as a test. It contains no credentials.
"""

from __future__ import annotations

from minicon.errors import FileError, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.indexes.record_index import RecordIndex
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord, VirtualPackage
from minicon.models.strict_json import check_shape
from minicon.redaction import redact
from minicon.solver.captured_projects import SHAPE, CapturedProjects, RecordingProjects
from minicon.solver.request import ChannelPriority, SolveRequest, Strategy, UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any


#: Incremented when older versions of minicon would misread a newer capture. The first had no
#: projects of PyPI.
VERSION = 2
_SPECS = ("specs", "history", "pins", "constraints", "removals")
_PLAIN = (
    "platform",
    "exclude_newer",
    "exclude_newer_channel",
    "exclude_newer_package",
    "no_deps",
    "only_deps",
    "keep_unneeded",
    "force_reinstall",
    "add_pip",
    "prefer_conda",
    "wheels_for_missing_names",
)
_REQUIREMENTS = ("requirements", "history_requirements")
#: Installed records may have any file name: no file is opened by it.
_ANY_FILE_NAME = "package-0-0.conda"
_RECORD = {"name": str, "channel": str, "subdir": str, "fn": str, "url": str, "source": str}
_SHAPE: Mapping[str, Any] = {
    **{key: [str] for key in _SPECS},
    **dict.fromkeys((*_REQUIREMENTS, "held"), ([str], None)),
    "projects": ({**SHAPE}, None),
    "platform": (str, None),
    "multichannels": ({...: [str]}, None),
    "exclude_newer": (int, None),
    "exclude_newer_channel": ({...: (int, None)}, None),
    "exclude_newer_package": ({...: (int, None)}, None),
    **dict.fromkeys(_PLAIN[4:], (bool, None)),
    **dict.fromkeys(("channel_priority", "update_policy", "strategy"), str),
    "virtual_packages": [str],
    "installed": [_RECORD],
    "channels": [[{"channel": str, "subdir": str, "records": [_RECORD]}]],
}
_CHOICES: dict[str, type[ChannelPriority | UpdatePolicy | Strategy]] = {
    "channel_priority": ChannelPriority,
    "update_policy": UpdatePolicy,
    "strategy": Strategy,
}


class _RecordingIndex(RecordIndex):
    """An index that notes which records were read.

    Attributes:
        seen: Records by name.
    """

    def __init__(self, index: RecordIndex) -> None:
        super().__init__(index.channel, index.subdir)
        self.is_partial = index.is_partial
        self._index = index
        self.seen: dict[str, Sequence[RepodataRecord]] = {}

    def names(self) -> Collection[str]:
        """See :class:`RecordIndex`."""
        return self._index.names()

    def records_for(self, name: str) -> Sequence[RepodataRecord]:
        """See :class:`RecordIndex`."""
        found = self.seen.get(name)
        if found is None:
            found = self.seen[name] = self._index.records_for(name)
        return found

    def names_tracking(self, feature: str) -> Iterable[str]:
        """See :class:`RecordIndex`."""
        return self._index.names_tracking(feature)

    def prefetch(self, names: Iterable[str]) -> None:
        """See :class:`RecordIndex`."""
        self._index.prefetch(names)


class _CapturedIndex(RecordIndex):
    """The records of a capture."""

    def __init__(self, channel: str, subdir: str, records: Iterable[RepodataRecord]) -> None:
        super().__init__(channel, subdir)
        self._records: dict[str, list[RepodataRecord]] = {}
        for record in records:
            self._records.setdefault(record.name, []).append(record)

    def names(self) -> Collection[str]:
        """See :class:`RecordIndex`: the names in the capture."""
        return self._records.keys()

    def records_for(self, name: str) -> Sequence[RepodataRecord]:
        """See :class:`RecordIndex`."""
        return self._records.get(name, ())


def recording(request: SolveRequest) -> SolveRequest:
    """The same request over recording indices; solve it, then :func:`capture` it."""
    channels = tuple(
        tuple(_RecordingIndex(index) for index in channel) for channel in request.channels
    )
    wheels = None if request.wheels is None else RecordingProjects(request.wheels)
    return replace(request, channels=channels, wheels=wheels, tables=None)


def capture(request: SolveRequest) -> dict[str, Any]:
    """A request of :func:`recording` and what was read since, as a JSON object."""
    document: dict[str, Any] = {"minicon_capture": VERSION}
    for key in _SPECS:
        document[key] = [str(spec) for spec in getattr(request, key)]
    document["multichannels"] = {
        spec.channel: list(spec.channels)
        for key in _SPECS
        for spec in getattr(request, key)
        if spec.channel and spec.channels != (spec.channel,)
    }
    for key in _PLAIN:
        document[key] = getattr(request, key)
    for key in _CHOICES:
        document[key] = getattr(request, key).value
    for key in _REQUIREMENTS:
        document[key] = [redact(str(each)) for each in getattr(request, key)]
    document["held"] = sorted(request.held)
    if isinstance(request.wheels, RecordingProjects):
        document["projects"] = request.wheels.to_json()
    document["virtual_packages"] = [
        f"{each.name}={each.version}={each.build}" for each in request.virtual_packages
    ]
    document["installed"] = [_as_json(each.record) for each in request.installed]
    document["channels"] = [
        [
            {
                "channel": index.channel,
                "subdir": index.subdir,
                "records": _all_seen(index) if isinstance(index, _RecordingIndex) else [],
            }
            for index in channel
        ]
        for channel in request.channels
    ]
    return document


def captured_request(document: Mapping[str, Any]) -> SolveRequest:
    """The request in a capture, ready to be solved.

    Raises:
        FileError: ``invalid-capture``: not a capture, damaged, or of a later version.
    """
    version = document.get("minicon_capture")
    if version not in (1, VERSION):
        raise FileError(
            "invalid-capture",
            f"not a capture that this version of minicon can read (version {version!r})",
            hint="write one with: minicon create … --dry-run --capture FILE",
        )
    try:
        check_shape(document, _SHAPE)
        return _request(document)
    except (ValueError, SpecError) as error:
        why = error.message if isinstance(error, SpecError) else str(error)
        raise FileError(
            "invalid-capture", f"the capture is damaged: {why}", hint="write it again"
        ) from error


def _request(document: Mapping[str, Any]) -> SolveRequest:
    found = {key: document.get(key) for key in _PLAIN}
    fields: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    groups = document.get("multichannels") or {}
    for key in _SPECS:
        specs = map(MatchSpec, document[key])
        fields[key] = tuple(
            each.in_channels(groups[each.channel]) if each.channel in groups else each
            for each in specs
        )
    fields |= {key: kind(document[key]) for key, kind in _CHOICES.items()}
    if (projects := document.get("projects")) is not None:
        from packaging.requirements import Requirement

        fields |= {key: tuple(map(Requirement, document.get(key) or ())) for key in _REQUIREMENTS}
        fields["wheels"] = CapturedProjects(projects)
    return SolveRequest(
        **fields,
        held=frozenset(document.get("held") or ()),
        channels=tuple(
            tuple(
                _CapturedIndex(index["channel"], index["subdir"], map(_record, index["records"]))
                for index in channel
            )
            for channel in document["channels"]
        ),
        installed=tuple(
            PrefixRecord(_record(each), files=(), paths=()) for each in document["installed"]
        ),
        virtual_packages=tuple(map(VirtualPackage.from_text, document["virtual_packages"])),
    )


def _all_seen(index: _RecordingIndex) -> list[dict[str, Any]]:
    return [_as_json(record) for name in sorted(index.seen) for record in index.seen[name]]


def _as_json(record: RepodataRecord) -> dict[str, Any]:
    return {**record.to_json(), "source": record.source}


def _record(fields: Mapping[str, Any]) -> RepodataRecord:
    check_record_fields(fields, fn=_ANY_FILE_NAME)
    check_record_values(fields, fields["fn"])
    data = {**fields, "name": fields["name"].lower()}
    return RepodataRecord(
        data,
        channel=data.pop("channel"),
        subdir=data["subdir"],
        fn=data["fn"],
        url=data["url"],
        source=data.pop("source"),
    )
