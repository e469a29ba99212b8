"""Puzzles as channels: minicon's solver beside py-rattler's, in one process.

    python bench/solver_puzzles.py [--runs 5] [--pigeons 5 6 7 8]

Sudokus are satisfiable and need guessing; one pigeon more than there are holes is impossible and
hard to see. Processor time of the solve itself, medians; records are at hand for both (minicon:
objects in memory, rattler: sparse repodata), and minicon compiles them in every run. Garbage is
collected as rarely as the command line has it. For the
impossible ones two figures are given: until the contradiction is known, which is what rattler
does, and with the explanation.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import rattler
from page_section import write_section
from rattler.exceptions import SolverError
from tests.support.puzzles import HARD, USUAL, ladder, pigeons, sudoku, versions_that_fail

from minicon.errors import SolveError
from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import goal_of
from minicon.solver.solver import CondaSolver

TITLE = "Puzzles"

SUDOKUS = {
    "usual": USUAL,
    "hardest of 2012": HARD,
    "17 givens": ".......1.4.........2...........5.4.7..8...3.."
    "..1.9....3..4..2...5.1........8.6...",
    "golden nugget": ".......39.....1..5..3.5.8....8.9...6.7...2..."
    "1..4.......9.8..5..2....6..4..7.....",
    "platinum blonde": ".......12........3..23..4....18....5.6..7.8.."
    ".....9.....85.....9...4.5..47...6...",
    "easter monster": "1.......2.9.4...5...6...7...5.9.3.......7...."
    "...85..4.7.....6...3...9.8...2.....1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pigeons", type=int, nargs="*", default=(5, 6, 7, 8))
    parser.add_argument("--page", type=Path, help="write the table into this page")
    options = parser.parse_args()
    puzzles = {f"sudoku, {name}": sudoku(grid) for name, grid in SUDOKUS.items()}
    puzzles |= {f"{holes + 1} pigeons, {holes} holes": pigeons(holes) for holes in options.pigeons}
    puzzles["ladder of 300 rungs"] = ladder(300)
    puzzles["2,000 versions that fail"] = versions_that_fail(2000)
    lines = [
        "Processor time of the solve itself, in one process, medians; records are loaded before",
        "(`bench/solver_puzzles.py`).",
        "",
        "| puzzle | minicon, ms | rattler, ms | minicon / rattler | with explanation, ms |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, (case, specs) in puzzles.items():
        lines.append(row(name, case, specs, options.runs))
        print(lines[-1], flush=True)
    if options.page:
        write_section(options.page, TITLE, lines)


def row(name: str, case, specs: list[str], runs: int) -> str:
    """One line of the table."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        sources = sparse_repodata(case, Path(folder))
        ours, theirs, explanations = [], [], []
        for _ in range(runs):
            ours.append(timed(lambda: model(case.request(*specs))))
            theirs.append(timed(lambda: solve_with_rattler(specs, sources)))
        is_possible = ours[0][1]
        assert is_possible == theirs[0][1], f"{name}: the solvers disagree"
        if not is_possible:
            explanations = [timed(lambda: explained(case.request(*specs)))[0]]
    own, other = (statistics.median(each[0] for each in found) for found in (ours, theirs))
    explanation = f"{1000 * explanations[0]:.0f}" if explanations else ""
    return f"| {name} | {1000 * own:.1f} | {1000 * other:.1f} | {own / other:.1f} | {explanation} |"


def timed(solve) -> tuple[float, bool]:
    """Seconds of processor time, and whether there is an answer."""
    started = time.process_time()
    found = solve()
    return time.process_time() - started, found


def model(request) -> bool:
    """Minicon's search, as far as rattler's goes."""
    source = CandidateSource(request)
    conda = CondaSubproblem(request, source, goal_of(request, source, request.specs))
    with contextlib.suppress(Contradiction):
        conda.model()
        return True
    return False


def explained(request) -> bool:
    """All that minicon does for a request."""
    with contextlib.suppress(SolveError):
        CondaSolver().solve(request)
        return True
    return False


def sparse_repodata(case, folder: Path) -> list:
    """The channels of a case as rattler reads them."""
    sources = []
    for (channel, subdir), index in case.indices.items():
        path = folder / channel / subdir / "repodata.json"
        path.parent.mkdir(parents=True)
        records = {each.fn: dict(each.data) for found in index.records.values() for each in found}
        conda = {fn: data for fn, data in records.items() if fn.endswith(".conda")}
        rest = {fn: data for fn, data in records.items() if not fn.endswith(".conda")}
        found = {"info": {"subdir": subdir}, "packages": rest, "packages.conda": conda}
        path.write_text(json.dumps(found))
        sources.append(rattler.SparseRepoData(rattler.Channel(channel), subdir, path))
    return sources


def solve_with_rattler(specs: list[str], sources: list) -> bool:
    """Whether rattler finds an answer."""
    wanted = [rattler.MatchSpec(text, strict=False) for text in specs]
    try:
        asyncio.run(rattler.solve_with_sparse_repodata(specs=wanted, sparse_repodata=sources))
    except SolverError:
        return False
    return True


if __name__ == "__main__":
    main()
