"""PypiIndex against real indexes on the loopback interface, simple and full-featured ones."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pypi.conftest import Notes
from tests.support.package_index import PackageIndex
from tests.support.wheels import WheelBuilder

from minicon.errors import ChannelError, OfflineError, PackageError
from minicon.models.package_names import NameMap
from minicon.models.timestamps import AgeLimits
from minicon.net.routing import make_fetcher
from minicon.pypi.index.file_rules import FileRules
from minicon.pypi.index.pypi_index import PypiIndex
from minicon.pypi.urls import local_path

Open = Callable[..., PypiIndex]
LINUX = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"


def demo(version: str = "1.0", tag: str = "py3-none-any", *requires: str) -> WheelBuilder:
    return WheelBuilder("demo", version, tag).file("demo.py", "x = 1").requires(*requires)


def versions(index: PypiIndex, name: str = "demo") -> list[str]:
    return [str(release.version) for release in index.releases(name)]


@pytest.mark.parametrize("is_json", [False, True])
def test_releases_newest_first(served: PackageIndex, open_index: Open, is_json: bool) -> None:
    served.json = is_json
    for version in ("1.0", "1.10", "1.9", "2.0rc1", "1.9.post1"):
        served.add(demo(version))
    served.add_file("demo", "demo-1.11.tar.gz", b"sdist")
    served.add_file("demo", "demo-1.12.linux-x86_64.tar.gz", b"dumb")
    served.add_file("demo", "demo-1.13-py3.11.egg", b"egg")
    served.add(demo("1.14", "cp311-cp311-win_amd64"))
    served.add(demo("1.15", "cp311-cp311-musllinux_1_2_x86_64"))
    index = open_index(served.index_url)
    assert versions(index) == ["2.0rc1", "1.11", "1.10", "1.9.post1", "1.9", "1.0"]
    assert versions(index, "Demo") == versions(index)
    assert served.count("/simple/") == 1


@pytest.mark.parametrize("is_json", [False, True])
def test_fields_of_files(served: PackageIndex, open_index: Open, is_json: bool) -> None:
    served.json = is_json
    file = served.add(demo(), requires_python=">=3.8,<4", yanked="oops", metadata=b"M")
    (release,) = open_index(served.index_url).releases("demo")
    (found,) = release.files
    assert found.url == f"{served.url}/files/{file.filename}"
    assert found.sha256 == hashlib.sha256(file.data).hexdigest()
    assert found.requires_python == ">=3.8,<4"
    assert found.yanked
    assert found.metadata_sha256 == hashlib.sha256(b"M").hexdigest()
    assert found.size == (len(file.data) if is_json else None)


def test_unknown_projects(served: PackageIndex, open_index: Open) -> None:
    index = open_index(served.index_url)
    assert index.releases("unknown") == ()
    assert index.releases("../etc/passwd") == ()
    assert served.count("passwd") == 0


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_that_refuses_is_an_error(
    served: PackageIndex, open_index: Open, tmp_path: Path, status: int
) -> None:
    (tmp_path / "wheels").mkdir()
    served.statuses["/simple/demo/"] = status
    index = open_index(served.index_url, find_links=(str(tmp_path / "wheels"),))
    with pytest.raises(ChannelError, match="/simple/demo/"):
        index.releases("demo")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"[1]"),
        ("application/json", b'{"files": 1}'),
        ("application/json", b'{"meta": {"api-version": "2.0"}, "files": []}'),
        ("application/json", b"{" * 5000),
        ("application/pdf", b"%PDF"),
    ],
)
def test_invalid_answer_is_an_error(
    served: PackageIndex, open_index: Open, kind: str, body: bytes
) -> None:
    served.bodies["/simple/demo/"] = (kind, body)
    with pytest.raises(ChannelError):
        open_index(served.index_url).releases("demo")


def test_html_of_old_servers(served: PackageIndex, open_index: Open) -> None:
    digest = "0" * 64
    served.bodies["/simple/demo/"] = (
        "text/html",
        f"""<!DOCTYPE html><html><head><base href="/elsewhere/"></head><body>
        <!-- <a href="demo-9.0-py3-none-any.whl">demo-9.0-py3-none-any.whl</a> -->
        <A class=x HREF='demo-1.0-py3-none-any.whl#sha256={digest.upper()}'
           data-requires-python=">=3.8" data-gpg-sig="false">demo-1.0-py3-none-any.whl</A>
        <a href="demo-1.1%2Bcpu-py3-none-any.whl" data-requires-python="&gt;=3.9">text</a>
        <a href=demo-1.2-py3-none-any.whl?token=x>no quotes</a>
        <a href="file:///etc/demo-1.3-py3-none-any.whl">file</a>
        <a href="javascript:x()">script</a><a>empty</a><a href="../">up</a>
        <a href="https://user:secret@h.invalid/demo-1.4-py3-none-any.whl">credentials</a>
        </body></html>""".encode(),
    )
    releases = {str(r.version): r.files[0] for r in open_index(served.index_url).releases("demo")}
    assert set(releases) == {"1.0", "1.1+cpu", "1.2", "1.4"}
    assert releases["1.0"].sha256 == digest
    assert releases["1.0"].requires_python == ">=3.8"
    assert releases["1.0"].url.startswith(f"{served.url}/elsewhere/")
    assert releases["1.1+cpu"].requires_python == ">=3.9"
    assert "secret" not in releases["1.4"].url


def test_best_file(served: PackageIndex, open_index: Open) -> None:
    for wheel in (
        demo("1.0", "py3-none-any"),
        demo("1.0", LINUX),
        demo("1.0", "cp311-cp311-manylinux_2_28_x86_64"),
        demo("1.0", "cp311-cp311-manylinux_2_39_x86_64"),
    ):
        served.add(wheel)
    served.add_file("demo", "demo-1.0-2-py3-none-any.whl", demo().content())
    served.add_file("demo", "demo-1.0-10-py3-none-any.whl", demo().content())
    served.add_file("demo", "demo-1.0.tar.gz", b"sdist")
    index = open_index(served.index_url)
    (release,) = index.releases("demo")
    chosen = index.file_for(release, "3.11.7")
    assert chosen
    assert chosen.filename == "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    pure = index.file_for(release, "3.12.1")
    assert pure
    assert pure.filename == "demo-1.0-10-py3-none-any.whl"
    old = index.file_for(release, "2.7.18")
    assert old
    assert old.filename == "demo-1.0.tar.gz"
    assert not old.is_wheel
    assert index.requirements(old) == (), "what the release's wheels require"
    with pytest.raises(PackageError, match=r"cannot read demo-1\.0\.tar\.gz"):
        index.requirements(old._replace(wheel=None))


def test_yanked_and_incompatible_files(served: PackageIndex, open_index: Open) -> None:
    served.add(demo("1.0"), yanked=True)
    served.add(demo("1.1"), requires_python=">=3.12")
    index = open_index(served.index_url)
    newer, yanked = index.releases("demo")
    assert index.file_for(newer, "3.11.7") is None
    assert index.file_for(newer, "3.12.0") is not None
    assert index.file_for(yanked, "3.11.7") is None
    assert index.file_for(yanked, "3.11.7", allow_yanked=True) is not None
    assert index.python_versions(yanked) == []


def test_python_versions(served: PackageIndex, open_index: Open) -> None:
    served.add(demo("1.0", LINUX), requires_python=">=3.9")
    served.add(demo("1.0", "cp39-cp39-manylinux1_x86_64"), requires_python=">=3.9")
    served.add(demo("1.0", "cp38-cp38-manylinux1_x86_64"), requires_python=">=3.9")
    served.add(demo("2.0"), requires_python=">=3.9,<3.12")
    served.add(demo("3.0", "cp312-abi3-manylinux_2_17_x86_64"), requires_python="<3.14")
    index = open_index(served.index_url)
    third, second, first = index.releases("demo")
    assert index.python_versions(first) == ["3.11", "3.9"]
    assert index.python_versions(second) == ["3.11", "3.10", "3.9"]
    assert index.python_versions(third) == ["3.13", "3.12"]


# -- metadata --------------------------------------------------------------------------------


def requirements(index: PypiIndex, name: str = "demo", python: str = "3.11.7") -> list[str]:
    file = index.file_for(index.releases(name)[0], python)
    assert file
    return [str(r) for r in index.requirements(file)]


@pytest.mark.parametrize("ranges", ["all", "no-suffix", "none"])
def test_metadata_of_the_wheel(served: PackageIndex, open_index: Open, ranges: str) -> None:
    served.ranges = ranges
    served.add(demo("1.0", "py3-none-any", "numpy>=1.20", 'x; extra == "all"'))
    expected = ["numpy>=1.20", 'x; extra == "all"']
    assert requirements(open_index(served.index_url)) == expected
    served.requests.clear()
    assert requirements(open_index(served.index_url)) == expected
    assert not served.count("/files/"), "it is cached"


def test_metadata_by_few_ranges(served: PackageIndex, open_index: Open) -> None:
    wheel = WheelBuilder("demo").file(f"{'demo-1.0'}.dist-info/AUTHORS", "me")
    wheel.compression = 0
    wheel.requires("numpy")
    wheel.file("demo/big.bin", b"0" * 3_000_000)
    for number in range(3000):
        wheel.file(f"demo/a_module_with_a_long_name_{number}.py", "")
    data = wheel.content()
    served.add_file("demo", wheel.filename, data)
    assert requirements(open_index(served.index_url)) == ["numpy"]
    ranges = [span for path, span in served.requests if path.startswith("/files/")]
    assert len(ranges) <= 3
    assert all(ranges)
    assert sum(_span(span, len(data)) for span in ranges if span) < 1_000_000


def _span(text: str, total: int) -> int:
    first, last = text.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1 if first else min(int(last), total)


def test_separate_metadata_file(served: PackageIndex, open_index: Open) -> None:
    text = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: beside\n\n"
    served.add(demo("1.0", "py3-none-any", "inside"), metadata=text)
    assert requirements(open_index(served.index_url)) == ["beside"]
    assert served.count(".whl") == 1


def test_metadata_file_with_another_hash_is_ignored(
    served: PackageIndex, open_index: Open, notes: Notes
) -> None:
    file = served.add(demo("1.0", "py3-none-any", "inside"), metadata=b"announced")
    index = open_index(served.index_url)
    index.releases("demo")
    file.metadata = b"Name: demo\nVersion: 1.0\nRequires-Dist: evil\n\n"
    assert requirements(index) == ["inside"]
    assert any("does not match the hash in the index" in text for text in notes.warnings)


@pytest.mark.parametrize(
    "wheel",
    [
        demo("1.0", "py3-none-any", "numpy @@ 1"),
        demo().without("METADATA"),
        demo().file("other-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n"),
        demo().file("demo-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n"),
        demo().file("demo-1.0.dist-info/METADATA", "Name: demo\nVersion: 2.0\n"),
        demo().file("demo-1.0.dist-info/METADATA", "\0\xff"),
    ],
)
def test_file_with_broken_metadata_is_skipped(
    served: PackageIndex, open_index: Open, notes: Notes, wheel: WheelBuilder
) -> None:
    served.add(wheel)
    served.add_file("demo", "demo-1.0.tar.gz", b"sdist")
    index = open_index(served.index_url)
    (release,) = index.releases("demo")
    file = index.file_for(release, "3.11.7")
    assert file
    assert file.is_wheel
    with pytest.raises(PackageError, match="demo-1"):
        index.requirements(file)
    assert any("is skipped" in text for text in notes.warnings)
    other = index.file_for(release, "3.11.7")
    assert other
    assert not other.is_wheel


def test_truncated_wheel(served: PackageIndex, open_index: Open) -> None:
    served.add_file("demo", demo().filename, demo().content()[:-30])
    with pytest.raises(PackageError, match="cannot use"):
        requirements(open_index(served.index_url))


def test_requirements_of_old_tools_are_corrected(served: PackageIndex, open_index: Open) -> None:
    served.add(demo("1.0", "py3-none-any", "a (>=1.0.*)", "b>=1.0,", "c >=1 <2", "d>='2'"))
    assert requirements(open_index(served.index_url)) == ["a>=1.0", "b>=1.0", "c<2,>=1", "d>=2"]


# -- several indexes -------------------------------------------------------------------------


def test_indexes_are_merged_as_pip_does(
    served: PackageIndex, open_index: Open, tmp_path: Path
) -> None:
    served.add(demo("1.0"))
    served.add(demo("1.1"))
    folder = tmp_path / "extra" / "simple" / "demo"
    folder.mkdir(parents=True)
    local = demo("1.1").build(tmp_path / "extra" / "files")
    newest = demo("1.2+local").build(tmp_path / "extra" / "files")
    digest = hashlib.sha256(newest.read_bytes()).hexdigest()
    (folder / "index.html").write_text(
        f'<a href="../../files/{local.name}">{local.name}</a>'
        f'<a href="../../files/{newest.name}#sha256={digest}">{newest.name}</a>'
    )
    flat = demo("1.2").build(tmp_path / "flat")
    index = open_index(
        served.index_url,
        (tmp_path / "extra" / "simple").as_uri(),
        find_links=(str(flat.parent),),
    )
    assert versions(index) == ["1.2+local", "1.2", "1.1", "1.0"]
    releases = index.releases("demo")
    assert local_path(releases[0].files[0].url) == newest
    assert releases[0].files[0].sha256 == digest
    assert releases[1].files[0].url == flat.as_uri()
    assert releases[2].files[0].url.startswith(served.url), "index-url comes before the extra ones"
    assert index.releases("nothing") == ()
    file = index.file_for(releases[0], "3.11.7")
    assert file
    assert index.requirements(file) == ()


def test_find_links_page(served: PackageIndex, open_index: Open) -> None:
    served.bodies["/flat.html"] = (
        "text/html",
        b'<a href="files/demo-1.0-py3-none-any.whl">x</a><a href="files/other-1.0.tar.gz">y</a>',
    )
    index = open_index(find_links=(f"{served.url}/flat.html",))
    assert versions(index) == ["1.0"]
    assert versions(index, "other") == ["1.0"]
    assert served.count("/flat.html") == 1


def test_missing_find_links_is_a_warning(
    served: PackageIndex, open_index: Open, tmp_path: Path, notes: Notes
) -> None:
    served.add(demo())
    index = open_index(served.index_url, find_links=(str(tmp_path / "missing"),))
    assert versions(index) == ["1.0"]
    assert versions(index, "other") == []
    (warning,) = notes.warnings
    assert "missing" in warning


def test_direct_wheel_hides_all_other_releases(
    served: PackageIndex, open_index: Open, tmp_path: Path
) -> None:
    from minicon.models.indexes.wheel_index import DistributionFile

    served.add(demo("2.0"))
    path = demo("1.0", "py3-none-any", "numpy").build(tmp_path)
    direct = DistributionFile(filename=path.name, url=path.as_uri())
    index = open_index(served.index_url, direct=[direct])
    (release,) = index.releases("demo")
    file = index.file_for(release, "3.11.7")
    assert file
    assert file.url == direct.url
    record = index.record_for(release, file, "3.11.7", [])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert record.sha256 == digest
    assert record.data["direct_url"] == {
        "archive_info": {"hashes": {"sha256": digest}},
        "url": path.as_uri(),
    }
    assert not served.requests


def test_a_local_file_that_was_replaced_is_read_again(
    served: PackageIndex, open_index: Open, tmp_path: Path
) -> None:
    from minicon.models.indexes.wheel_index import DistributionFile

    for needed in ("numpy", "scipy"):  # wheels of the same size
        wheel = demo("1.0", "py3-none-any", needed)
        path = wheel.build(tmp_path)
        os.utime(path, (0, len(needed) + ord(needed[0])))
        file = DistributionFile(filename=path.name, url=path.as_uri(), size=path.stat().st_size)
        assert [r.name for r in open_index(served.index_url).requirements(file)] == [needed]


def test_a_hash_that_no_index_lists_is_computed(served: PackageIndex, open_index: Open) -> None:
    listed = served.add(demo("1.0"), sha256=None)
    index = open_index(served.index_url)
    (release,) = index.releases("demo")
    record = index.record_for(release, release.files[0], "3.11.7", [])
    assert record.sha256 == hashlib.sha256(listed.data).hexdigest()


def test_hashes_choose_files(served: PackageIndex, open_index: Open) -> None:
    wanted = served.add(demo("1.0"))
    served.add(demo("2.0"))
    digest = wanted.listed_sha256
    assert digest
    index = open_index(served.index_url, rules=FileRules(hashes={"demo": frozenset({digest})}))
    assert versions(index) == ["1.0"]


def test_exclude_newer(served: PackageIndex, open_index: Open) -> None:
    served.json = True
    served.add(demo("1.0"), upload_time="2024-01-01T00:00:00Z")
    served.add(demo("2.0"), upload_time="2024-06-01T00:00:00.123456Z")
    served.add(demo("3.0"))
    limit = 1_714_521_600_000  # 2024-05-01
    assert versions(open_index(served.index_url, rules=FileRules(age_limits=AgeLimits(limit)))) == [
        "1.0"
    ]
    assert open_index(served.index_url).releases("demo")[1].files[0].upload_time == 1717200000123


@pytest.mark.parametrize("is_json", [False, True])
def test_quarantined_projects(
    served: PackageIndex, open_index: Open, notes: Notes, is_json: bool
) -> None:
    served.json, served.project_status = is_json, "quarantined"
    served.add(demo())
    index = open_index(served.index_url)
    assert versions(index) == []
    assert any("quarantined" in text for text in notes.warnings)


# -- records ---------------------------------------------------------------------------------


def test_record(served: PackageIndex, open_index: Open) -> None:
    served.json = True
    served.add(
        WheelBuilder("Demo.Pkg", "1.0", LINUX).file("x.py").header("License-Expression: MIT"),
        upload_time="2024-01-01T00:00:00Z",
    )
    index = open_index(served.index_url)
    (release,) = index.releases("demo_pkg")
    file = index.file_for(release, "3.11.7")
    assert file
    index.requirements(file)
    record = index.record_for(release, file, "3.11.7", ["numpy >=1.20"])
    assert record.dist_name == "demo-pkg-1.0-pypi_0"
    assert (record.channel, record.subdir, record.source) == ("pypi", "linux-64", "pypi")
    assert record.depends == ("numpy >=1.20", "python >=3.11,<3.12.0a0")
    assert record.noarch == "python"
    assert record.license == "MIT"
    assert record.timestamp == 1704067200000
    assert record.size == len(served.projects["demo-pkg"][0].data)
    assert record.data["purls"] == ["pkg:pypi/demo-pkg@1.0"]
    assert record.data["python"] == "3.11"
    again = index.record_for(release, file, "3.11.7", ["python 3.11.*"])
    assert again.depends == ("python 3.11.*",)


def test_record_of_a_pure_wheel_is_noarch(served: PackageIndex, open_index: Open) -> None:
    served.add(demo())
    index = open_index(served.index_url)
    (release,) = index.releases("demo")
    record = index.record_for(release, release.files[0], "3.12.0", [])
    assert record.subdir == "noarch"


# -- the cache -------------------------------------------------------------------------------


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_pages_are_fresh_for_ten_minutes(served: PackageIndex, open_index: Open) -> None:
    served.add(demo("1.0"), requires_python=">=3.8", upload_time=None)
    clock = Clock()
    before = open_index(served.index_url, clock=clock).releases("demo")
    served.add(demo("2.0"))
    clock.now += 599
    assert tuple(open_index(served.index_url, clock=clock).releases("demo")) == tuple(before)
    assert served.count("/simple/") == 1
    clock.now += 2
    assert versions(open_index(served.index_url, clock=clock)) == ["2.0", "1.0"]
    clock.now -= 5000  # a clock that was set back makes pages stale, not fresh forever
    open_index(served.index_url, clock=clock).releases("demo")
    assert served.count("/simple/") == 3


def test_refresh_sends_requests_again(served: PackageIndex, open_index: Open) -> None:
    served.add(demo("1.0"))
    open_index(served.index_url).releases("demo")
    served.add(demo("2.0"))
    assert versions(open_index(served.index_url)) == ["1.0"]
    assert versions(open_index(served.index_url, refresh=True)) == ["2.0", "1.0"]


def test_cache_control_and_etag(served: PackageIndex, open_index: Open) -> None:
    served.etag, served.cache_control = True, "max-age=50"
    served.add(demo("1.0"))
    clock = Clock()
    open_index(served.index_url, clock=clock).releases("demo")
    clock.now += 51
    assert versions(open_index(served.index_url, clock=clock)) == ["1.0"]
    assert versions(open_index(served.index_url, clock=clock)) == ["1.0"]
    assert served.count("/simple/") == 2
    served.add(demo("2.0"))
    clock.now += 51
    assert versions(open_index(served.index_url, clock=clock)) == ["2.0", "1.0"]


def test_unknown_projects_are_cached(served: PackageIndex, open_index: Open) -> None:
    for _ in range(2):
        assert open_index(served.index_url).releases("unknown") == ()
    assert served.count("/simple/") == 1


def test_offline_uses_the_cache(served: PackageIndex, open_index: Open, tmp_path: Path) -> None:
    served.add(demo("1.0", "py3-none-any", "numpy"))
    clock = Clock()
    requirements(open_index(served.index_url, clock=clock))
    clock.now += 100_000
    offline = make_fetcher(offline=True, home=tmp_path, environment={})
    index = open_index(served.index_url, clock=clock, fetcher=offline)
    assert requirements(index) == ["numpy"]
    with pytest.raises(OfflineError):
        index.releases("other")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"fetched":1,"expires":9e99}\n[1]'])
def test_bad_cache_files_are_misses(
    served: PackageIndex, open_index: Open, tmp_path: Path, content: bytes
) -> None:
    served.add(demo("1.0", "py3-none-any", "numpy"))
    requirements(open_index(served.index_url))
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_bytes(content)
    assert requirements(open_index(served.index_url)) == ["numpy"]


def test_cached_page_equals_the_fetched_one(served: PackageIndex, open_index: Open) -> None:
    served.json = True
    served.add(
        demo("1.0"), requires_python=">=3.8", upload_time="2024-01-01T00:00:00Z", metadata=b"M"
    )
    served.add(demo("1.1+cpu"), yanked="why")
    served.add_file("demo", "demo-1.1.tar.gz", b"sdist", sha256=None)
    fresh = open_index(served.index_url).releases("demo")
    assert tuple(open_index(served.index_url).releases("demo")) == tuple(fresh)
    assert served.count("/simple/") == 1


# -- threads ---------------------------------------------------------------------------------


def test_prefetch(served: PackageIndex, open_index: Open) -> None:
    for number in range(20):
        served.add(WheelBuilder(f"p{number}").requires(f"p{number + 1}"))
    index = open_index(served.index_url)
    index.prefetch([f"p{number}" for number in range(20)], "3.11.7")
    index.prefetch(["p1", "gone"], "3.11.7")
    for number in range(20):
        assert requirements(index, f"p{number}") == [f"p{number + 1}"]
    assert served.count("/simple/p") == 20
    assert served.count("/files/") == 20


def test_many_threads_send_one_request(served: PackageIndex, open_index: Open) -> None:
    served.add(demo())
    index = open_index(served.index_url)
    threads = [threading.Thread(target=index.releases, args=("demo",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.count("/simple/") == 1


# -- names -----------------------------------------------------------------------------------


def test_built_in_names() -> None:
    names = NameMap.built_in()
    assert names.pypi_name("pytorch") == "torch"
    assert names.conda_names("torch")[0] == "pytorch"
    assert names.pypi_name("numpy") == "numpy"
    assert "numpy" in names.conda_names("numpy")
    assert names.conda_names("ruamel-yaml")[0] == "ruamel.yaml"
    assert names.pypi_name("ruamel.yaml") == "ruamel-yaml"
    assert names.conda_names("msgpack") == ("msgpack-python",)
    for project in ("opencv-python", "opencv-contrib-python", "opencv-python-headless"):
        assert names.conda_names(project) == ("py-opencv",)
    assert names.pypi_name("py-opencv") == "opencv-python"
    assert names.conda_names("psycopg2-binary") == names.conda_names("psycopg2") == ("psycopg2",)
    # Channels have packages with these names that are not Python projects.
    assert "tzdata" not in names.conda_names("tzdata")
    assert "graphviz" not in names.conda_names("graphviz")
    assert names.conda_names("some-thing") == ("some-thing", "some_thing", "some.thing")
    assert names.conda_names("Zope.Interface")[0] == "zope.interface"


def test_nothing_is_fetched_ahead_offline(served: PackageIndex, open_index: Open) -> None:
    served.add(demo())
    index = open_index(served.index_url, offline=True)
    index.prefetch(["demo"], "3.11.7")
    index.prefetch_requirements(open_index(served.index_url).releases("demo")[0].files)
    time.sleep(0.1)
    assert served.count("/simple/") == 1, "by the other index"
    assert not served.count("/files/")
