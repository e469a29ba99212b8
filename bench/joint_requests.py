"""Requests for conda packages and wheels together: the time and the answer of each.

    MINICON_SHARED_DATA=DIR python bench/joint_requests.py [--kill 60] [--only TEXT] [--twice]

Every request is solved in a process of its own, which is killed after ``--kill`` seconds. Records
are conda-forge's; wheels come from the index that pip is configured to use. ``--twice`` solves each
request twice and shows the second time, for which all metadata is in the cache.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.joint_requests import (
    CONFLICTS,
    SATISFIABLE,
    conflict_pairs,
    everyday_pairs,
    joint_request,
    wheel_index,
)
from tests.support.real_channels import channel_index

from minicon.errors import MiniconError
from minicon.solver.solver import CondaSolver


def answer(texts: list[str], cache: Path) -> str:
    """Solve a request; its outcome in one line."""
    with wheel_index(cache) as wheels:
        started, used = time.perf_counter(), time.process_time()
        try:
            solution = CondaSolver().solve(joint_request(texts, wheels))
            found = len([each for each in solution.records if each.source == "pypi"])
            text = f"{found} wheels, {len(solution.records) - found} conda packages"
            text += f", {len(solution.pip_requirements)} built by pip"
        except MiniconError as error:
            text = f"{error.reference}: {error.message}\n  hint: {error.hint}"
        wall, cpu = time.perf_counter() - started, time.process_time() - used
    return f"{wall:6.2f} s {cpu:6.2f} s cpu  {text}"


def in_child(texts: list[str], cache: Path, kill: float) -> str:
    """The same in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            os.write(writing, answer(texts, cache).encode())
        except BaseException as error:  # noqa: BLE001 - shown as the outcome
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    end = time.monotonic() + kill
    while time.monotonic() < end:
        done, _ = os.waitpid(child, os.WNOHANG)
        if done:
            with os.fdopen(reading, "rb") as stream:
                return stream.read().decode()
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(reading)
    return f"> {kill:.0f} s, killed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kill", type=float, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--pairs", action="store_true", help="the generated pairs instead")
    parser.add_argument("--details", action="store_true", help="show whole messages")
    parser.add_argument(
        "--cache", type=Path, default=Path("~/.cache/minicon-bench-joint").expanduser()
    )
    arguments = parser.parse_args()
    for subdir in ("linux-64", "noarch"):
        channel_index("conda-forge", subdir)
    listed = (*SATISFIABLE, *CONFLICTS)
    for texts in (*everyday_pairs(), *conflict_pairs()) if arguments.pairs else listed:
        line = " ".join(texts)
        if arguments.only not in line:
            continue
        outcome = in_child(texts, arguments.cache, arguments.kill)
        if arguments.twice:
            outcome = in_child(texts, arguments.cache, arguments.kill)
        print(
            f"{line}\n    {outcome if arguments.details else outcome.splitlines()[0]}", flush=True
        )


if __name__ == "__main__":
    main()
