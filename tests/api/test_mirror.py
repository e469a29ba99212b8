"""``channel mirror``: a part of a channel, as its source publishes it."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.commands import QuickWorkspace
from tests.support.packages import PackageBuilder
from tests.support.wheels import WheelBuilder

from minicon.publish.channel_index import index_channel


@pytest.fixture
def source(tmp_path):
    """app needs lib <2 and pure; extra needs more if requested; other is not needed."""
    folder = tmp_path / "source"
    for version in ("1.0", "1.5", "2.0"):
        PackageBuilder("lib").version(version).build(folder)
    app = PackageBuilder("app").depends("lib", "pure", "__glibc >=2")
    app.build(folder)
    app.version("2.0").depends('winlib[when="__win"]', "absent").build(folder)
    PackageBuilder("group").index(extra_depends={"x": ["other"]}).build(folder, ".tar.bz2")
    for name in ("other", "winlib"):
        PackageBuilder(name).build(folder)
    (folder / "noarch").mkdir()
    WheelBuilder("pure").build(folder / "noarch")
    patch = {
        "packages.conda": {
            "app-1.0-0.conda": {"depends": ["lib <2", "pure"], "license": "MIT"},
            "lib-1.5-0.conda": {"timestamp": None},
        }
    }
    (folder / "linux-64" / "patch_instructions.json").write_text(json.dumps(patch))
    index_channel(folder, now=1_600_000_000)
    return folder


@pytest.fixture
def server(source):
    with ChannelServer(source) as running:
        yield running


@pytest.fixture
def workspace(tmp_path):
    return QuickWorkspace(tmp_path)


def mirror(workspace, server, *words, code=0):
    target = workspace.folder / "mirror"
    done = workspace.run("channel", "mirror", server.url, str(target), "--json", *words)
    assert done.code == code, done.err + done.out
    return done.json


def archives(workspace):
    found = (workspace.folder / "mirror").glob("*/*")
    return {p.name for p in found if p.suffix in (".conda", ".bz2", ".whl")}


def records(folder, subdir="linux-64"):
    document = json.loads((folder / subdir / "repodata.json").read_bytes())
    sections = (document["packages"], document["packages.conda"], *document.get("v3", {}).values())
    return {key: record for section in sections for key, record in section.items()}


def test_what_specs_need_is_mirrored_with_the_records_of_the_source(
    workspace, server, source
) -> None:
    done = mirror(workspace, server, "--specs", "app=1.0")
    assert (done["packages"], done["downloaded"], done["missing"]) == (4, 4, ["python"])
    assert archives(workspace) == {
        "app-1.0-0.conda", "lib-1.0-0.conda", "lib-1.5-0.conda", "pure-1.0-py3-none-any.whl",
    }  # fmt: skip
    mirrored = records(workspace.folder / "mirror")
    assert mirrored == {key: records(source)[key] for key in mirrored}
    assert records(workspace.folder / "mirror", "noarch") == records(source, "noarch")

    again = mirror(workspace, server, "--specs", "app=1.0")
    assert again["downloaded"] == 0
    workspace.run("channel", "index", str(workspace.folder / "mirror")).ok()
    assert records(workspace.folder / "mirror") == mirrored


def test_old_versions_are_removed_on_request(workspace, server) -> None:
    mirror(workspace, server, "--specs", "app=1.0")
    mirror(workspace, server, "--specs", "group[extras=[x]]")
    assert "app-1.0-0.conda" in archives(workspace)
    done = mirror(workspace, server, "--specs", "app=1.0", "--newest", "--prune")
    assert "linux-64/lib-1.0-0.conda" in done["removed"]
    assert archives(workspace) == {
        "app-1.0-0.conda", "lib-1.5-0.conda", "pure-1.0-py3-none-any.whl",
    }  # fmt: skip


def test_extras_and_conditions_are_followed(workspace, server) -> None:
    done = mirror(workspace, server, "--specs", "group[extras=[x]]", "app=2.0")
    assert {"group-1.0-0.tar.bz2", "other-1.0-0.conda", "winlib-1.0-0.conda"} < archives(workspace)
    assert done["missing"] == ["absent", "python"]


def test_an_interrupted_mirror_is_continued(workspace, server, source) -> None:
    whole = workspace.folder / "whole"
    shutil.copytree(source, whole)
    damaged = source / "linux-64" / "lib-1.5-0.conda"
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    mirror(workspace, server, "--specs", "app=1.0", code=1)
    target = workspace.folder / "mirror"
    assert not (target / "linux-64" / "repodata.json").exists()
    assert not (target / "linux-64" / "lib-1.5-0.conda").exists()
    shutil.copy(whole / "linux-64" / damaged.name, damaged)
    (target / "linux-64").mkdir(exist_ok=True)
    (target / "linux-64" / "lib-1.0-0.conda").write_bytes(b"cut")
    assert 2 <= mirror(workspace, server, "--specs", "app=1.0")["downloaded"] <= 4
    assert (target / "linux-64" / "lib-1.0-0.conda").read_bytes() != b"cut"


def test_a_spec_without_a_package_is_an_error(workspace, server) -> None:
    done = mirror(workspace, server, "--specs", "nothing", code=1)
    assert "no package for nothing" in json.dumps(done)
    assert not (workspace.folder / "mirror").exists()
