"""How long an impossible request takes, explanation and fixes included.

    MINICON_SHARED_DATA=DIR python bench/solver_explanations.py [--runs 5] [--page FILE]

The conflicts are those of the golden messages and the impossible ones among the real requests,
over all records of the real channels (without the folder: over the slice of conda-forge that the
tests have). One figure is one whole solve: the search, the minimal core, the story, and up to
three fixes, each solved before it is offered. Compiled tables come from memory, as a process
takes them from its cache. Medians of processor time.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from page_section import write_section
from tests.solver.test_conflict_messages import REAL, conda_forge
from tests.support.real_channels import real_request, solved_requests
from tests.support.table_cache import MemoryTables, with_fingerprints

from minicon.errors import SolveError
from minicon.lean_dataclasses import replace
from minicon.solver.solver import CondaSolver

TITLE = "Explaining what is impossible"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--page", type=Path, help="write the table into this page")
    options = parser.parse_args()
    tables = MemoryTables()
    rows = []
    for name, request in conflicts(tables):
        samples = [explained(request) for _ in range(options.runs + 1)][1:]
        if samples and samples[0] is not None:
            seconds = statistics.median(each[0] for each in samples)
            rows.append((seconds, name, samples[0][1]))
    lines = report(rows)
    print("\n".join(lines))
    if options.page:
        write_section(options.page, TITLE, lines)


def conflicts(tables: MemoryTables):
    """Names and requests; those that turn out to be possible are skipped later."""
    if not os.environ.get("MINICON_SHARED_DATA"):
        case = with_fingerprints(conda_forge())
        for name, specs in REAL.items():
            yield name, case.request(*specs, tables=tables)
        return
    for name, specs in REAL.items():
        yield name, with_state(real_request(specs, ["conda-forge"], tables=tables))
    for asked in solved_requests():
        request = real_request(asked["specs"], asked["channels"], asked["platform"], tables=tables)
        if not is_possible(with_state(request)):
            yield asked["id"], request


def with_state(request):
    """The request, its indices marked with what identifies their content."""
    for channel in request.channels:
        for index in channel:
            index.fingerprint = f"{index.channel}/{index.subdir}"
    return request


def is_possible(request) -> bool:
    try:
        CondaSolver().solve(replace(request, tables=None))
    except SolveError:
        return False
    return True


def explained(request) -> tuple[float, int] | None:
    """Seconds of processor time and number of fixes; None if there is nothing to explain."""
    gc.collect()
    gc.freeze()
    started = time.process_time()
    try:
        CondaSolver().solve(request)
    except SolveError as error:
        taken = time.process_time() - started
        explanation = getattr(error, "explanation", None)
        return taken, len(explanation.fixes) if explanation else 0
    return None


def report(rows: list[tuple[float, str, int]]) -> list[str]:
    """A sentence on all and a table of the slowest."""
    seconds = sorted(row[0] for row in rows)
    offered = sum(1 for row in rows if row[2])
    lines = [
        f"{len(rows)} impossible requests by `bench/solver_explanations.py`: the search, the",
        "minimal core, the explanation and up to three fixes, each solved before it is printed.",
        f"Median {1000 * statistics.median(seconds):.0f} ms of processor time, nine of ten below",
        f"{1000 * seconds[int(0.9 * (len(seconds) - 1))]:.0f} ms; with fixes: {offered}. Slowest:",
        "",
        "| ms | fixes | request |",
        "|--:|--:|---|",
    ]
    slowest = sorted(rows, reverse=True)[:8]
    return lines + [f"| {1000 * taken:.0f} | {fixes} | {name} |" for taken, name, fixes in slowest]


if __name__ == "__main__":
    main()
