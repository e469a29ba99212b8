"""Resolve clobbering: which package's file is used where several have the same path.

The package later in link order wins, as with conda; so it does where the file of one package has
the path of another one's directory. The file of a loser is kept in
``conda-meta/shadowed/PACKAGE/PATH``, and used again when the winner is removed.
"""

from __future__ import annotations

import os

from minicon.constants import CONDA_META
from minicon.fs.ownership import is_real_folder
from minicon.fs.safe_path import all_folders, folders_above
from minicon.lean_dataclasses import dataclass, field
from minicon.models.package_files import PathType
from minicon.prefix.plan.reserved_paths import check_python_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.plan.package_plan import PackagePlan

SHADOWED = f"{CONDA_META}/shadowed"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One path that several packages have.

    Attributes:
        path: The path.
        winner: The package whose file is used.
        losers: The other packages.
        winning_path: A path below or above ``path`` that the winner has instead; None for the same.
    """

    path: str
    winner: str
    losers: tuple[str, ...]
    winning_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClobberPlan:
    """The resolution of all conflicts of one transaction.

    Attributes:
        redirects: Per package to link, its losing files: target to shadow path.
        moves: Files of the present environment to move: from, to.
        conflicts: Conflicts to report, sorted by path.
    """

    redirects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    moves: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claim:
    path: str
    is_file: bool
    rank: int
    dist_name: str
    name: str
    is_new: bool
    sha256: str | None


def shadow_path(dist_name: str, path: str) -> str:
    """Path of a package's file that lost to another package."""
    return f"{SHADOWED}/{dist_name}/{path}"


def read_shadows(prefix: Path) -> dict[str, frozenset[str]]:
    """Paths of shadowed files, per package (``name-version-build``).

    Such a file belongs to the package only if its record lists it too.
    """
    found: dict[str, frozenset[str]] = {}
    root = prefix / SHADOWED
    if not is_real_folder(root) or not is_real_folder(root.parent):
        return found
    for dist_name in os.listdir(root):
        paths = []
        for folder, _, names in os.walk(root / dist_name):
            relative = os.path.relpath(folder, root / dist_name)
            paths += [os.path.normpath(f"{relative}/{name}") for name in names]
        found[dist_name] = frozenset(paths)
    return found


def path_in_prefix(dist_name: str, path: str, shadows: Mapping[str, frozenset[str]]) -> str:
    """Path of a package's file in the environment: that of its shadow, if it lost."""
    return shadow_path(dist_name, path) if path in shadows.get(dist_name, ()) else path


def resolve_clobbers(
    plans: Sequence[PackagePlan],
    unchanged: Sequence[PrefixRecord],
    order: Sequence[str],
    shadows: Mapping[str, frozenset[str]],
    *,
    prefix: Prefix | None,
) -> ClobberPlan:
    """Resolve all conflicts among the packages of the result.

    Args:
        plans: Packages to link.
        unchanged: Packages that are not changed.
        order: Names of all of them, in link order.
        shadows: From :func:`read_shadows`.
        prefix: The present environment; None, if there is none and so nothing unchanged.

    Raises:
        PackageError: ``unsafe-path``: a wheel has files of its python.
    """
    rank = {name: number for number, name in enumerate(order)}
    contested = _contested(plans, unchanged, shadows)
    check_python_files(contested, plans, unchanged)
    moves = {
        shadow_path(record.record.dist_name, path): path
        for record in unchanged
        for path in shadows.get(record.record.dist_name, frozenset()).intersection(record.files)
        if path not in contested
    }
    redirects: dict[str, dict[str, str]] = {}
    conflicts = []
    claims = _claims(contested, plans, unchanged, rank, prefix)
    winners = _winners(claims)
    for path, rivals in sorted(claims.items()):
        rivals.sort(key=lambda claim: claim.rank)
        winner = winners[path]
        losers = [claim for claim in rivals if claim is not winner]
        for claim in losers:
            if claim.is_new:
                redirects.setdefault(claim.name, {})[path] = shadow_path(claim.dist_name, path)
        moves.update(_moves(path, rivals, winner, shadows))
        if losers and _is_reported(path, winner, losers):
            where = None if winner.path == path else winner.path
            conflicts.append(Conflict(path, winner.name, tuple(c.name for c in losers), where))
    return ClobberPlan(redirects=redirects, moves=moves, conflicts=tuple(conflicts))


def _winners(claims: Mapping[str, Sequence[_Claim]]) -> dict[str, _Claim]:
    """The claim that wins each path; it is at another path where a file excludes a directory."""
    used: dict[str, _Claim] = {}
    folders: dict[str, _Claim] = {}
    winners: dict[str, _Claim] = {}
    every = [claim for rivals in claims.values() for claim in rivals]
    for claim in sorted(every, key=lambda claim: (-claim.rank, claim.path)):
        path = claim.path
        if path in winners:
            continue
        above = list(folders_above(path))
        below = folders.get(path) if claim.is_file else None
        blocking = next((used[f] for f in above if f in used and used[f].is_file), below)
        if blocking is not None and blocking.name == claim.name:
            blocking = None  # impossible in an archive
        winners[path] = blocking or claim
        if blocking is None:
            used[path] = claim
            for folder in above:
                folders.setdefault(folder, claim)
    return winners


