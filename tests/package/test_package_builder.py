"""The builder of the tests makes archives that the standard library can read."""

from __future__ import annotations

import json
import tarfile
import zipfile

import pytest
from tests.support.packages import PackageBuilder, build_channel

from minicon.archive.package_archive import open_archive, read_info_file

HELLO = (
    PackageBuilder("hello")
    .version("1.2")
    .depends("sh >=1")
    .file("bin/hello", "#!/bin/sh\n")
    .file("share/empty")
    .link("bin/hallo", "hello")
)


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_archives_are_deterministic_and_complete(tmp_path, kind):
    path = HELLO.build(tmp_path, kind)
    assert path.read_bytes() == HELLO.archive_bytes(kind)
    assert json.loads(read_info_file(path, "index.json"))["depends"] == ["sh >=1"]
    with open_archive(path) as archive:
        found = {m.path: (m.kind, m.read()) for m in archive.members()}
    assert found["bin/hello"] == ("file", b"#!/bin/sh\n")
    assert found["bin/hallo"] == ("symbolic link", b"")
    assert json.loads(found["info/paths.json"][1])["paths_version"] == 1


def test_the_standard_library_reads_the_archives(tmp_path):
    with tarfile.open(HELLO.build(tmp_path, ".tar.bz2")) as archive:
        assert "share/empty" in archive.getnames()
    with zipfile.ZipFile(HELLO.build(tmp_path, ".conda")) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


def test_a_channel_lists_its_packages(tmp_path):
    build_channel(tmp_path, [HELLO, PackageBuilder("data").noarch()])
    repodata = json.loads((tmp_path / "linux-64" / "repodata.json").read_text())
    assert repodata["packages.conda"]["hello-1.2-0.conda"]["version"] == "1.2"
    assert (tmp_path / "noarch" / "data-1.0-0.conda").is_file()
