"""How many real environment files can be planned, and why the others cannot.

    MINICON_SHARED_DATA=… python bench/environment_files.py [--show]

Reads every file of ``environment-files/`` for linux-64 and solves its conda part against the
channels of ``channels/`` (records only, a subset of the live ones). Lines for pip are read and
left out, since they would need a package index.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
from pathlib import Path

from minicon.api.plan.environment_requests import create_request
from minicon.api.plan.planning import make_plan
from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.errors import MiniconError
from minicon.lean_dataclasses import replace
from minicon.models.records import VirtualPackage
from minicon.pypi.requirements.requirements import RequirementSet

FACTS = ("__unix=0", "__linux=5.10", "__glibc=2.36", "__cuda=12.4", "__archspec=1=x86_64_v3")


def services_for(data: Path, folder: Path) -> Services:
    settings = load_settings(environ={}, home=folder, working_directory=folder).settings
    alias = (data / "channels").as_uri()
    settings = replace(
        settings,
        channel_alias=alias,
        channels=("conda-forge",),
        default_channels=tuple(f"{alias}/pkgs/{name}" for name in ("main", "free", "r")),
        platform="linux-64",
        channel_priority="flexible",
        local_repodata_ttl=10**6,
    )
    return Services(settings, virtual_packages=tuple(map(VirtualPackage.from_text, FACTS)))


def outcome(services: Services, file: Path) -> tuple[str, str]:
    """What became of one file: a word, and what to say of it."""
    try:
        request = create_request(services, "bench", None, files=[file])
    except MiniconError as error:
        return f"refused: {error.reference}", error.message
    try:
        packages = replace(request.packages, from_pip=RequirementSet(), pip_lines=())
        make_plan(services, replace(request, packages=packages, override_channels=False))
    except MiniconError as error:
        return f"not planned: {error.reference}", error.message
    return "planned", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name every file that is not planned")
    parser.add_argument("--limit", type=int, default=10**6)
    arguments = parser.parse_args()
    data = Path(os.environ["MINICON_SHARED_DATA"])
    files = sorted(
        p for p in (data / "environment-files").iterdir() if p.suffix in (".yml", ".yaml")
    )
    counts: collections.Counter[str] = collections.Counter()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        services = services_for(data, Path(folder))
        for file in files[: arguments.limit]:
            before = time.perf_counter()
            word, message = outcome(services, file)
            counts[word] += 1
            if arguments.show and word != "planned":
                seconds = time.perf_counter() - before
                print(f"{word}  {file.name}  {seconds:.1f} s\n    {message[:400]}", flush=True)
    for word, count in counts.most_common():
        print(f"{count:4}  {word}")
    print(f"{sum(counts.values()):4}  in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
