"""Index files compared with those of conda-index and conda-pypi, key by key.

The differences are listed here, each with its reason.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from tests.support import index_peers
from tests.support.channel_server import ChannelServer
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder
from tests.support.wheels import WheelBuilder

from minicon.models.match_spec.spec import MatchSpec
from minicon.publish.channel_index import index_channel

pytestmark = pytest.mark.skipif(
    not index_peers.is_installed(), reason="conda-index is missing: ./dev clients"
)
#: Keys that only minicon writes: CEP 47 requires the time.
OURS = {"indexed_timestamp"}
#: Keys that only conda-index writes: a hash of the ``.tar.bz2`` that does not exist.
THEIRS = {"legacy_bz2_md5": None}


def packages() -> list[tuple[PackageBuilder, str]]:
    """Return packages with everything that index files depend on."""
    about = {
        "summary": "A tool\nfor tests", "home": "https://tool.test", "license": "MIT",
        "doc_url": "https://docs.test", "dev_url": "https://dev.test",
    }  # fmt: skip
    recipe = (
        "package:\n  name: tool\nsource:\n  url: https://tool.test/1.tgz\n\nbuild:\n  number: 0\n"
    )
    tool = PackageBuilder("tool").info("about.json", json.dumps(about))
    tool = tool.info("recipe/meta.yaml", recipe)
    scripts = (
        PackageBuilder("scripts").file("etc/conda/activate.d/a.sh", "x").script("post-link", "")
    )
    placed = PackageBuilder("placed").file("bin/x", PREFIX_PLACEHOLDER, prefix=PREFIX_PLACEHOLDER)
    featured = PackageBuilder("featured").version("1.0").build_string("f_0")
    return [
        (tool.depends("lib <2"), ".conda"),
        (tool.version("1.1").depends("lib <2").index(license="BSD-3-Clause"), ".conda"),
        (PackageBuilder("lib").info("run_exports.json", '{"weak": ["lib >=1"]}'), ".tar.bz2"),
        (PackageBuilder("lib").version("2.0").constrains("tool >=1"), ".conda"),
        (PackageBuilder("lib").version("1.5").index(arch="x86_64", platform="linux"), ".conda"),
        (PackageBuilder("twice").file("share/a", "a"), ".conda"),
        (PackageBuilder("twice").file("share/a", "a"), ".tar.bz2"),
        (featured.index(track_features="slow", features="slow"), ".conda"),
        (PackageBuilder("featured").version("0.9"), ".conda"),
        (scripts, ".tar.bz2"),
        (placed, ".conda"),
        (PackageBuilder("bad").version("3"), ".conda"),
        (PackageBuilder("gone").version("3"), ".tar.bz2"),
        (PackageBuilder("pure").noarch("python").depends("python >=3.8"), ".conda"),
    ]


PATCHES = {
    "patch_instructions_version": 1,
    "packages": {"lib-1.0-0.tar.bz2": {"depends": ["libc"], "license": "MIT"}},
    "packages.conda": {"lib-2.0-0.conda": {"constrains": None}},
    "revoke": ["bad-3-0.tar.bz2"],
    "remove": ["gone-3-0.tar.bz2"],
}


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """One directory of packages, indexed by both."""
    folder = tmp_path_factory.mktemp("channels")
    for package, kind in packages():
        package.build(folder / "ours", kind)
    instructions = folder / "ours" / "linux-64" / "patch_instructions.json"
    instructions.write_text(json.dumps(PATCHES))
    shutil.copytree(folder / "ours", folder / "theirs")
    index_channel(folder / "ours")
    shutil.copytree(folder / "theirs", folder / "unpatched")
    (folder / "unpatched" / "linux-64" / "patch_instructions.json").unlink()
    index_channel(folder / "unpatched")
    run_peer("index", folder / "theirs", "--channeldata", "--zst", "--run-exports",
             "--current-repodata", "--write-shards", "--threads", "1")  # fmt: skip
    return folder


def run_peer(*words) -> None:
    argv = [str(index_peers.PYTHON), index_peers.__file__, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_patches_apply_to_shards(channels, tmp_path) -> None:
    from minicon.models.channel import Channel
    from minicon.net.routing import make_fetcher
    from minicon.repodata.client import ChannelClient

    with ChannelServer(channels / "ours") as server:
        client = ChannelClient(make_fetcher, tmp_path)
        ((linux,),) = client.indices([Channel("c", server.url)], ["linux-64"])
        assert {r.version: r.depends for r in linux.records_for("lib")}["1.0"] == ("libc",)
        assert [r.depends for r in linux.records_for("bad")] == [("package_has_been_revoked",)]
        assert linux.records_for("gone") == ()
        assert server.count("*/shards/*")


def read(path):
    return json.loads(path.read_bytes())


def without_listed_differences(document):
    if not isinstance(document, dict):
        return document
    return {
        key: without_listed_differences(value)
        for key, value in document.items()
        if key not in OURS and (key not in THEIRS or value != THEIRS[key])
    }


@pytest.mark.parametrize("subdir", ["linux-64", "noarch"])
@pytest.mark.parametrize("name", ["repodata", "current_repodata", "run_exports"])
def test_every_record_and_key_is_the_same(channels, subdir, name) -> None:
    ours, theirs = (read(channels / who / subdir / f"{name}.json") for who in ("ours", "theirs"))
    assert without_listed_differences(ours) == without_listed_differences(theirs)
    if name == "repodata":
        records = [r for section in ("packages", "packages.conda") for r in ours[section].values()]
        assert all(record["indexed_timestamp"] for record in records)


def test_records_before_patches_are_the_same(channels) -> None:
    path = "linux-64/repodata_from_packages.json"
    ours, theirs = read(channels / "ours" / path), read(channels / "theirs" / path)
    assert without_listed_differences(ours) == without_listed_differences(theirs)


def test_channeldata_is_the_same(channels) -> None:
    ours, theirs = (read(channels / who / "channeldata.json") for who in ("ours", "theirs"))
    assert ours == theirs
    assert ours["packages"]["tool"]["source_url"] == "https://tool.test/1.tgz"


def test_shards_are_the_same(channels) -> None:
    import msgpack
    import zstandard

    def unpack(path):
        return msgpack.unpackb(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())

    shards = {}
    # conda-index does not apply patch_instructions.json to shards.
    for who, where in (("unpatched", "shards"), ("theirs", ".")):
        folder = channels / who / "linux-64"
        index = unpack(folder / "repodata_shards.msgpack.zst")["shards"]
        shards[who] = {
            name: {
                key: section
                for key, section in unpack(folder / where / f"{digest.hex()}.msgpack.zst").items()
                if section or key != "removed"
            }
            for name, digest in index.items()
        }
    unpatched, theirs = map(without_listed_differences, (shards["unpatched"], shards["theirs"]))
    assert unpatched == theirs


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The same wheels, indexed by both, in the layout of each."""
    folder = tmp_path_factory.mktemp("wheels")
    extra = WheelBuilder("web-tool", "2.1").header("Provides-Extra: fast")
    extra = extra.requires("lib <3,>=2", "speed ~=1.4; extra == 'fast'", "six[x]")
    extra = extra.requires("old; python_version < '3.11'", "winreg; sys_platform == 'win32'")
    for wheel in (extra.header("Requires-Python: >=3.8"), WheelBuilder("lib", "2.5")):
        for target in (folder / "ours" / "noarch", folder / "theirs" / wheel.name):
            target.mkdir(parents=True, exist_ok=True)
            wheel.build(target)
    assert index_channel(folder / "ours").errors == ()
    run_peer("wheels", folder / "theirs")
    return folder


