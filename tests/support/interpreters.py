"""Interpreters for tests: invented facts, this machine's own, and a minimal linker."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from pathlib import Path

from minicon.machine.interpreters.discovery import CACHE_FILE, Discovery, discover_interpreters
from minicon.machine.interpreters.facts import InterpreterFacts


def make_facts(version: str = "3.11.7", **changes: object) -> InterpreterFacts:
    """Return facts of a self-contained build that does not exist."""
    minor = ".".join(version.split(".")[:2])
    prefix = str(changes.pop("prefix", f"/home/me/.pyenv/versions/{version}"))
    values: dict[str, object] = {
        "executable": f"{prefix}/bin/python{minor}",
        "implementation": "cpython",
        "version": version,
        "prefix": prefix,
        "stdlib": f"{prefix}/lib/python{minor}",
        "platstdlib": f"{prefix}/lib/python{minor}",
        "include": f"{prefix}/include/python{minor}",
        "platform": "linux-64",
        "cache_tag": f"cpython-{minor.replace('.', '')}",
        "abiflags": "",
        "is_debug": False,
        "is_free_threaded": False,
        "is_shared": False,
        "library_directory": f"{prefix}/lib",
        "shared_library": "",
        "framework": "",
        "has_vendor_packages": False,
        "in_conda_prefix": False,
        "identity": "0123456789abcdef" * 4,
    }
    return InterpreterFacts.from_json({**values, **changes})


@functools.lru_cache(maxsize=1)
def machine() -> Discovery:
    """Return the interpreters of this machine, found once per test process."""
    return discover_interpreters(environ=os.environ, home=Path.home(), cache_dir=None)


@functools.lru_cache(maxsize=1)
def _saved_facts() -> bytes:
    """Return the cache of the interpreters of this machine, made once per test process."""
    with tempfile.TemporaryDirectory() as folder:
        discover_interpreters(environ=os.environ, home=Path.home(), cache_dir=Path(folder))
        return (Path(folder) / CACHE_FILE).read_bytes()


def save_known_interpreters(root: Path) -> None:
    """Write minicon's cache of interpreters into a new root, so that no command probes them again.

    A probe starts a process; a first command would start one for each interpreter of the machine.
    """
    if not root.exists():
        (root / "cache").mkdir(parents=True)
        (root / "cache" / CACHE_FILE).write_bytes(_saved_facts())


def link_package(folder: Path, prefix: Path) -> None:
    """Link an extracted package into a prefix as conda does, in a simple way."""
    for entry in json.loads((folder / "info" / "paths.json").read_bytes())["paths"]:
        source, target = folder / entry["_path"], prefix / entry["_path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry["path_type"] == "softlink":
            target.symlink_to(os.readlink(source))
        elif placeholder := entry.get("prefix_placeholder"):
            data = source.read_bytes().replace(placeholder.encode(), str(prefix).encode())
            target.write_bytes(data)
            target.chmod(source.stat().st_mode)
        else:
            os.link(source, target)