def _is_reported(path: str, winner: _Claim, losers: Sequence[_Claim]) -> bool:
    """Whether a package to link is involved, and the files are not all the same."""
    rivals = (winner, *losers)
    differ = winner.path != path or len({claim.sha256 or claim.name for claim in rivals}) > 1
    return differ and any(claim.is_new for claim in rivals)


def _contested(
    plans: Sequence[PackagePlan],
    unchanged: Sequence[PrefixRecord],
    shadows: Mapping[str, frozenset[str]],
) -> set[str]:
    """Paths that several packages have, without those resolved earlier among unchanged ones."""
    contested = _contested_among_new(plans)
    contested.update(_nested(plans, unchanged))
    if not unchanged:
        return contested
    new = {target for plan in plans for target in plan.targets}
    present: set[str] = set()
    for record in unchanged:
        contested |= new.intersection(record.files)
        if shadows:
            contested |= present.intersection(record.files)
            present.update(record.files)
    return contested


def _contested_among_new(plans: Sequence[PackagePlan]) -> set[str]:
    """Paths that several packages to link have. Only directories that they share are searched."""
    owners: dict[str, PackagePlan] = {}
    shared: set[str] = set()
    for plan in plans:
        for folder in plan.target_folders():
            if owners.setdefault(folder, plan) is not plan:
                shared.add(folder)
    contested: set[str] = set()
    claimed: set[str] = set()
    for plan in plans if shared else ():
        own = set(plan.targets_in(shared))
        contested |= claimed & own
        claimed |= own
    return contested


def _nested(plans: Sequence[PackagePlan], unchanged: Sequence[PrefixRecord]) -> Iterator[str]:
    """Paths of files that are directories of other packages, and all paths below them."""
    leaves = {folder for plan in plans for folder in plan.target_folders()}
    leaves.update(path.rpartition("/")[0] for record in unchanged for path in record.files)
    folders = all_folders(leaves)
    parents = {folder.rpartition("/")[0] for folder in folders}
    owned = [*(plan.targets_in(parents) for plan in plans), *(each.files for each in unchanged)]
    files = {path for paths in owned for path in folders.intersection(paths)}
    if files:
        owned = [*(plan.targets for plan in plans), *(each.files for each in unchanged)]
        for path in {path for paths in owned for path in paths}:
            if path in files or not files.isdisjoint(folders_above(path)):
                yield path


def _claims(
    contested: set[str],
    plans: Sequence[PackagePlan],
    unchanged: Sequence[PrefixRecord],
    rank: Mapping[str, int],
    prefix: Prefix | None,
) -> dict[str, list[_Claim]]:
    claims: dict[str, list[_Claim]] = {}
    if not contested:
        return claims
    for record in unchanged:
        assert prefix is not None, "it has the unchanged packages"
        entries = prefix.entries_of(record)
        hashes = {path: e.sha256_in_prefix or e.sha256 for path, e in entries.items()}
        links = {path for path, e in entries.items() if e.path_type == PathType.SOFTLINK}
        folders = {path for path, e in entries.items() if e.path_type == PathType.DIRECTORY}
        claim = (rank.get(record.name, -1), record.record.dist_name, record.name, False)
        for path in contested.intersection(record.files) - folders:
            claims.setdefault(path, []).append(
                _Claim(path, path not in links, *claim, hashes.get(path))
            )
    for plan in plans:
        name = plan.record.name
        hashes = {
            p.target: None if p.entry.prefix_placeholder else p.entry.sha256 for p in plan.files
        }
        links = {p.target for p in plan.others if p.entry.path_type == PathType.SOFTLINK}
        claim = (rank.get(name, -1), plan.record.dist_name, name, True)
        for path in contested.intersection(plan.targets) - plan.empty_folders:
            claims.setdefault(path, []).append(
                _Claim(path, path not in links, *claim, hashes.get(path))
            )
    return claims


def _moves(
    path: str,
    claims: Sequence[_Claim],
    winner: _Claim,
    shadows: Mapping[str, frozenset[str]],
) -> dict[str, str]:
    """Moves of present files of a path: at most one is restored, at most one is shadowed."""
    present = [c for c in claims if not c.is_new and path not in shadows.get(c.dist_name, ())]
    moves = {}
    if winner.path == path and not winner.is_new and winner not in present:
        moves[shadow_path(winner.dist_name, path)] = path
    if present and present[-1] is not winner and (winner.is_new or winner not in present):
        moves[path] = shadow_path(present[-1].dist_name, path)
    return moves
