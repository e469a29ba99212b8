"""Patches, settings, pages, revision 3 and workers of ``channel index``."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.wheels import WheelBuilder

from minicon.errors import ConfigError, FileError, RepodataError
from minicon.publish.channel_index import index_channel
from minicon.publish.index.channel_settings import ChannelSettings, read_settings
from minicon.publish.index.entry_store import EntryStore
from minicon.publish.index.patches import generated_instructions
from minicon.publish.reading import shares
from minicon.publish.reading.shares import ListedArchive, LocalRunner, read_all

HOSTILE = '<script>alert("x")</script>'


def read(folder, subdir="linux-64", name="repodata.json"):
    return json.loads((folder / subdir / name).read_bytes())


@pytest.fixture
def folder(tmp_path):
    channel = tmp_path / "lab"
    PackageBuilder("tool").depends("lib").build(channel)
    PackageBuilder("lib").build(channel)
    return channel


# Patches


def test_a_python_generator_runs_only_if_it_is_named(folder) -> None:
    generator = folder / "gen_patch.py"
    generator.write_text(
        "def _patch_repodata(repodata, subdir):\n"
        "    fns = repodata['packages.conda']\n"
        "    return {'packages.conda': {fn: {'license': subdir} for fn in fns}}\n"
    )
    index_channel(folder)
    assert "license" not in read(folder)["packages.conda"]["lib-1.0-0.conda"]
    index_channel(folder, patch_generator=partial(generated_instructions, generator))
    assert read(folder)["packages.conda"]["lib-1.0-0.conda"]["license"] == "linux-64"
    assert read(folder, name="patch_instructions.json")["packages.conda"].keys()
    index_channel(folder)  # instructions stay, as in conda-index
    assert read(folder)["packages.conda"]["lib-1.0-0.conda"]["license"] == "linux-64"


def test_a_package_can_hold_the_instructions(folder, tmp_path) -> None:
    text = json.dumps({"remove": ["lib-1.0-0.conda"]})
    patches = PackageBuilder("patches").file("linux-64/patch_instructions.json", text)
    index_channel(
        folder, patch_generator=partial(generated_instructions, patches.build(tmp_path / "other"))
    )
    assert read(folder)["removed"] == ["lib-1.0-0.conda"]
    assert read(folder, "noarch", "patch_instructions.json") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7", "not an object"),
        ('{"remove": [1]}', "an item of remove must be a string"),
        ('{"patch_instructions_version": 2}', "version 2"),
        ('{"packages": {"a.conda": 1}}', "must be an object"),
    ],
)
def test_invalid_instructions_are_refused_before_anything_is_written(folder, text, message) -> None:
    index_channel(folder)
    before = (folder / "linux-64" / "repodata.json").read_bytes()
    (folder / "linux-64" / "patch_instructions.json").write_text(text)
    with pytest.raises(RepodataError, match=message):
        index_channel(folder)
    assert (folder / "linux-64" / "repodata.json").read_bytes() == before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (None, "does not exist"),
        ("x = 1", "has no function"),
        ("def _patch_repodata(r, s): 1/0", "failed for linux-64: ZeroDivisionError"),
    ],
)
def test_a_generator_that_fails_is_named(folder, tmp_path, code, message) -> None:
    generator = tmp_path / "gen.py"
    if code is not None:
        generator.write_text(code)
    with pytest.raises(RepodataError, match=message):
        index_channel(folder, patch_generator=partial(generated_instructions, generator))


# Settings


def test_the_channel_says_where_packages_are_and_what_is_related(folder) -> None:
    (folder / "channel.yaml").write_text(
        "name: The lab\nbase_url: https://packages.test/lab/\nrss: true\nshards: false\n"
        "channel_relations: {base: ../conda-forge}\n"
        "notices:\n- {message: 'down on 1 May', level: warning, expires_at: 2027-05-02}\n"
    )
    index_channel(folder)
    repodata = read(folder)
    assert repodata["repodata_version"] == 2
    assert repodata["info"] == {
        "subdir": "linux-64",
        "base_url": "https://packages.test/lab/linux-64/",
        "channel_relations": {"base": "../conda-forge"},
    }
    (notice,) = json.loads((folder / "notices.json").read_bytes())["notices"]
    assert (notice["message"], notice["level"]) == ("down on 1 May", "warning")
    assert "<title>tool 1.0 [linux-64]</title>" in (folder / "rss.xml").read_text()
    assert "<h1>The lab</h1>" in (folder / "index.html").read_text()
    assert not (folder / "linux-64" / "shards").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bas_url: x", "unknown keys: bas_url"),
        ("base_url: file:///etc", "not an http or https URL"),
        ("base_url: https://u:p@host/", "contains credentials"),
        ("channel_relations: {base: https://other.test}", "not allowed"),
        ("channel_relations: {bases: ../x}", "unknown keys: bases"),
        ("rss: 1", "neither true nor false"),
        ("notices: [{level: info}]", "has no message"),
        ("notices: [{message: x, level: loud}]", "level"),
        ("notices: [{message: x, expires_at: soon}]", "soon"),
        ("- a", "must be an object"),
        (b"\xff", "utf-8"),
    ],
)
def test_invalid_settings_are_refused(folder, text, message) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "channel.yaml").write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        read_settings(folder)


# Pages


def test_what_packages_say_is_escaped(folder) -> None:
    about = json.dumps({"summary": HOSTILE, "home": HOSTILE, "license": HOSTILE})
    PackageBuilder("evil").info("about.json", about).build(folder)
    index_channel(folder, settings=ChannelSettings(name=HOSTILE, rss=True))
    for path in (folder / "index.html", folder / "linux-64" / "index.html", folder / "rss.xml"):
        text = path.read_text()
        assert "<script" not in text
        assert "&lt;script&gt;" in text


# Revision 3


def test_packages_that_older_clients_cannot_read_are_in_v3(folder) -> None:
    when = 'lib >=1[when="python>=3.10"]'
    PackageBuilder("new").depends(when, "tool 1.*", "plain").build(folder)
    PackageBuilder("extra").index(extra_depends={"web": ["tool >=1"]}).build(folder, ".tar.bz2")
    PackageBuilder("flagged").index(flags=["cuda"]).build(folder)
    PackageBuilder("stated").index(schema_version=3).build(folder)
    index_channel(folder, now=1_700_000_000)
    repodata = read(folder)
    assert repodata["packages.conda"].keys() == {"tool-1.0-0.conda", "lib-1.0-0.conda"}
    assert repodata["v3"]["conda"].keys() == {"new-1.0-0", "flagged-1.0-0", "stated-1.0-0"}
    assert repodata["v3"]["conda"]["new-1.0-0"]["depends"] == [
        'lib[version=">=1",when="python>=3.10"]', 'tool[version="1.*"]', "plain",
    ]  # fmt: skip
    extra = repodata["v3"]["tar.bz2"]["extra-1.0-0"]
    assert extra["extra_depends"] == {"web": ['tool[version=">=1"]']}
    moment = 1_700_000_000_000
    assert repodata["info"]["repodata_revisions"] == {
        "v3": {"n_packages": 4, "newest": moment, "oldest": moment}
    }


def test_a_patch_can_move_a_package_to_v3(folder) -> None:
    patch = {"packages.conda": {"tool-1.0-0.conda": {"depends": ['lib[when="__unix"]']}}}
    (folder / "linux-64" / "patch_instructions.json").write_text(json.dumps(patch))
    index_channel(folder)
    assert read(folder)["packages.conda"].keys() == {"lib-1.0-0.conda"}
    assert read(folder)["v3"]["conda"]["tool-1.0-0"]["depends"] == ['lib[when="__unix"]']


def test_rattler_reads_the_index(folder) -> None:
    rattler = pytest.importorskip("rattler")
    PackageBuilder("new").depends('lib[when="__unix"]').build(folder)
    (folder / "noarch").mkdir()
    WheelBuilder("pure", "1.5").requires("lib >=1").build(folder / "noarch")
    index_channel(folder)

    async def names():
        gateway = rattler.Gateway()
        channel, platforms = rattler.Channel(folder.as_uri()), ["linux-64", "noarch"]
        specs = ["tool", "lib", "new", "pure"]
        return await gateway.query([channel], platforms, specs, recursive=False)

    found = {r.name.normalized: r for records in asyncio.run(names()) for r in records}
    assert {"tool", "lib"} <= found.keys()
    assert (
        found["tool"].sha256.hex() == read(folder)["packages.conda"]["tool-1.0-0.conda"]["sha256"]
    )


def test_wheels_of_another_subdir_are_refused(folder) -> None:
    tag = "cp311-cp311-manylinux_2_17_x86_64"
    WheelBuilder("fast", tag=tag).build(folder / "linux-64")
    (folder / "noarch").mkdir()
    WheelBuilder("fast", tag=tag).build(folder / "noarch")
    WheelBuilder("odd", tag="pp310-pypy310_pp73-win_amd64").build(folder / "noarch")
    summary = index_channel(folder)
    messages = sorted(message for _, message in summary.errors)
    assert "belongs to linux-64, not noarch" in messages[0]
    assert "no platform and python" in messages[1]
    ((key, record),) = read(folder)["v3"]["whl"].items()
    assert key == "fast-1.0-cp311_cp311_manylinux_2_17_x86_64_0"
    assert record["depends"] == [
        'python[version=">=3.11,<3.12.0a0"]', '__glibc[version=">=2.17"]',
    ]  # fmt: skip


# Runs


def test_the_time_of_the_first_listing_never_changes(folder) -> None:
    index_channel(folder, now=1_600_000_000)
    os.utime(folder / "linux-64" / "lib-1.0-0.conda", (1, 1))  # read again
    PackageBuilder("later").build(folder)
    index_channel(folder, now=1_700_000_000)
    (folder / "linux-64" / ".cache" / "minicon-index.db").unlink()  # all are read again
    index_channel(folder, now=1_800_000_000)
    records = read(folder)["packages.conda"].values()
    times = {record["name"]: record["indexed_timestamp"] // 1000 for record in records}
    assert times == {"lib": 1_600_000_000, "tool": 1_600_000_000, "later": 1_700_000_000}


def test_files_that_did_not_change_are_not_written(folder) -> None:
    index_channel(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    (folder / "linux-64" / "index.html").unlink()
    assert index_channel(folder).reused == 2
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == before
    assert (folder / "linux-64" / "index.html").exists()


def test_an_archive_that_cannot_be_read_is_not_read_again_until_it_changes(folder) -> None:
    bad = folder / "linux-64" / "bad-1-0.conda"
    bad.write_bytes(b"PK")
    assert len(index_channel(folder).errors) == 1
    summary = index_channel(folder)
    assert (len(summary.errors), summary.reused) == (1, 3)
    bad.write_bytes(PackageBuilder("bad").version("1").archive_bytes())
    assert index_channel(folder).errors == ()


def test_a_truncated_tarball_is_refused(folder) -> None:
    package = PackageBuilder("cut").file("share/a", os.urandom(2_500_000))
    whole = package.archive_bytes(".tar.bz2")
    (folder / "linux-64" / "cut-1.0-0.tar.bz2").write_bytes(whole[:-400])
    assert "cut short" in index_channel(folder).errors[0][1]


def test_processes_write_the_same_bytes_and_survive_a_killed_one(folder, monkeypatch) -> None:
    monkeypatch.setattr(shares, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(shares, "_SHARE", 1)
    index_channel(folder, workers=1, now=1)
    alone = (folder / "linux-64" / "repodata.json").read_bytes()
    (folder / "linux-64" / ".cache" / "minicon-index.db").unlink()
    (folder / "linux-64" / "repodata.json").unlink()
    index_channel(folder, workers=2, now=1)
    assert (folder / "linux-64" / "repodata.json").read_bytes() == alone

    killed = []

    class KilledWorker(shares._Worker):
        """Killed while it reads one archive, as the kernel does if memory is short."""

        def start(self, share) -> None:
            super().start(share)
            if any(archive.fn == "large-1-0.conda" for archive in share.archives):
                self._process.kill()
                killed.append(share)

    monkeypatch.setattr(shares, "_Worker", KilledWorker)
    monkeypatch.setattr(shares, "_SHARE", 2)
    names = ["tool-1.0-0.conda", "large-1-0.conda", "lib-1.0-0.conda"]
    archives = [ListedArchive(name, 0, 0) for name in names]
    read_shares = read_all(LocalRunner(2), folder / "linux-64", archives, 1)
    found = [each for share in read_shares for each in share]
    assert {each.fn: getattr(each, "message", "read") for each in found} == {
        "tool-1.0-0.conda": "read",
        "lib-1.0-0.conda": "read",
        "large-1-0.conda": "the process that read it died",
    }
    assert len(killed) == 2  # it is tried once more, alone


def test_a_full_disk_is_reported_by_the_store(tmp_path: Path) -> None:
    """SQLite reports it by an error of its own."""

    class Full(EntryStore):
        def _open(self) -> sqlite3.Connection:
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(FileError) as caught:
        Full(tmp_path / "state.db")
    assert caught.value.reference == "disk-full"
