"""An oracle for versions: CEP 33 in simple code, on lists of atoms."""

from __future__ import annotations

import re
from itertools import zip_longest

INFINITY = float("inf")


def parse(text: str) -> tuple[list[list], list[list]]:
    version = text.strip().lower()
    if "-" in version and "_" not in version:
        version = version.replace("-", "_")
    if not re.fullmatch(r"[.+!_0-9a-z]+", version):
        raise ValueError(text)
    epoch, release = version.split("!") if "!" in version else ("0", version)
    if not epoch.isdigit():
        raise ValueError(text)
    release, local = release.split("+") if "+" in release else (release, None)
    if release.endswith("_"):
        parts = release[:-1].replace("_", ".").split(".")
        parts[-1] += "_"
    else:
        parts = release.replace("_", ".").split(".")
    locals_ = local.replace("_", ".").split(".") if local is not None else []
    return [[int(epoch)], *map(component, parts)], list(map(component, locals_))


def component(text: str) -> list:
    atoms = [
        int(atom) if atom.isdigit() else {"post": INFINITY, "dev": "DEV"}.get(atom, atom)
        for atom in re.findall(r"[0-9]+|[^0-9]+", text)
    ]
    if not atoms:
        raise ValueError(text)
    return [0, *atoms] if isinstance(atoms[0], str) or atoms[0] == INFINITY else atoms


def compare(left: str, right: str) -> int:
    for one, other in zip(parse(left), parse(right), strict=True):
        for a, b in zip_longest(one, other, fillvalue=[]):
            for x, y in zip_longest(a, b, fillvalue=0):
                if x == y:
                    continue
                if isinstance(x, str) != isinstance(y, str):
                    return -1 if isinstance(x, str) else 1
                return -1 if x < y else 1
    return 0


def same(left: list[list], right: list[list]) -> bool:
    pairs = zip_longest(left, right, fillvalue=[])
    return all(x == y for a, b in pairs for x, y in zip_longest(a, b, fillvalue=0))


def starts_with(version: str, prefix: str) -> bool:
    release, local = parse(version)
    prefix_release, prefix_local = parse(prefix)
    if prefix_local and not same(release, prefix_release):
        return False
    have, want = (local, prefix_local) if prefix_local else (release, prefix_release)
    last = len(want) - 1
    if not same(have[:last], want[:last]):
        return False
    atoms = have[last] if len(have) > last else []
    position = len(want[last]) - 1
    if not same([atoms[:position]], [want[last][:position]]):
        return False
    x = atoms[position] if len(atoms) > position else 0
    y = want[last][position]
    if isinstance(y, str):
        return isinstance(x, str) and x.startswith(y)
    return x == y
