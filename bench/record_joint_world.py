"""Record the world of tests/solver/test_joint_world.py: records and metadata that requests read.

    MINICON_SHARED_DATA=DIR python bench/record_joint_world.py [--cache DIR]

Solves every request of tests/support/joint_requests.py over conda-forge's records and the index
that pip is configured to use, and writes what was read to fixtures/solver/joint-world.json.xz.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import lzma
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from packaging.requirements import Requirement
from tests.support.joint_requests import (
    CONFLICTS,
    SATISFIABLE,
    conflict_pairs,
    everyday_pairs,
    joint_request,
    wheel_index,
)
from tests.support.joint_world import FIXTURE, SUBDIRS
from tests.support.real_channels import channel_index

from minicon.errors import MiniconError
from minicon.solver.solver import CondaSolver


class Recorder:
    """A WheelIndex that remembers what it was asked."""

    def __init__(self, index) -> None:
        self._index = index
        self.pages: dict[str, tuple] = {}
        self.needs: dict[str, list[Requirement]] = {}
        self.chosen: dict[str, dict[str, set[str]]] = {}

    def __getattr__(self, name: str):
        return getattr(self._index, name)

    def releases(self, name: str):
        found = self._index.releases(name)
        self.pages[name] = found
        return found

    def file_for(self, release, python_version: str):
        file = self._index.file_for(release, python_version)
        if file is not None and not file.is_wheel:
            self.needs.setdefault(file.filename, [])
        return file

    def requirements(self, file):
        found = self._index.requirements(file)
        self.needs[file.filename] = [*found]
        return found


def recorded_projects(recorder: Recorder) -> tuple[dict, list]:
    """The projects, and the distinct lists of requirements that their files have."""
    lists: dict[tuple[str, ...], int] = {}
    projects = {}
    for name, releases in sorted(recorder.pages.items()):
        rows = []
        for release in releases:
            files = [
                [
                    file.filename,
                    file.requires_python,
                    int(file.yanked),
                    lists.setdefault(tuple(map(str, recorder.needs[file.filename])), len(lists)),
                ]
                for file in release.files
                if file.filename in recorder.needs
            ]
            if files:
                rows.append([str(release.version), files])
        projects[name] = rows
    return projects, [list(each) for each in lists]


def recorded_packages() -> tuple[list, list[str]]:
    """The records that were read, and the distinct texts of their dependencies."""
    texts: dict[str, int] = {}
    rows = []
    for position, subdir in enumerate(SUBDIRS):
        index = channel_index("conda-forge", subdir)
        rows += [
            [
                *(name, record.version, record.build, record.build_number, position),
                int(record.data.get("timestamp") or 0) // 1000,
                [texts.setdefault(text, len(texts)) for text in record.depends],
                [texts.setdefault(text, len(texts)) for text in record.constrains],
            ]
            for name, records in sorted(index._wrapped.items())
            for record in records
        ]
    return rows, list(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cache", type=Path, default=Path("~/.cache/minicon-bench-joint").expanduser()
    )
    cache = parser.parse_args().cache
    with wheel_index(cache) as index:
        recorder = Recorder(index)
        for texts in (*SATISFIABLE, *CONFLICTS, *everyday_pairs(), *conflict_pairs()):
            with contextlib.suppress(MiniconError):
                CondaSolver().solve(joint_request(texts, recorder))
        projects, needs = recorded_projects(recorder)
    records, texts = recorded_packages()
    data = {"records": records, "texts": texts, "projects": projects, "needs": needs}
    packed = lzma.compress(json.dumps(data, separators=(",", ":")).encode(), preset=9)
    FIXTURE.write_bytes(packed)
    print(f"{len(records)} records, {len(projects)} projects, {len(packed) >> 10} KiB")


if __name__ == "__main__":
    main()
