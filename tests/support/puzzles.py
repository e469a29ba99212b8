"""Puzzles as packages, which only a search can solve."""

from __future__ import annotations

from tests.support.solver_cases import SolverCase

#: A sudoku that needs some guessing, and one of the hardest known.
USUAL = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
HARD = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."


def sudoku(grid: str) -> tuple[SolverCase, list[str]]:
    """Return a sudoku: one package per cell, one version per digit; the givens are requests."""
    case = SolverCase()
    cells = [(row, column) for row in range(9) for column in range(9)]
    for cell in cells:
        peers = [f"cell-{r}{c}" for r, c in cells if (r, c) != cell and _touch(cell, (r, c))]
        for digit in range(1, 10):
            constrains = [f"{peer} !={digit}.0" for peer in peers]
            case.package(f"cell-{cell[0]}{cell[1]}", f"{digit}.0", constrains=constrains)
    specs = [
        f"cell-{row}{column}" + ("" if given == "." else f"={given}")
        for (row, column), given in zip(cells, grid, strict=True)
    ]
    return case, specs


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    same_box = one[0] // 3 == other[0] // 3 and one[1] // 3 == other[1] // 3
    return one[0] == other[0] or one[1] == other[1] or same_box


def pigeons(holes: int) -> tuple[SolverCase, list[str]]:
    """Return one pigeon more than holes: unsatisfiable, and hard to prove."""
    case = SolverCase()
    names = [f"pigeon-{number}" for number in range(holes + 1)]
    for name in names:
        for hole in range(1, holes + 1):
            others = [f"{other} !={hole}.0" for other in names if other != name]
            case.package(name, f"{hole}.0", constrains=others)
    return case, names


def ladder(length: int) -> tuple[SolverCase, list[str]]:
    """Return a chain whose newest versions conflict only at its end, where only the oldest fits."""
    case = SolverCase()
    for number in range(length):
        for version in range(1, 6):
            depends = [f"rung-{number + 1} <={version}"] if number + 1 < length else ["ground <2"]
            case.package(f"rung-{number}", str(version), depends=depends)
    for version in range(1, 6):
        rungs = [f"rung-{number} <={version}" for number in range(length)]
        case.package("ground", str(version), constrains=rungs)
    return case, ["rung-0"]


def versions_that_fail(length: int) -> tuple[SolverCase, list[str]]:
    """Return a package of many versions, of which only the oldest has what it depends on."""
    case = SolverCase()
    for number in range(length):
        case.package("top", f"1.{number}", depends=[f"middle 1.{number}"])
        case.package("middle", f"1.{number}", depends=[f"low 1.{number}"])
        case.package("low", f"1.{number}", depends=["left 1" if number else "left 2", "right 2"])
    case.package("left", "2", depends=["right 2"])
    case.package("left", "1", depends=["right 1"])
    case.package("right", "1")
    case.package("right", "2")
    return case, ["top"]
