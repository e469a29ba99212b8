"""Files of an index that cannot be used: refusals say why, solutions what is unusual."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.support.api_world import make_services
from tests.support.package_index import PackageIndex
from tests.support.solver_cases import SolverCase, versions
from tests.support.wheels import WheelBuilder

from minicon.api.package_preparation import prepare_packages
from minicon.api.services import Services
from minicon.errors import SolveError, SpecError
from minicon.models.timestamps import AgeLimits
from minicon.pypi.index.file_rules import FileRules
from minicon.pypi.index.pypi_index import PypiIndex
from minicon.solver.request import Solution

Open = Callable[..., PypiIndex]
MAY = FileRules(age_limits=AgeLimits(1_714_521_600_000))  # 2024-05-01


def leaf(version: str = "1.0", tag: str = "py3-none-any") -> WheelBuilder:
    return WheelBuilder("leaf", version, tag).file("leaf.py", "")


def solve(index: PypiIndex, *requirements: str, specs: tuple[str, ...] = ("python",)) -> Solution:
    case = SolverCase()
    for minor in ("3.10", "3.11"):
        case.package("python", f"{minor}.1", f"h_0_cp{minor.replace('.', '')}")
    return case.solve(*specs, requirements=tuple(map(Requirement, requirements)), wheels=index)


def refusal(index: PypiIndex, *requirements: str, **options: tuple[str, ...]) -> SolveError:
    with pytest.raises(SolveError) as caught:
        solve(index, *requirements, **options)
    assert "spelling" not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_yanked(served: PackageIndex, open_index: Open) -> None:
    served.add(leaf(), yanked="it deletes\nfiles")
    error = refusal(open_index(served.index_url), "leaf")
    assert "leaf 1.0 was yanked from its index: it deletes files" in error.message
    assert error.hint == "to install it nevertheless, request that version: pypi:leaf==VERSION"
    chosen = solve(open_index(served.index_url), "leaf==1.0")
    assert chosen.notes == ("leaf 1.0 was yanked from its index: it deletes files",)
    served.json = True
    again = solve(open_index(served.index_url, refresh=True), "leaf==1.0")
    assert again.notes == chosen.notes


def test_newer_than_allowed(served: PackageIndex, open_index: Open) -> None:
    served.json = True
    served.add(leaf("2.0"), upload_time="2024-06-01T00:00:00Z")
    served.add(leaf("1.0"), upload_time="2024-05-02T00:00:00Z")
    served.add(WheelBuilder("top").requires("leaf>=2"), upload_time="2024-01-01T00:00:00Z")
    error = refusal(open_index(served.index_url, rules=MAY), "leaf")
    assert "leaf 1.0 to 2.0 is newer than exclude_newer allows, 2024-05-01" in error.message
    assert "--exclude-newer-package leaf=false" in (error.hint or "")
    error = refusal(open_index(served.index_url, rules=MAY), "top")
    assert "top 1.0 needs leaf>=2, but leaf 2.0 is newer than exclude_newer allows" in error.message
    exempt = FileRules(age_limits=AgeLimits(MAY.age_limits.everywhere, {}, {"leaf": None}))
    assert versions(solve(open_index(served.index_url, rules=exempt), "top"))["leaf"] == "2.0"


def test_an_index_without_upload_times(served: PackageIndex, open_index: Open) -> None:
    served.add(leaf())
    error = refusal(open_index(served.index_url, rules=MAY), "leaf")
    assert "leaf 1.0 has no upload time on its index" in error.message


def test_hashes(served: PackageIndex, open_index: Open, tmp_path: Path) -> None:
    served.add(leaf("2.0"))
    other = FileRules(hashes={"leaf": frozenset({"0" * 64, "1" * 64})})
    error = refusal(open_index(served.index_url, rules=other), "leaf")
    assert "leaf 2.0 has none of the requested hashes" in error.message
    served.add(WheelBuilder("plain").file("plain.py"), sha256=None)
    two = FileRules(hashes={"plain": frozenset({"0" * 64, "1" * 64})})
    error = refusal(open_index(served.index_url, rules=two), "plain")
    assert "plain 1.0 has no hash on its index to compare with" in error.message
    one = FileRules(hashes={"plain": frozenset({"0" * 64})})
    record = solve(open_index(served.index_url, rules=one), "plain").records[-1]
    assert record.sha256 == "0" * 64, "the download verifies it"
    local = leaf("1.0").build(tmp_path / "wheels")
    right = FileRules(hashes={"leaf": frozenset({hashlib.sha256(local.read_bytes()).hexdigest()})})
    index = open_index(find_links=(str(local.parent),), rules=right)
    assert versions(solve(index, "leaf"))["leaf"] == "1.0"


def test_an_index_without_hashes(served: PackageIndex, open_index: Open) -> None:
    """The hash is computed, so that records and locks have it."""
    file = served.add(leaf(), sha256=None)
    record = solve(open_index(served.index_url), "leaf").records[-1]
    assert record.sha256 == hashlib.sha256(file.data).hexdigest()


@pytest.mark.parametrize("ranges", ["all", "none"])
def test_a_file_without_a_hash_is_downloaded_once(
    served: PackageIndex, services: Services, ranges: str
) -> None:
    """The file that is installed gives its hash and, without ranges, its metadata too."""
    served.ranges = ranges
    served.add(leaf(), sha256=None)
    record = solve(services.wheel_index(), "leaf").records[-1]
    (package,) = prepare_packages(services, [record]).values()
    assert (package.directory / "site-packages" / "leaf.py").exists()
    whole = [path for path, part in served.requests if "/files/" in path and part is None]
    assert len(whole) == 1
    assert not list(services.cache_dir.glob("pypi-files-*/*"))


def test_tags(served: PackageIndex, open_index: Open) -> None:
    served.add(leaf("3.0", "cp311-cp311-win_amd64"))
    served.add(leaf("2.0", "cp311-cp311-manylinux_2_99_x86_64"))
    served.add(leaf("1.0", "cp39-cp39-manylinux_2_17_x86_64"))
    error = refusal(open_index(served.index_url), "leaf")
    assert "leaf 3.0 has wheels only for win_amd64" in error.message
    assert "leaf 2.0 has wheels only for cp311-cp311-manylinux_2_99_x86_64" in error.message
    assert "leaf 1.0 has wheels only for python 3.9" in error.message
    served.add(WheelBuilder("other", "1.0", "py3-none-win_amd64"))
    error = refusal(open_index(served.index_url), "other")
    assert error.reference == "no-usable-file"
    assert "other 1.0 has wheels only for win_amd64" in error.message


def test_python(served: PackageIndex, open_index: Open) -> None:
    served.add(leaf(), requires_python=">=3.12")
    error = refusal(open_index(served.index_url), "leaf")
    assert "leaf 1.0 needs python >=3.12" in error.message
    assert "python=" in (error.hint or "")


def test_quarantined(served: PackageIndex, open_index: Open) -> None:
    served.json, served.project_status = True, "quarantined"
    served.add(leaf())
    error = refusal(open_index(served.index_url), "leaf")
    assert "leaf is quarantined by its package index" in error.message


def test_unknown_extras(served: PackageIndex, open_index: Open) -> None:
    served.add(leaf().header("Provides-Extra: Fast_Math").requires('more; extra == "fast-math"'))
    served.add(WheelBuilder("more"))
    served.add(WheelBuilder("top").requires("leaf[nothing]"))
    solution = solve(open_index(served.index_url), "leaf[fast.math,slow]", "top[all]")
    assert "more" in versions(solution)
    assert sorted(solution.notes) == [
        "leaf 1.0 has no extra nothing; it has fast-math",
        "leaf 1.0 has no extra slow; it has fast-math",
        "top 1.0 has no extra all; it has none",
    ]


# -- what a wheel's own metadata says --------------------------------------------------------


def test_requires_python_of_the_wheel_itself(open_index: Open, tmp_path: Path) -> None:
    """A folder lists no Requires-Python; that of the wheel counts."""
    folder = tmp_path / "wheels"
    leaf("1.0").build(folder)
    leaf("2.0").header("Requires-Python: >=3.11").build(folder)
    leaf("3.0").header("Requires-Python: >=3.12").build(folder)
    leaf("4.0").header("Requires-Python: !=3.10.*,!=3.11.1").build(folder)
    find = {"find_links": (str(folder),)}
    assert versions(solve(open_index(**find), "leaf"))["leaf"] == "2.0"
    older = solve(open_index(**find), "leaf", specs=("python=3.10",))
    assert versions(older)["leaf"] == "1.0"
    error = refusal(open_index(**find), "leaf==3.0")
    assert "needs python >=3.12" in error.message


def test_a_requirement_by_url_is_never_met_by_an_index(
    served: PackageIndex, open_index: Open, tmp_path: Path
) -> None:
    served.add(leaf("9.0"))
    mine = leaf("1.0").build(tmp_path / "mine")
    served.add(WheelBuilder("top").requires(f"leaf @ {mine.as_uri()}"))
    served.add(WheelBuilder("optional").requires(f'leaf @ {mine.as_uri()} ; extra == "dev"'))
    error = refusal(open_index(served.index_url), "top")
    assert f"leaf @ {mine.as_uri()}: request it by that URL too" in error.message
    assert "leaf" not in versions(solve(open_index(served.index_url), "optional"))
    from minicon.models.indexes.wheel_index import DistributionFile

    direct = DistributionFile(filename=mine.name, url=mine.as_uri())
    index = open_index(served.index_url, direct=[direct])
    solution = solve(index, "top", "leaf==1.0")
    assert versions(solution) == {"python": "3.11.1", "top": "1.0", "leaf": "1.0"}


@pytest.mark.parametrize("by", ["variable", "file", "url"])
def test_pips_configured_constraints(tmp_path: Path, served: PackageIndex, by: str) -> None:
    for version in ("1.0", "2.0", "3.0"):
        served.add(leaf(version))
    limits, more = tmp_path / "lim its.txt", tmp_path / "more.txt"
    limits.write_text("Leaf<3\n-c more.txt\n")
    more.write_text("leaf!=2.0  # broken\n")
    served.bodies["/limits.txt"] = ("text/plain", b"leaf<2\n")
    configured = tmp_path / "pip.conf"
    configured.write_text(f"[install]\nconstraint = {served.url}/limits.txt\n")
    services = make_services(tmp_path)
    services.environ |= {
        "PIP_INDEX_URL": served.index_url,
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": str(configured) if by == "file" else "/dev/null",
    }
    link = tmp_path / "limits.txt"
    link.symlink_to(limits)
    if by != "file":
        services.environ["PIP_CONSTRAINT"] = (
            f"{served.url}/limits.txt" if by == "url" else str(link)
        )
    index = services.wheel_index()
    assert versions(solve(index, "leaf"))["leaf"] == "1.0"
    error = refusal(index, "leaf==3.0")
    assert "leaf 3.0 is excluded by the constraint leaf" in error.message
    services.close()


def test_a_configured_constraint_file_that_is_missing(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    services.environ |= {"PIP_CONFIG_FILE": "/dev/null", "PIP_CONSTRAINT": "/nowhere.txt"}
    with pytest.raises(SpecError, match=r"/nowhere\.txt"):
        services.wheel_index()
