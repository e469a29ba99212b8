"""Changes by pip: new distributions, replaced packages, and uninstalled wheels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.explained_world import install_by_hand

from minicon.api.inspect.pip_changes import find_pip_changes
from minicon.api.inspect.status import environment_status
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages

SITE_PACKAGES = "lib/python3.11/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with python, a conda package ``pure`` and a wheel ``wheel-one``."""
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/history").touch()
    (tmp_path / SITE_PACKAGES).mkdir(parents=True)
    write_record(tmp_path, "python", "3.11.9", channel="main")
    write_record(tmp_path, "pure", "1.0", channel="main", files=[f"{SITE_PACKAGES}/pure.py"])
    metadata = f"{SITE_PACKAGES}/wheel_one-1.0.dist-info/METADATA"
    write_record(tmp_path, "wheel-one", "1.0", channel="pypi", files=[metadata])
    return tmp_path


def write_record(prefix: Path, name: str, version: str, *, channel: str, files=()) -> None:
    for path in files:
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(f"Name: {name}\nVersion: {version}\n")
    data = {
        "name": name, "version": version, "build": "0", "build_number": 0, "depends": [],
        "channel": channel, "subdir": "linux-64", "fn": f"{name}.conda", "url": "",
        "files": list(files), "paths_data": {"paths_version": 1, "paths": []},
    }  # fmt: skip
    (prefix / "conda-meta" / f"{name}-{version}-0.json").write_text(json.dumps(data))


def test_no_changes(prefix: Path) -> None:
    changes = find_pip_changes(Prefix(prefix))
    assert changes.sentences() == []
    assert not environment_status(prefix).has_drifted


def test_new_distribution(prefix: Path) -> None:
    install_by_hand(prefix, "Visitor", "1.0")
    changes = find_pip_changes(Prefix(prefix))
    assert changes.sentences() == ["visitor 1.0 was installed by pip"]
    assert changes.outdated_names == frozenset()


def test_replaced_package(prefix: Path) -> None:
    install_by_hand(prefix, "pure", "9.0")
    changes = find_pip_changes(Prefix(prefix))
    assert changes.sentences() == ["pure 1.0 was replaced by pip with 9.0"]
    assert changes.outdated_names == {"pure"}
    versions = {r.name: r.record.version for r in installed_packages(Prefix(prefix))}
    assert versions == {"python": "3.11.9", "pure": "9.0", "wheel-one": "1.0"}
    # Files that went with the old version are pip's doing, and no damage.
    (prefix / SITE_PACKAGES / "pure.py").unlink()
    assert environment_status(prefix).missing == ()


def test_uninstalled_wheel(prefix: Path) -> None:
    (prefix / SITE_PACKAGES / "wheel_one-1.0.dist-info/METADATA").unlink()
    (prefix / SITE_PACKAGES / "wheel_one-1.0.dist-info").rmdir()
    changes = find_pip_changes(Prefix(prefix))
    assert changes.sentences() == ["wheel-one 1.0 was uninstalled by pip"]
    assert changes.to_json()["removed"] == ["wheel-one-1.0-0"]
    assert environment_status(prefix).packages == 2


def test_another_version_of_a_wheel_is_a_replacement(prefix: Path) -> None:
    (prefix / SITE_PACKAGES / "wheel_one-1.0.dist-info/METADATA").unlink()
    (prefix / SITE_PACKAGES / "wheel_one-1.0.dist-info").rmdir()
    install_by_hand(prefix, "wheel_one", "2.0")
    changes = find_pip_changes(Prefix(prefix))
    assert changes.sentences() == ["wheel-one 1.0 was replaced by pip with 2.0"]
