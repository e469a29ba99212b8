"""Every hostile archive is refused with its reason and without effect; near misses are accepted.

With both decoders, in both formats.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat

import pytest
from tests.support.hostile import STEM, cases

from minicon.archive.extraction import ExtractionLimits
from minicon.archive.libarchive_decoder import libarchive_version
from minicon.errors import PackageError
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.extract import extract
from minicon.package.validate import verify_package

LIMITS = ExtractionLimits(members=200, floor=4 << 20, ratio=50)
EXPECTED = ExpectedArchive(name="hostile", version="1.0", build="0")
READERS = ["native", *(["libarchive"] if libarchive_version() else [])]
ALL = [pytest.param(case, kind, id=f"{case.name}{kind}") for case in cases() for kind in case.kinds]


def snapshot(folder):
    """Return mode, size and content of every path of a tree."""
    seen = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            facts = os.lstat(path)
            content = None
            if stat.S_ISREG(facts.st_mode):
                with open(path, "rb") as reader:
                    content = hashlib.sha256(reader.read()).hexdigest()
            elif stat.S_ISLNK(facts.st_mode):
                content = os.readlink(path)
            seen[os.path.relpath(path, folder)] = (facts.st_mode, facts.st_size, content)
    return seen


@pytest.fixture
def yard(memory_path):
    """A directory to extract to, beside files that must not change."""
    (memory_path / "outside").mkdir()
    (memory_path / "outside" / "victim").write_text("untouched")
    (memory_path / "target-evil").mkdir()
    (memory_path / "evil").write_text("untouched")
    return memory_path


@pytest.mark.parametrize(("case", "kind"), ALL)
def test_verdict_effect_and_message(yard, case, kind):
    path = yard / f"{STEM}{kind}"
    path.write_bytes(case.build(kind))
    before = snapshot(yard)
    for reader in READERS:
        check_verdict(case, path, yard, reader)
        after = snapshot(yard)
        assert {k: v for k, v in after.items() if k.split("/")[0] != "target"} == before
        shutil.rmtree(yard / "target", ignore_errors=True)


def check_verdict(case, path, yard, reader):
    if case.refused is None:
        files = extract(path, yard / "target", expected=EXPECTED, reader=reader, limits=LIMITS)
        assert verify_package(yard / "target", files=files) == []
        check_modes(yard / "target")
    else:
        with pytest.raises(PackageError) as caught:
            extract(path, yard / "target", expected=EXPECTED, reader=reader, limits=LIMITS)
        message = caught.value.message
        assert re.search(case.refused, message), message
        assert message.startswith(path.name)
        assert message.isprintable()
        assert len(message) < 800
        assert not (yard / "target").exists() or list((yard / "target").iterdir()) == []


def check_modes(target):
    for name, (mode, _, _) in snapshot(target).items():
        if not stat.S_ISLNK(mode):
            assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), name
            assert mode & 0o7022 == 0, (name, oct(mode))
            assert mode & 0o400, name


def test_there_is_a_case_for_every_family():
    names = {case.name for case in cases()}
    for family in (
        "trav",
        "link",
        "special",
        "mode",
        "zip",
        "tar",
        "bz2",
        "info",
        "payload",
        "paths",
        "entry",
        "bomb",
        "index",
    ):
        assert any(name.startswith(f"{family}-") for name in names), family
    refused = [case for case in cases() if case.refused is not None]
    assert len(refused) >= 150
    assert len(names) == len(list(cases()))
