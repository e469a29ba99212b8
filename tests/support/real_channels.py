"""Real channels and requests from the directory MINICON_SHARED_DATA."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from minicon.models.indexes.record_index import RecordIndex
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.records import RepodataRecord, VirtualPackage
from minicon.solver.request import SolveRequest

#: Virtual packages by platform, new enough for every request.
VIRTUAL_PACKAGES = {
    "linux": ["__glibc=2.39", "__linux=6.8", "__unix=0", "__cuda=13.0", "__archspec=1=x86_64_v4"],
    "osx": ["__osx=15.0", "__unix=0", "__archspec=1=m1"],
    "win": ["__win=10.0.26100", "__cuda=13.0", "__archspec=1=x86_64_v4"],
}


def shared_data() -> Path | None:
    folder = os.environ.get("MINICON_SHARED_DATA")
    return Path(folder) if folder else None


class FileIndex(RecordIndex):
    """A RecordIndex over one repodata.json, records are created on first use."""

    def __init__(self, channel: str, subdir: str, path: Path) -> None:
        super().__init__(channel, subdir)
        self._raw: dict[str, list[tuple[str, dict]]] = {}
        self._wrapped: dict[str, list[RepodataRecord]] = {}
        if path.exists():
            data = json.loads(path.read_bytes())
            for section in ("packages", "packages.conda"):
                for fn, record in data.get(section, {}).items():
                    self._raw.setdefault(record["name"], []).append((fn, record))

    def names(self):
        return self._raw.keys()

    def records_for(self, name: str):
        found = self._wrapped.get(name)
        if found is None:
            found = self._wrapped[name] = [
                RepodataRecord(
                    record, channel=self.channel, subdir=self.subdir, fn=fn, url=f"file:///{fn}"
                )
                for fn, record in self._raw.get(name, ())
            ]
        return found

    def forget(self) -> None:
        """Forget all records, for measurements."""
        self._wrapped.clear()


@cache
def channel_index(channel: str, subdir: str) -> FileIndex:
    folder = shared_data()
    assert folder is not None
    return FileIndex(channel, subdir, folder / "channels" / channel / subdir / "repodata.json")


def virtual_packages(platform: str) -> list[VirtualPackage]:
    texts = VIRTUAL_PACKAGES[platform.partition("-")[0]]
    return [VirtualPackage.from_text(text) for text in texts]


def real_request(
    specs: list[str], channels: list[str], platform: str = "linux-64", **options
) -> SolveRequest:
    return SolveRequest(
        specs=tuple(MatchSpec(text) for text in specs),
        channels=tuple(
            (channel_index(channel, platform), channel_index(channel, "noarch"))
            for channel in channels
        ),
        platform=platform,
        virtual_packages=tuple(virtual_packages(platform)),
        **options,
    )


def solved_requests() -> list[dict]:
    folder = shared_data()
    assert folder is not None
    return json.loads((folder / "solved-requests.json").read_text())


def has_all_records(request: dict) -> bool:
    """Whether the channels contain all records of the solution of a request."""
    known = set()
    for channel in request["channels"]:
        for subdir in (request["platform"], "noarch"):
            known |= _builds(channel, subdir)
    return all(_stem(path.rsplit("/", 1)[1]) in known for path in request["records"])


@cache
def _builds(channel: str, subdir: str) -> frozenset[str]:
    index = channel_index(channel, subdir)
    return frozenset(_stem(fn) for records in index._raw.values() for fn, _ in records)


def _stem(fn: str) -> str:
    return fn.removesuffix(".conda").removesuffix(".tar.bz2")
