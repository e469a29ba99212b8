"""Contents of packages are read before they are fetched, in as few bytes as possible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.api_world import Notes, make_services
from tests.support.channel_server import ChannelServer, Fault, NoRange, Reset, Status
from tests.support.packages import PackageBuilder, build_channel

from minicon.api.package_previews import preview_packages
from minicon.errors import HashMismatch
from minicon.models.records import RepodataRecord
from minicon.package.cache.preview_store import FOLDER, PackagePreview

NOISE = bytes(range(256)) * 400


def package(name: str) -> PackageBuilder:
    return PackageBuilder(name).file("share/noise", NOISE, no_link=True).script("post-link", "true")


NAMES = ("one", "three", "two")


@pytest.fixture(params=[".conda", ".tar.bz2"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(tmp_path: Path, kind: str) -> Iterator[ChannelServer]:
    build_channel(tmp_path / "channel", list(map(package, NAMES)), kind)
    with ChannelServer(tmp_path / "channel") as running:
        yield running


def records(channel: str, folder: Path, kind: str) -> list[RepodataRecord]:
    paths = [folder / "linux-64" / f"{name}-1.0-0{kind}" for name in NAMES]
    builders = map(package, NAMES)
    return [b.record(p, channel) for b, p in zip(builders, paths, strict=True)]


def scripts(preview: PackagePreview) -> set[str]:
    return set(preview.paths)


def test_one_or_two_requests_are_enough_for_a_package(
    tmp_path: Path, server: ChannelServer, kind: str
) -> None:
    services = make_services(tmp_path)
    wanted = records(server.url, tmp_path / "channel", kind)
    found = preview_packages(services, wanted)
    assert {r.name: scripts(f) for r, f in found.shown.items()} == {
        name: {f"bin/.{name}-post-link.sh"} for name in NAMES
    }
    assert (found.fetched, found.unknown) == (frozenset(), ())
    assert server.count() == len(NAMES)
    if kind == ".conda":
        assert all(r.headers["Range"] == "bytes=-65536" for r in server.requests)
    assert len(services.package_cache.missing(wanted)) == len(NAMES)


def test_what_was_read_is_not_requested_again(
    tmp_path: Path, server: ChannelServer, kind: str
) -> None:
    wanted = records(server.url, tmp_path / "channel", kind)
    first = preview_packages(make_services(tmp_path), wanted)
    server.requests.clear()
    assert preview_packages(make_services(tmp_path), wanted) == first
    assert server.count() == 0

    folder = make_services(tmp_path).cache_dir / FOLDER
    kept = sorted(folder.iterdir())
    kept[0].write_text('{"paths": ["bin/.one-post-link.sh"], "noarch": 1}')
    kept[1].write_bytes(b"")
    changed = [
        RepodataRecord(
            {**each.data, **({"sha256": "0" * 64} if each.name == "one" else {})},
            channel=each.channel, subdir=each.subdir, fn=each.fn, url=each.url,
        )
        for each in wanted
    ]  # fmt: skip
    again = preview_packages(make_services(tmp_path), changed)
    assert {r.name: each for r, each in again.shown.items()} == {
        r.name: each for r, each in first.shown.items()
    }
    assert server.count() >= 2


def test_files_of_this_machine_are_read_where_they_are(tmp_path: Path, kind: str) -> None:
    channel = build_channel(tmp_path / "channel", list(map(package, NAMES)), kind)
    services = make_services(tmp_path, offline=True)
    found = preview_packages(services, records(channel.as_uri(), channel, kind))
    assert len(found.shown) == len(NAMES)
    assert not found.fetched


class Garbage(Fault):
    """Answer requests for a part with wrong bytes of the right length."""

    def apply(self, handler) -> None:
        if "Range" in handler.headers or not handler.path.endswith(".conda"):
            handler.respond_file(change=lambda body: bytes(len(body)))
        else:
            handler.serve_file()


@pytest.mark.parametrize("fault", [NoRange(), Garbage()])
def test_packages_that_cannot_be_read_in_part_are_fetched_and_verified(
    tmp_path: Path, server: ChannelServer, kind: str, fault: Fault
) -> None:
    server.fault(f"*/one-*{kind}", fault, times=1)
    services = make_services(tmp_path)
    wanted = records(server.url, tmp_path / "channel", kind)
    found = preview_packages(services, wanted)
    assert len(found.shown) == len(NAMES)
    is_readable = kind == ".tar.bz2" and isinstance(fault, NoRange)
    assert {r.name for r in found.fetched} == (set() if is_readable else {"one"})
    missing = {record.name for record in services.package_cache.missing(wanted)}
    assert missing == set(NAMES) - {r.name for r in found.fetched}


def test_a_damaged_package_is_reported_before_the_plan(
    tmp_path: Path, server: ChannelServer, kind: str
) -> None:
    path = tmp_path / "channel" / "linux-64" / f"one-1.0-0{kind}"
    wanted = records(server.url, tmp_path / "channel", kind)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(HashMismatch):
        preview_packages(make_services(tmp_path), wanted)


def test_packages_that_the_server_lacks_stay_unknown(
    tmp_path: Path, server: ChannelServer, kind: str
) -> None:
    server.fault("*/one-*", Status(404))
    notes = Notes()
    services = make_services(tmp_path, notes)
    found = preview_packages(services, records(server.url, tmp_path / "channel", kind))
    assert [record.name for record in found.unknown] == ["one"]
    assert len(found.shown) == 2
    (warning,) = notes.warnings
    assert "the link scripts of one are unknown" in warning


@pytest.mark.parametrize("offline", [True, False])
def test_an_unreachable_server_is_no_error_and_tried_once(
    tmp_path: Path, server: ChannelServer, kind: str, offline: bool
) -> None:
    server.fault("*", Reset())
    notes = Notes()
    services = make_services(tmp_path, notes, offline=offline, remote_max_retries=0)
    found = preview_packages(services, records(server.url, tmp_path / "channel", kind))
    assert [record.name for record in found.unknown] == sorted(NAMES)
    assert "one, three, two are unknown" in notes.warnings[0]
    assert offline is (server.count() == 0)


def test_no_request_is_made_where_nothing_is_missing(tmp_path: Path) -> None:
    assert not preview_packages(make_services(tmp_path), ()).shown
