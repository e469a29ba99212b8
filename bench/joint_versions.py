"""Wheels chosen beside conda packages, compared with uv's, which is given conda's versions.

    MINICON_SHARED_DATA=DIR python bench/joint_versions.py [--pairs N] [--only TEXT] [--cache DIR]

Every set is solved for conda-forge's records and the index that pip is configured to use; the sets
are the environment files with a ``pip:`` section (their conda packages as far as the recorded
channel has them, without versions where these cannot be met), the requests of
``joint_requests.py``, and N generated pairs of a conda package and a project. ``uv pip compile``
resolves the same requirements with the versions of conda's packages as constraints. Metadata
given to uv says that these need nothing but what their extras need: a conda package has the
dependencies of its record, not those of the project's metadata on PyPI (torch 2.6.0 needs sympy
1.13.1 there, and any sympy in conda-forge). Only wheels are compared: what uv adds for the
projects of conda packages comes from conda, if at all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version
from resolve_wheels import sections, uv
from tests.support.joint_requests import SATISFIABLE, everyday_pairs
from tests.support.real_channels import channel_index, real_request, shared_data

from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.errors import MiniconError
from minicon.models.indexes.wheel_index import Release
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.index.pypi_index import PypiIndex
from minicon.solver.request import Solution
from minicon.solver.solver import CondaSolver

SUBDIRS = ("linux-64", "noarch")


def sets(pairs: int) -> Iterator[tuple[str, list[list[str]], list[str]]]:
    """Name, conda specs (alternatives, the wanted ones first) and requirements of every set."""
    folder = shared_data()
    assert folder is not None
    files = folder / "environment-files"
    for name, python, requirements in sections(files):
        wanted = [f"python={python}", *conda_specs(files / name)]
        names = [f"python={python}", *(MatchSpec(each).name.text for each in wanted[1:])]
        yield name, [wanted, names, names[:1]], requirements
    for texts in (*SATISFIABLE, *everyday_pairs(pairs)):
        specs = ["python=3.11", *(each for each in texts if not each.startswith("pypi:"))]
        projects = [each.removeprefix("pypi:") for each in texts if each.startswith("pypi:")]
        yield " ".join(texts), [specs], projects


def services_in(folder: Path) -> Services:
    """Services whose caches, and environments for builds, are in a folder."""
    environ = {**os.environ, "MINICON_ROOT": str(folder)}
    settings = load_settings(environ=environ, home=folder, working_directory=folder).settings
    return Services(settings)


def conda_specs(path: Path) -> Iterator[str]:
    """The conda packages of an environment file that the recorded channel has, without python."""
    import yaml

    for each in yaml.safe_load(path.read_text(errors="replace"))["dependencies"]:
        name = _name(each) if isinstance(each, str) and "::" not in each else None
        has_it = any(channel_index("conda-forge", s).records_for(name or "") for s in SUBDIRS)
        if has_it and name not in ("python", "pip"):
            yield each


def _name(text: str) -> str | None:
    try:
        return MatchSpec(text).exact_name
    except MiniconError:
        return None


def solved(
    alternatives: list[list[str]], requirements: list[str], wheels: PypiIndex
) -> Solution | str:
    """The solution of the first alternative that has one, else the last message."""
    found: Solution | str = ""
    for specs in alternatives:
        found = _solved(specs, requirements, wheels)
        if not isinstance(found, str):
            break
    return found


def _solved(specs: list[str], requirements: list[str], wheels: PypiIndex) -> Solution | str:
    try:
        options = {"requirements": tuple(map(Requirement, requirements)), "wheels": wheels}
        return CondaSolver().solve(real_request(specs, ["conda-forge"], **options))
    except (MiniconError, InvalidRequirement) as error:
        return str(error).splitlines()[0]


def give(solution: Solution, wheels: PypiIndex, folder: Path) -> list[str]:
    """Write the conda packages that the index has too, for uv in this folder; its options."""
    pins, tables = [], []
    for record in solution.records:
        if record.source == "pypi":
            continue
        name = normalize_pypi_name(wheels.pypi_name(record.name))
        release = _release(name, record.version, wheels)
        if release is not None:
            pins.append(f"{name}=={release.version}")
            tables.append(_metadata(release, wheels))
    (folder / "given.txt").write_text("\n".join(pins) + "\n")
    (folder / "uv.toml").write_text("\n".join(tables))
    return ["--constraint", str(folder / "given.txt"), "--config-file", str(folder / "uv.toml")]


def _release(name: str, text: str, wheels: PypiIndex) -> Release | None:
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return next((each for each in wheels.releases(name) if each.version == version), None)


def _metadata(release: Release, wheels: PypiIndex) -> str:
    """A release as an entry of ``dependency-metadata`` that needs what its extras need."""
    file = next((each for each in release.files if each.is_wheel), None)
    needs = wheels.requirements(file) if file is not None else ()
    of_extras = [str(each) for each in needs if "extra ==" in str(each.marker)]
    extras = sorted(
        {found for each in of_extras for found in re.findall(r'extra == "(.+?)"', each)}
    )
    return "\n".join(
        [
            "[[dependency-metadata]]",
            f'name = "{release.name}"',
            f'version = "{release.version}"',
            f"requires-dist = {json.dumps(of_extras)}",
            f"provides-extra = {json.dumps(extras)}",
        ]
    )


def differences(solution: Solution, output: str) -> tuple[int, list[str]]:
    """The number of wheels, and those that uv does not choose."""
    lines = [line.partition(" ")[0] for line in output.splitlines() if "==" in line]
    their = {normalize_pypi_name(a): b for a, _, b in (line.partition("==") for line in lines)}
    own = {each.name: each.version for each in solution.records if each.source == "pypi"}
    own |= {each.name: each.text.partition("==")[2] for each in solution.pip_requirements}
    own.pop("pip", None)
    unequal = [
        f"{name} {own[name]} (uv: {their.get(name)})"
        for name in sorted(own)
        if own[name] != their.get(name)
    ]
    return len(own), unequal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("--cache", type=Path, help="folder to keep (default: a temporary one)")
    arguments = parser.parse_args()
    total = equal = whole = number = 0
    with TemporaryDirectory(prefix="minicon-bench-") as work:
        services = services_in(arguments.cache or Path(work))
        for name, alternatives, requirements in sets(arguments.pairs):
            if arguments.only not in name:
                continue
            with services.wheel_index() as wheels:
                solution = solved(alternatives, requirements, wheels)
                if isinstance(solution, str):
                    print(f"{name}\n  minicon: {solution}", flush=True)
                    continue
                options = give(solution, wheels, Path(work))
            command = uv(Path(work) / "in.txt", requirements, python_of(solution))
            their = subprocess.run(
                [*command, *options], capture_output=True, text=True, check=False
            )
            if their.returncode:
                print(f"{name}\n  uv: {' '.join(their.stderr.split())[:300]}", flush=True)
                continue
            count, unequal = differences(solution, their.stdout)
            conda = len(solution.records) - count
            print(f"{name}: {count} wheels, {conda} others, {', '.join(unequal)}", flush=True)
            number, total, equal = number + 1, total + count, equal + count - len(unequal)
            whole += not unequal
    print(f"{equal} of {total} wheels equal, {whole} of {number} sets")


def python_of(solution: Solution) -> str:
    """The version of python in a solution."""
    return next(each.version for each in solution.records if each.name == "python")


if __name__ == "__main__":
    main()