def test_records_of_wheels_are_the_same(wheels) -> None:
    ours, theirs = (
        read(wheels / who / "noarch" / "repodata.json")["v3"]["whl"] for who in ("ours", "theirs")
    )
    assert ours.keys() == theirs.keys() == {"web-tool-2.1-py3_none_any_0", "lib-2.5-py3_none_any_0"}
    for key, record in ours.items():
        other = theirs[key]
        # The URL is relative, so that a channel can be moved; md5 is known; no time is made up.
        assert record.pop("url") == record["fn"] == other.pop("url").rpartition("/")[2]
        assert (len(record.pop("md5")), other.pop("md5"), other.pop("timestamp")) == (32, None, 0)
        assert record.pop("indexed_timestamp")
        for group in (record, other):
            group["depends"] = meaning(group["depends"])
            extras = group["extra_depends"].items()
            group["extra_depends"] = {name: meaning(texts) for name, texts in extras}
        assert record == other


def meaning(texts):
    """Dependencies as fields: CEP 48 requires brackets, which conda-pypi does not write."""
    found = []
    for text in texts:
        spec = MatchSpec(text.replace("][", ","))
        fields = {k: v for k, v in spec.to_fields().items() if k != "version"}
        parts = sorted(str(spec.version or "").replace("3.11.0a0", "3.11").split(","))
        if "when" in fields:  # 3.11.0a0 is older than 3.11, as markers mean it
            fields["when"] = fields["when"].replace(".0a0", "")
        # ~=1.4 is written out in two ways that have the same meaning.
        same = {"<2.0a0": "1.*"}
        found.append((fields, sorted(same.get(part, part) for part in parts)))
    return sorted(found, key=str)


def test_a_channel_that_conda_pypi_wrote_can_be_read(wheels, tmp_path) -> None:
    from minicon.models.channel import Channel
    from minicon.net.routing import make_fetcher
    from minicon.repodata.client import ChannelClient

    client = ChannelClient(make_fetcher, tmp_path)
    channel = Channel("c", (wheels / "theirs").as_uri())
    ((noarch,),) = client.indices([channel], ["noarch"])
    (record,) = noarch.records_for("web-tool")
    assert record.url == (wheels / "theirs/web-tool/web_tool-2.1-py3-none-any.whl").as_uri()
    assert record.is_wheel
    assert "lib<3a0,>=2" in record.depends
