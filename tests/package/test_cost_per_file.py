"""What a file costs in system calls, when it is unpacked and when it is linked."""

from __future__ import annotations

import os
import shutil
from collections import Counter

import pytest
from tests.support.growth import system_calls
from tests.support.packages import PackageBuilder

from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.extract import extract
from minicon.package.prepare.preparation import prepare_package
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.plan.transaction import make_transaction
from minicon.solver.request import Solution

pytestmark = pytest.mark.skipif(os.name != "posix", reason="system calls of POSIX")
FOLDERS = 5


def package(files: int) -> PackageBuilder:
    """A package whose files are in as many folders, however many they are."""
    builder = PackageBuilder(f"p{files}")
    for number in range(files):
        builder = builder.file(f"lib/f{number * FOLDERS // files}/m{number}.py", f"x = {number}\n")
    return builder


def per_file(measure) -> dict[str, float]:
    """Calls that each of 100 more files costs."""
    few, many = measure(50), measure(150)
    costs = {name: round((many[name] - few[name]) / 100, 1) for name in many}
    return {name: cost for name, cost in costs.items() if cost}


def test_an_unpacked_file_costs_four_system_calls(tmp_path) -> None:
    def measure(files: int) -> Counter[str]:
        archive = package(files).build(tmp_path, ".conda")
        return system_calls(lambda: extract(archive, tmp_path / f"to{files}", reader="native"))

    assert per_file(measure) == {"open": 1, "write": 1, "utime": 1, "close": 1}


def test_a_linked_file_costs_two_system_calls(tmp_path) -> None:
    def measure(files: int) -> Counter[str]:
        builder = package(files)
        archive = builder.build(tmp_path, ".conda")
        record = builder.record(archive)
        cache = PackageCache([tmp_path / "pkgs"], durable=False)
        fetch = prepare_package(lambda _, target: shutil.copyfile(archive, target), record)
        cache.ensure(record, fetch)
        solution = Solution(records=(record,))
        prefix = Prefix(tmp_path / "envs" / record.name)
        transaction = make_transaction(prefix, solution, platform="linux-64")

        def create() -> None:
            found = cache.find(record)
            assert found is not None
            assert found.manifest.has_its_sizes(found.directory)
            Executor(durable=False).execute(transaction, {record: found})

        return system_calls(create)

    (tmp_path / "envs").mkdir()
    assert per_file(measure) == {"lstat": 1, "link": 1}


def test_the_record_of_a_new_package_is_read_from_its_manifest(tmp_path, monkeypatch) -> None:
    """It was written a moment before, and is not formatted again."""
    from minicon.package.manifest import PlainFolder

    builder = package(20)
    archive = builder.build(tmp_path, ".conda")
    record = builder.record(archive)
    fetch = prepare_package(lambda _, target: shutil.copyfile(archive, target), record)
    made = PackageCache([tmp_path / "pkgs"], durable=False).ensure(record, fetch)
    monkeypatch.setattr(PlainFolder, "paths_text", None)
    monkeypatch.setattr(PlainFolder, "files_text", None)
    assert made.manifest.files_text().count(b".py") == 20
    assert b"".join(made.manifest.paths_text()).count(b'"_path"') == 20
