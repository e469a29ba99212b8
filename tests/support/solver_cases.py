"""SolverCase: packages in a few lines, and requests for them.

::

    case = SolverCase()
    case.package("numpy", "2.0", depends=["python >=3.9"])
    case.package("python", "3.12")
    assert versions(case.solve("numpy")) == {"numpy": "2.0", "python": "3.12"}

Every solution is verified by the independent checker before it is returned.
"""

from __future__ import annotations

from typing import Any

from tests.support.checker import problems

from minicon.models.indexes.record_index import RecordIndex
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord, VirtualPackage
from minicon.solver.request import Solution, SolveRequest
from minicon.solver.solver import CondaSolver


class MemoryIndex(RecordIndex):
    """Records in memory; remembers which names were read."""

    def __init__(self, channel: str, subdir: str) -> None:
        super().__init__(channel, subdir)
        self.records: dict[str, list[RepodataRecord]] = {}
        self.names_read: list[str] = []

    def names(self):
        return self.records.keys()

    def records_for(self, name: str):
        self.names_read.append(name)
        return self.records.get(name, [])

    def prefetch(self, names) -> None:
        list(names)


class SolverCase:
    """Packages by channel and subdir, and virtual packages."""

    def __init__(self, *channels: str, platform: str = "linux-64") -> None:
        self.platform = platform
        self.channels = channels or ("main",)
        self.indices = {
            (channel, subdir): MemoryIndex(channel, subdir)
            for channel in self.channels
            for subdir in (platform, "noarch")
        }
        self.virtual_packages: list[VirtualPackage] = []

    def package(
        self,
        name: str,
        version: str,
        build: str = "0",
        *,
        channel: str | None = None,
        subdir: str = "noarch",
        depends: list[str] | None = None,
        constrains: list[str] | None = None,
        extension: str = ".conda",
        **fields: Any,
    ) -> RepodataRecord:
        channel = channel or self.channels[0]
        source = fields.pop("source", "conda")
        data = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": fields.pop("build_number", 0),
            "depends": depends or [],
            "constrains": constrains or [],
            **fields,
        }
        fn = f"{name}-{version}-{build}{extension}"
        record = RepodataRecord(
            data, channel=channel, subdir=subdir, fn=fn, url=f"file:///{fn}", source=source
        )
        self.indices[channel, subdir].records.setdefault(name, []).append(record)
        return record

    def virtual(self, *texts: str) -> None:
        self.virtual_packages += [VirtualPackage.from_text(text) for text in texts]

    def installed(self, *records: RepodataRecord) -> tuple[PrefixRecord, ...]:
        return tuple(PrefixRecord(record, files=(), paths=()) for record in records)

    def request(self, *specs: str, **options: Any) -> SolveRequest:
        for key in ("pins", "constraints", "history", "removals"):
            if key in options:
                options[key] = tuple(MatchSpec(text) for text in options[key])
        options.setdefault("virtual_packages", tuple(self.virtual_packages))
        channels = tuple(
            (self.indices[channel, self.platform], self.indices[channel, "noarch"])
            for channel in self.channels
        )
        return SolveRequest(
            specs=tuple(MatchSpec(text) for text in specs),
            channels=channels,
            platform=self.platform,
            **options,
        )

    def solve(self, *specs: str, **options: Any) -> Solution:
        request = self.request(*specs, **options)
        solution = CondaSolver().solve(request)
        found = problems(request, solution)
        assert not found, "\n".join(found)
        return solution

    def all_records(self) -> list[RepodataRecord]:
        return [
            record
            for index in self.indices.values()
            for records in index.records.values()
            for record in records
        ]


def versions(solution: Solution) -> dict[str, str]:
    return {record.name: record.version for record in solution.records}


def builds(solution: Solution) -> dict[str, str]:
    return {record.name: f"{record.version} {record.build}" for record in solution.records}
