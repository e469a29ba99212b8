"""Archives are read on a real Dask cluster of processes."""

from __future__ import annotations

import os
import signal
import warnings

import pytest
from tests.support.packages import PackageBuilder
from tests.support.s3_server import KEY, SECRET

from minicon.errors import UsageError
from minicon.net.routing import make_fetcher
from minicon.publish.channel_index import index_channel
from minicon.publish.reading import shares
from minicon.publish.reading.dask_runner import DaskRunner
from minicon.publish.reading.sources import S3Source

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)  # workers have their own credentials
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1",
        ) as running:  # fmt: skip
            yield running


@pytest.fixture
def folder(tmp_path):
    for number in range(24):
        PackageBuilder(f"package{number}").build(tmp_path / "channel")
    (tmp_path / "channel" / "linux-64" / "bad-1-0.conda").write_bytes(b"PK")
    return tmp_path / "channel"


def forget(folder) -> None:
    for path in folder.glob("*/.cache/*.db"):
        path.unlink()
    for path in folder.glob("*/*.json"):
        path.unlink()


def test_a_cluster_writes_the_same_bytes(folder, cluster) -> None:
    index_channel(folder, workers=1, now=1)
    alone = {path.name: path.read_bytes() for path in folder.glob("linux-64/*.json*")}
    forget(folder)
    with DaskRunner(cluster.scheduler_address) as runner:
        summary = index_channel(folder, runner=runner, now=1)
    assert {path.name: path.read_bytes() for path in folder.glob("linux-64/*.json*")} == alone
    assert [path.name for path, _ in summary.errors] == ["bad-1-0.conda"]


def test_a_killed_worker_costs_its_share_only(folder, cluster, monkeypatch) -> None:
    monkeypatch.setattr(shares, "_SHARE", 1)
    with DaskRunner(cluster.scheduler_address) as runner:
        first = next(iter(cluster.workers.values()))
        os.kill(first.pid, signal.SIGKILL)  # the scheduler notices once it has work for it
        summary = index_channel(folder, runner=runner)
    assert summary.counts["linux-64"] == 24
    assert len(summary.errors) == 1


def test_a_bucket_is_read_by_the_cluster(folder, cluster, server, tmp_path, monkeypatch) -> None:
    """By workers that have the bucket's credentials; one of them is killed."""
    monkeypatch.setattr(shares, "_SHARE", 8)
    index_channel(folder, workers=1, now=1)
    alone = {path.name: path.read_bytes() for path in folder.glob("linux-64/*.json*")}
    with DaskRunner(cluster.scheduler_address) as runner:
        server.upload(folder, "cluster", "lab")
        options = server.options("cluster")
        fetcher = make_fetcher(s3_options=options)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        source = S3Source(fetcher, "s3://cluster/lab", options)
        index_channel(tmp_path / "out" / "channel", source=source, runner=runner, now=1)
        fetcher.close()
    found = tmp_path.glob("out/channel/linux-64/*.json*")
    assert {path.name: path.read_bytes() for path in found} == alone


def test_a_scheduler_that_does_not_respond_is_named(monkeypatch) -> None:
    monkeypatch.setattr("minicon.publish.reading.dask_runner._SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"no Dask scheduler responds at tcp://127.0.0.1:1"):
        DaskRunner("tcp://127.0.0.1:1")
