"""How long a project page takes: fetched and parsed, and again from the page cache.

    ./dev bench pypi_pages [PROJECT...]

Asks the index that pip on this machine is configured for. Times are CPU milliseconds of this
process (parsing), best of three; the wall time of a cold run holds the network too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from minicon.config.settings import Settings
from minicon.models.records import VirtualPackage
from minicon.pypi.index.configuration import load_index_configuration, make_index_fetcher
from minicon.pypi.index.pypi_index import PypiIndex


def main() -> None:
    projects = sys.argv[1:] or ["numpy", "pandas", "scipy", "boto3", "six"]
    configuration = load_index_configuration(os.environ)
    print("project      releases  files  cold wall  cold cpu  warm cpu")
    for name in projects:
        with tempfile.TemporaryDirectory() as folder:
            cold = [timed(configuration, Path(folder), name, fresh=True) for _ in range(3)]
            warm = [timed(configuration, Path(folder), name, fresh=False) for _ in range(3)]
        releases, files, _, _ = cold[0]
        print(
            f"{name:12} {releases:8} {files:6} {min(c[2] for c in cold):8.1f}ms"
            f" {min(c[3] for c in cold):7.1f}ms {min(w[3] for w in warm):7.1f}ms"
        )


def timed(configuration, cache_dir: Path, name: str, *, fresh: bool):
    settings = Settings(
        root=cache_dir, home=Path.home(), platform="linux-64", envs_dirs=(), pkgs_dirs=()
    )
    fetcher = make_index_fetcher(configuration, settings, os.environ)
    with PypiIndex(
        configuration,
        fetcher=fetcher,
        cache_dir=cache_dir,
        subdir="linux-64",
        virtual_packages=[VirtualPackage("__glibc", "2.36")],
        refresh=fresh,
    ) as index:
        if fresh:
            index.releases("pip")  # the connection and requests itself are not the page's cost
        wall, cpu = time.perf_counter(), time.process_time()
        releases = index.releases(name)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return len(releases), sum(len(r.files) for r in releases), wall * 1e3, cpu * 1e3


if __name__ == "__main__":
    main()
