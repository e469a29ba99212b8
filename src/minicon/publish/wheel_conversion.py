"""Convert an unpacked wheel (see :mod:`minicon.package.prepare.wheel`) as a recipe says.

::

    unpacked wheel ──┬─ recipe.files ──> tool:            selected files, renamed; no python
    site-packages/…  ├─ pure ──────────> noarch: python   unchanged
    python-scripts/… └─ compiled ──────> one build per python minor: lib/pythonX.Y/site-packages/…
"""

from __future__ import annotations

import hashlib
import json
import os

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import PackageError
from minicon.fs import operations
from minicon.lean_dataclasses import dataclass
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from minicon.publish.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTarget:
    """Identity and platform of one build.

    Attributes:
        name: Of the package.
        version: Of the package.
        subdir: ``noarch``, or a platform.
        python: Minor version of a compiled python package, else None.
        depends: MatchSpec texts.
        license: From the wheel's metadata, or None.
        timestamp: Milliseconds since 1970.
    """

    name: str
    version: str
    subdir: str
    python: str | None
    depends: Sequence[str]
    license: str | None = None
    timestamp: int = 0

    def build_string(self, number: int) -> str:
        """Return ``py311_0``, ``py_0`` for noarch python, or ``0`` for a tool."""
        if self.python is not None:
            return f"py{self.python.replace('.', '')}_{number}"
        return f"py_{number}" if self.subdir == "noarch" else str(number)


def convert_wheel(unpacked: Path, folder: Path, recipe: Recipe, target: BuildTarget) -> str:
    """Fill a directory with a conda package built from a wheel; return its dist name.

    Args:
        unpacked: The wheel in package form.
        folder: The directory to fill, in the same file system.
        recipe: Selects files and adds links and dependencies.
        target: What is built.

    Raises:
        PackageError: The recipe selects no file of the wheel.
    """
    entries = read_json((unpacked / "info" / "paths.json").read_bytes())["paths"]
    kept = [
        dict(entry, _path=path)
        for entry in entries
        if (path := _target_path(entry["_path"], recipe, target)) is not None
        and _copy(unpacked / entry["_path"], folder / path)
    ]
    if not kept:
        raise PackageError(
            "empty-package", f"the recipe of {target.name} selects no file of its wheel"
        )
    kept += [_link(folder, path, text) for path, text in recipe.links.items()]
    kept += _entry_points(unpacked, folder, recipe, target)
    build = target.build_string(recipe.build_number)
    _write_info(folder, recipe, target, build, kept)
    return f"{target.name}-{target.version}-{build}"


def _target_path(path: str, recipe: Recipe, target: BuildTarget) -> str | None:
    if recipe.is_tool:
        return recipe.target_of(path)
    if target.python is None:
        return path
    for source, destination in (
        ("site-packages/", f"lib/python{target.python}/site-packages/"),
        ("python-scripts/", "bin/"),
        ("python-headers/", f"include/python{target.python}/"),
    ):
        if path.startswith(source):
            return destination + path[len(source) :]
    return path


def _copy(source: Path, target: Path) -> bool:
    operations.make_directory(target.parent)
    operations.hard_link(source, target)
    return True


def _link(folder: Path, path: str, text: str) -> dict[str, Any]:
    operations.make_directory((folder / path).parent)
    operations.symbolic_link(text, folder / path)
    return {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest()}


def _entry_points(
    unpacked: Path, folder: Path, recipe: Recipe, target: BuildTarget
) -> list[dict[str, Any]]:
    """Copy link.json of a noarch package; create scripts for a compiled one."""
    source = unpacked / "info" / "link.json"
    if recipe.is_tool or not source.exists():
        return []
    if target.python is None:
        operations.make_directory(folder / "info")
        operations.create_file(folder / "info" / "link.json", source.read_bytes())
        return []
    texts = read_json(source.read_bytes()).get("noarch", {}).get("entry_points", [])
    return [_script(folder, target.python, text) for text in texts]


def _script(folder: Path, python: str, text: str) -> dict[str, Any]:
    command, target = (part.strip() for part in text.split("=", 1))
    module, _, function = target.partition(":")
    data = (
        f"#!{PREFIX_PLACEHOLDER}/bin/python{python}\n"
        f"import sys\nfrom {module.strip()} import {function.split('.')[0].strip()}\n"
        f'if __name__ == "__main__":\n    sys.exit({function.strip()}())\n'
    ).encode()
    path = f"bin/{command}"
    operations.make_directory(folder / "bin")
    operations.create_file(folder / path, data, 0o755)
    return {
        "_path": path,
        "path_type": "hardlink",
        "prefix_placeholder": PREFIX_PLACEHOLDER,
        "file_mode": "text",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }


def _write_info(
    folder: Path, recipe: Recipe, target: BuildTarget, build: str, paths: list[dict[str, Any]]
) -> None:
    index: dict[str, Any] = {
        "name": target.name,
        "version": target.version,
        "build": build,
        "build_number": recipe.build_number,
        "depends": [*target.depends, *recipe.depends],
        "subdir": target.subdir,
        "timestamp": target.timestamp,
    }
    if target.license:
        index["license"] = target.license
    if target.subdir == "noarch":
        index["noarch"] = "python"
    about = {"summary": recipe.summary, "source": recipe.wheel}
    documents = {
        "index.json": index,
        "paths.json": {"paths_version": 1, "paths": sorted(paths, key=lambda e: e["_path"])},
        "about.json": about,
    }
    operations.make_directory(folder / "info")
    for name, document in documents.items():
        text = json.dumps(document, indent=1, sort_keys=True)
        operations.create_file(folder / "info" / name, text.encode())
    names = "".join(f"{entry['_path']}\n" for entry in documents["paths.json"]["paths"])
    operations.create_file(folder / "info" / "files", os.fsencode(names))
