"""Files are installed with content, mode and time, by the best available method."""

from __future__ import annotations

import errno
import os

import pytest
from tests.support.faults import counting

from minicon.fs import operations
from minicon.fs.clone import LinkMethod, LinkProbe, link_or_copy_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "cache" / "file"
    path.parent.mkdir()
    path.write_bytes(b"content" * 1000)
    path.chmod(0o755)
    os.utime(path, ns=(10**18, 10**18 + 7))
    return path


@pytest.mark.parametrize("method", list(LinkMethod))
def test_the_target_is_the_same_file_to_readers(tmp_path, source, method):
    target = tmp_path / "target"
    used = link_or_copy_file(source, target, method)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode == source.stat().st_mode
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert os.path.samefile(source, target) == (
        used in (LinkMethod.HARD_LINK, LinkMethod.SYMBOLIC_LINK)
    )
    with pytest.raises(FileExistsError):
        link_or_copy_file(source, target, method)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.EPERM])
def test_a_link_that_is_not_possible_becomes_a_copy(tmp_path, source, number, monkeypatch):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "target"
    assert link_or_copy_file(source, target, LinkMethod.HARD_LINK) is LinkMethod.COPY
    assert target.read_bytes() == source.read_bytes()
    assert LinkProbe([LinkMethod.HARD_LINK]).best_method(source, tmp_path) is LinkMethod.COPY


def test_no_space_is_not_hidden_by_a_copy(tmp_path, source, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space"):
        link_or_copy_file(source, tmp_path / "target", LinkMethod.HARD_LINK)


def test_probing_happens_once_and_leaves_nothing(tmp_path, source):
    folder = tmp_path / "env"
    folder.mkdir()
    probe = LinkProbe()
    first = probe.best_method(source, folder)
    assert first in (LinkMethod.REFLINK, LinkMethod.HARD_LINK)
    with counting() as counter:
        assert probe.best_method(source, folder) is first
    assert counter.count == 0
    assert list(folder.iterdir()) == []


def test_requested_copies_are_copies(tmp_path, source):
    assert LinkProbe([LinkMethod.COPY]).best_method(source, tmp_path) is LinkMethod.COPY


def test_chunks_are_written_whole_and_errors_name_the_path(tmp_path):
    operations.create_file_from([b"a", memoryview(b"bc"), b""], tmp_path / "f", modified_ns=5)
    assert (tmp_path / "f").read_bytes() == b"abc"
    assert (tmp_path / "f").stat().st_mtime_ns == 5
