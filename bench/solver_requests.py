"""Real requests: minicon's solver against py-rattler's, in one process, request by request.

    MINICON_SHARED_DATA=DIR python bench/solver_requests.py [--requests N] [--every N] [--cold]

Processor time of the solve itself: repodata is loaded before for both (parsed JSON for minicon,
sparse repodata for rattler), so neither pays for reading files. Minicon takes its compiled tables
from memory, as a process takes them from its cache, after a first solve that is not counted; with
``--cold`` it compiles the candidates anew in every run. The millions of objects that the records
are in memory are hidden from the garbage collector, since no process has them, and it is called as
rarely as the command line has it. Picks are compared by how many newer versions of the requested
packages exist in all (rank sums): less is better.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import rattler
from page_section import write_section, write_table
from rattler.exceptions import SolverError
from tests.support.real_channels import (
    channel_index,
    real_request,
    shared_data,
    solved_requests,
    virtual_packages,
)
from tests.support.table_cache import MemoryTables

from minicon.errors import SolveError
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.version import version_key
from minicon.solver.solver import CondaSolver

TITLE = "Real requests"
SPARSE: dict = {}


def sparse(channel: str, subdir: str):
    if (channel, subdir) not in SPARSE:
        path = shared_data() / "channels" / channel / subdir / "repodata.json"
        SPARSE[channel, subdir] = (
            rattler.SparseRepoData(rattler.Channel(channel), subdir, path)
            if path.exists()
            else None
        )
    return SPARSE[channel, subdir]


def solve_with_rattler(asked: dict):
    platform = asked["platform"]
    sources = [
        found
        for channel in asked["channels"]
        for subdir in (platform, "noarch")
        if (found := sparse(channel, subdir)) is not None
    ]
    facts = [
        rattler.GenericVirtualPackage(
            rattler.PackageName(each.name),
            rattler.Version(each.version),
            rattler.BuildString(each.build),
        )
        for each in virtual_packages(platform)
    ]
    specs = [rattler.MatchSpec(text, strict=False) for text in asked["specs"]]
    started = time.process_time()
    try:
        records = asyncio.run(
            rattler.solve_with_sparse_repodata(
                specs=specs, sparse_repodata=sources, virtual_packages=facts
            )
        )
    except SolverError:
        records = None
    taken = time.process_time() - started
    if records is None:
        return taken, None
    return taken, {each.name.normalized: (str(each.version), str(each.build)) for each in records}


def solve_with_minicon(asked: dict, tables: MemoryTables | None = None):
    request = real_request(asked["specs"], asked["channels"], asked["platform"], tables=tables)
    for channel in request.channels:
        for index in channel:
            index.forget()
            index.fingerprint = f"{index.channel}/{index.subdir}"
    gc.collect()
    gc.freeze()
    started = time.process_time()
    try:
        solution = CondaSolver().solve(request)
    except SolveError:
        return time.process_time() - started, None
    taken = time.process_time() - started
    return taken, {each.name: (each.version, each.build) for each in solution.records}


def newer_versions(asked: dict, name: str, version: str) -> int:
    """How many newer versions of a package the request's channels have."""
    keys = set()
    for channel in asked["channels"]:
        records = [
            record
            for subdir in (asked["platform"], "noarch")
            for record in channel_index(channel, subdir).records_for(name)
        ]
        keys |= {version_key(record.version) for record in records}
        if records:
            break
    return sum(key > version_key(version) for key in keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=464)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="compile candidates in every run")
    parser.add_argument("--page", type=Path, help="write the figures into this page")
    options = parser.parse_args()
    gc.set_threshold(1_000_000)
    times, agreement, picks = [], Counter(), Counter()
    tables = None if options.cold else MemoryTables()
    sums = Counter()
    for asked in solved_requests()[: options.requests : options.every]:
        if tables is not None:
            solve_with_minicon(asked, tables)
        ours_time, ours = solve_with_minicon(asked, tables)
        theirs_time, theirs = solve_with_rattler(asked)
        agreement[(ours is None) == (theirs is None)] += 1
        if (ours is None) != (theirs is None):
            print(
                "DISAGREE", asked["id"], "minicon", ours is not None, "rattler", theirs is not None
            )
        if ours is None or theirs is None:
            continue
        times.append((len(ours), ours_time, theirs_time, asked["id"]))
        names = {parse_dependency(text).exact_name for text in asked["specs"]} & ours.keys()
        own = sum(newer_versions(asked, name, ours[name][0]) for name in names)
        other = sum(newer_versions(asked, name, theirs[name][0]) for name in names)
        sums["minicon"] += own
        sums["rattler"] += other
        picks["better" if own < other else "worse" if own > other else "equal"] += 1
        picks["identical environments"] += ours == theirs
        if own > other:
            worse = {n: (ours[n][0], theirs[n][0]) for n in names if ours[n][0] != theirs[n][0]}
            print("worse", asked["id"], own, other, worse)
    lines = report(times, agreement, picks, sums, compiled=options.cold)
    print("\n".join(lines))
    print("slowest beside rattler:")
    for packages, own, other, name in sorted(times, key=lambda row: row[2] / row[1])[:8]:
        print(f"  {other / own:.2f} ({own:.3f} s, {packages} packages) {name}")
    if options.page:
        write_section(options.page, TITLE, lines)
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
        header = ("packages", "requests", "minicon_ms", "rattler_ms")
        table = options.page.with_name(f"{options.page.stem}-requests.csv")
        write_table(table, header, (row[:4] for row in rows))


def report(times, agreement, picks, sums, *, compiled: bool) -> list[str]:
    """The measurements as Markdown."""
    how = "compiled in each run" if compiled else "compiled before"
    lines = [
        f"{agreement.total()} requests of real projects by `bench/solver_requests.py`, in one",
        f"process; records are loaded before, minicon's tables {how}. Both agree on whether there",
        f"is a solution for {agreement[True]}. Versions of requested packages: better for",
        f"{picks['better']}, equal for {picks['equal']}, worse for {picks['worse']}; rank sums",
        f"{sums['minicon']:,} and {sums['rattler']:,} (less is better). The environment is the",
        f"same for {picks['identical environments']} of {len(times)}.",
        "",
        "![processor time of solves by size](benchmarks-solver-requests.svg)",
        "",
        "| packages | requests | minicon, ms CPU | rattler, ms CPU | × median | × of the slowest |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for low, high in ((0, 100), (100, 300), (300, 600), (600, 10_000)):
        rows = [row for row in times if low <= row[0] < high]
        if rows:
            own, other = (1000 * statistics.median(row[n] for row in rows) for n in (1, 2))
            ratios = [row[2] / row[1] for row in rows]
            lines.append(
                f"| {low}–{high - 1} | {len(rows)} | {own:.0f} | {other:.0f} "
                f"| {statistics.median(ratios):.1f} | {min(ratios):.1f} |"
            )
    return lines


if __name__ == "__main__":
    main()
