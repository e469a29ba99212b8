"""The list of files is read from a part of the archive."""

from __future__ import annotations

import bz2
import io
import random
import tarfile
import zipfile
from collections.abc import Iterator

import pytest
from tests.support.packages import PackageBuilder, conda_bytes, tar_bytes

from minicon.archive.streams import HeldBytes
from minicon.errors import PackageError
from minicon.models.package_files import EntryPoint, PackageFiles
from minicon.package.prepare import info_part
from minicon.package.prepare.info_part import files_of_conda, files_of_tarball

BIG = random.Random(1).randbytes(200_000)


def tool() -> PackageBuilder:
    return (
        PackageBuilder("tool")
        .noarch("python")
        .file("site-packages/big.bin", BIG)
        .entry_point("tool = tool:main")
        .script("post-link", "true\n")
    )


class Reading(HeldBytes):
    """An archive that counts the bytes read."""

    count = 0

    def read_at(self, position: int, count: int) -> bytes:
        self.count += count
        return super().read_at(position, count)


def look(data: bytes, name: str = "tool-1.0-0.conda") -> PackageFiles | None:
    return files_of_conda(HeldBytes(data), name)


def info_first(data: bytes) -> bytes:
    """Return the ``.conda`` in the order of older tools."""
    source = zipfile.ZipFile(io.BytesIO(data))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(source.namelist()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), source.read(name))
    return buffer.getvalue()


@pytest.mark.parametrize("change", [bytes, info_first])
def test_only_the_info_component_of_a_conda_is_read(change) -> None:
    data = change(tool().archive_bytes())
    reading = Reading(data)
    files = files_of_conda(reading, "tool-1.0-0.conda")
    assert files is not None
    assert {"site-packages/big.bin", "bin/.tool-post-link.sh"} == {e.path for e in files.paths}
    assert files.entry_points == (EntryPoint("tool", "tool", "main"),)
    assert files.noarch == "python"
    assert reading.count < 4000


def pieces(data: bytes, taken: list[int] | None = None) -> Iterator[bytes]:
    for start in range(0, len(data), 5000):
        if taken is not None:
            taken.append(start)
        yield data[start : start + 5000]


def test_only_the_start_of_a_tarball_is_read() -> None:
    noise = random.Random(1).randbytes(1 << 20)
    data = tool().file("site-packages/noise", noise).archive_bytes(".tar.bz2")
    taken: list[int] = []
    files = files_of_tarball(pieces(data, taken), "tool-1.0-0.tar.bz2")
    assert files is not None
    assert "bin/.tool-post-link.sh" in {entry.path for entry in files.paths}
    assert taken[-1] < len(data) - 100_000
    legacy = PackageBuilder("old").file("bin/.old-pre-link.sh", "").legacy()
    old = files_of_tarball(pieces(legacy.archive_bytes(".tar.bz2")), "old-1.0-0.tar.bz2")
    assert old is not None
    assert [entry.path for entry in old.paths] == ["bin/.old-pre-link.sh"]


def test_a_tarball_with_its_list_at_the_end_is_not_read() -> None:
    members, contents = tool().members()
    late = tarfile.TarInfo("info/paths.json")
    data = bz2.compress(tar_bytes([*members, late], contents))
    assert files_of_tarball(pieces(data), "tool-1.0-0.tar.bz2") is None


def test_too_large_components_are_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(info_part, "PACKED_LIMIT", 100)
    assert look(tool().archive_bytes()) is None
    data = tool().info("about.json", BIG).archive_bytes(".tar.bz2")
    assert files_of_tarball(pieces(data), "tool-1.0-0.tar.bz2") is None


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_a_decompression_bomb_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info_part, "UNPACKED_LIMIT", 1 << 20)
    data = tool().info("a.json", bytes(1 << 22)).archive_bytes(kind)
    with pytest.raises(PackageError, match="more than"):
        _ = look(data) if kind == ".conda" else files_of_tarball(pieces(data), "tool.tar.bz2")


def test_damaged_archives_are_errors() -> None:
    good = tool().archive_bytes()
    with pytest.raises(PackageError):
        look(b"")
    for data in (good[:-1], good[: len(good) // 2], good + b"x", b"PK" + bytes(5000)):
        with pytest.raises(PackageError):
            look(data)
    info = good.rindex(b"info-tool", 0, good.rindex(b"PK\1\2") - 100) + 40
    with pytest.raises(PackageError):
        look(good[:info] + bytes([good[info] ^ 1]) + good[info + 1 :])
    with pytest.raises(PackageError):
        look(conda_bytes("x", b"no tar", b""))
    with pytest.raises(PackageError):
        files_of_tarball(pieces(tool().archive_bytes(".tar.bz2")[:300]), "tool.tar.bz2")
