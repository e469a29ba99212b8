"""The package index that is configured for pip on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minicon.config.settings import Settings
from minicon.models.records import VirtualPackage
from minicon.pypi.index.configuration import load_index_configuration, make_index_fetcher
from minicon.pypi.index.pypi_index import PypiIndex


@pytest.mark.slow
@pytest.mark.network
def test_numpy(tmp_path: Path) -> None:
    configuration = load_index_configuration(os.environ)
    settings = Settings(
        root=tmp_path, home=Path.home(), platform="linux-64", envs_dirs=(), pkgs_dirs=()
    )
    fetcher = make_index_fetcher(configuration, settings, os.environ)
    with PypiIndex(
        configuration,
        fetcher=fetcher,
        cache_dir=tmp_path,
        subdir="linux-64",
        virtual_packages=[VirtualPackage("__glibc", "2.31")],
    ) as index:
        releases = {str(release.version): release for release in index.releases("numpy")}
        release = releases["1.26.4"]
        file = index.file_for(release, "3.11.7")
        assert file
        assert file.filename.startswith("numpy-1.26.4-cp311-cp311-manylinux")
        assert index.requirements(file) == ()
        assert {"3.9", "3.10", "3.11", "3.12"} <= set(index.python_versions(release))
        pandas = next(r for r in index.releases("pandas") if str(r.version) == "2.2.2")
        wheel = index.file_for(pandas, "3.11.7")
        assert wheel
        needed = {requirement.name for requirement in index.requirements(wheel)}
        assert {"numpy", "python-dateutil", "pytz", "tzdata"} <= needed
