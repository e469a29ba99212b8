"""Environments and packages on real clusters, in a tier of its own.

``MINICON_CLUSTERS`` names a Python with pyspark (which needs Java) and distributed::

    MINICON_CLUSTERS=/path/to/venv/bin/python ./dev test tests/clusters
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.wheels import WheelBuilder

import minicon

PYTHON = os.environ.get("MINICON_CLUSTERS", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="MINICON_CLUSTERS names no Python")
MODULE = "def answer(x):\n    return x + 40\n"


def has(module: str) -> bool:
    return not subprocess.run([PYTHON, "-c", f"import {module}"], check=False).returncode


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return WheelBuilder("onlythere", "1.0").file("onlythere.py", MODULE).build(tmp_path / "wheels")


MASTER = "local-cluster[1,1,1024]"
SPARK_JOB = """
import sys
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

builder = SparkSession.builder.config("spark.ui.enabled", "false")
if sys.argv[1:]:
    builder = builder.master("local-cluster[1,1,1024]")
    builder = builder.config("spark.archives", sys.argv[1] + "#environment")
spark = builder.getOrCreate()
@udf("string")
def where(x):
    import onlythere, sys
    return f"{onlythere.answer(x)} {sys.executable}"

print("found:", spark.range(1, 3).select(where("id")).collect())
spark.stop()
"""


def test_a_spark_job_uses_the_environment(tmp_path: Path, wheel: Path) -> None:
    if not has("pyspark") or not shutil.which("java"):
        pytest.skip("needs pyspark and java")
    version = subprocess.run(
        [PYTHON, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    workspace = Workspace(tmp_path, {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "MINICON_CHANNELS": "host",
        "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
    })  # fmt: skip
    workspace.run("create", "-y", "-n", "a", f"python={version}", "pypi:onlythere").ok()
    lines = workspace.run("pack", "-n", "a", "--for", "spark", "--slim").ok().out.splitlines()
    settings = dict(line.split("=", 1) for line in lines[1:])
    archive, _, name = settings["spark.archives"].partition("#")
    assert name == "environment"
    shutil.rmtree(workspace.environment("a"))
    (tmp_path / "job.py").write_text(SPARK_JOB)
    variables = {**os.environ, "PYSPARK_PYTHON": settings["PYSPARK_PYTHON"],
                 "PYSPARK_DRIVER_PYTHON": PYTHON}  # fmt: skip
    submit = [Path(PYTHON).with_name("spark-submit"), "--master", MASTER]
    submit += ["--conf", f"spark.archives={archive}#environment"]
    for command in ([PYTHON, tmp_path / "job.py", archive], [*submit, tmp_path / "job.py"]):
        done = subprocess.run(
            command, env=variables, cwd=tmp_path,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        found = done.stdout.partition("found:")[2]
        assert "41 " in found
        assert "42 " in found
        assert "environment/bin/python" in found


DASK_JOB = """
import importlib.util, sys
from distributed import Client, LocalCluster

def load(path):
    spec = importlib.util.spec_from_file_location("minicon_distributed", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["minicon_distributed"] = module
    spec.loader.exec_module(module)
    return module

def use(x):
    import helper, onlythere
    return helper.name(), onlythere.answer(x)

if __name__ == "__main__":
    PackedPackages = load(sys.argv[1]).PackedPackages
    with LocalCluster(n_workers=2, processes=True, threads_per_worker=1,
                      dashboard_address=None) as cluster, Client(cluster) as client:
        client.register_plugin(PackedPackages(sys.argv[2:]))
        print("found:", client.gather(client.map(use, [1, 2])))
        cluster.scale(3)
        client.wait_for_workers(3)
        print("all:", sorted(client.run(lambda: use(3)[1]).values()))
    try:
        PackedPackages(["x-1.0-cp311-cp311-linux_x86_64.whl"])
    except ValueError as error:
        print(error)
"""


def test_dask_workers_get_wheels_and_directories(tmp_path: Path, wheel: Path) -> None:
    """Workers have no minicon; those that start later get the packages, too."""
    if not has("distributed"):
        pytest.skip("needs distributed")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "helper.py").write_text("def name():\n    return 'helper'\n")
    (tmp_path / "job.py").write_text(DASK_JOB)
    module = Path(minicon.__path__[0]) / "distributed.py"
    done = subprocess.run(
        [PYTHON, tmp_path / "job.py", module, wheel, tmp_path / "helpers"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "found: [('helper', 41), ('helper', 42)]" in done.stdout
    assert "all: [43, 43, 43]" in done.stdout
    assert "pure Python" in done.stdout


SCHEDULER_JOB = """
import subprocess, sys
from distributed import Client, LocalCluster

def use(x):
    import onlythere
    return onlythere.answer(x)

if __name__ == "__main__":
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        options = ["--nworkers", "1", "--no-dashboard"]
        worker = subprocess.Popen([sys.argv[1], "worker", cluster.scheduler_address, *options])
        client.wait_for_workers(1, timeout=100)
        print("found:", client.gather(client.map(use, [1, 2])))
        worker.terminate()
        worker.wait()
"""


def test_dask_workers_start_from_an_unpacked_environment(tmp_path: Path, wheel: Path) -> None:
    """With the version of distributed that the scheduler has, from the configured index."""
    if not has("distributed"):
        pytest.skip("needs distributed")
    text = (
        "import sys, distributed; print('%d.%d.%d' % sys.version_info[:3], distributed.__version__)"
    )
    python, distributed = subprocess.run(
        [PYTHON, "-c", text], check=True, capture_output=True, text=True
    ).stdout.split()
    workspace = Workspace(tmp_path, {
        "PIP_FIND_LINKS": f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}",
        "MINICON_CHANNELS": "host",
        "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
    })  # fmt: skip
    packages = (f"python={python}", "pypi:onlythere", f"pypi:distributed=={distributed}")
    workspace.run("create", "-y", "-n", "a", *packages).ok()
    workspace.run("pack", "-n", "a", "-o", "a.tar.zst").ok()
    shutil.rmtree(workspace.environment("a"))
    shared = tmp_path / "a shared folder"
    workspace.run("unpack", "a.tar.zst", str(shared)).ok()
    (tmp_path / "job.py").write_text(SCHEDULER_JOB)
    done = subprocess.run(
        [PYTHON, tmp_path / "job.py", shared / "bin" / "dask"], cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "found: [41, 42]" in done.stdout
