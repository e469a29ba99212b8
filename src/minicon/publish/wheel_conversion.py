"""Make a conda package of an unpacked wheel (see :mod:`minicon.package.prepare.wheel`).

::

    unpacked wheel ──┬─ convert_wheel ──> python package: all files, in noarch form (CEP 20);
    site-packages/…  │                    RECORD and INSTALLER, so that pip can use it
    python-scripts/… └─ select_files ───> tool: the files of a recipe, renamed; no python
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from base64 import urlsafe_b64encode

from minicon.errors import PackageError
from minicon.fs import operations
from minicon.lean_dataclasses import dataclass
from minicon.models.strict_json import read_json
from minicon.publish.index.v3_records import needs_v3
from minicon.pypi.wheels.filenames import names_release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.publish.recipe import Recipe

_SITE_PACKAGES = "site-packages/"
_SCRIPTS = "python-scripts/"
_HEADERS = "python-headers/"
#: From site-packages to the prefix, and the directory of commands, by whether it is for Windows.
_TO_PREFIX = {False: "../../../", True: "../../"}
_COMMANDS = {False: "bin/", True: "Scripts/"}
_INSTALLER = b"conda\n"


@dataclass(frozen=True, slots=True)
class BuildTarget:
    """A package to build.

    Attributes:
        index: Its ``info/index.json``.
        about: Its ``info/about.json``.
        project: Name of the wheel's project.
    """

    index: Mapping[str, Any]
    about: Mapping[str, Any]
    project: str

    @property
    def dist_name(self) -> str:
        """``name-version-build``."""
        return f"{self.index['name']}-{self.index['version']}-{self.index['build']}"


def convert_wheel(unpacked: Path, folder: Path, target: BuildTarget) -> None:
    """Fill a directory with the python package of a wheel.

    Args:
        unpacked: The wheel in package form.
        folder: The directory to fill, in the same file system.
        target: What is built.

    Raises:
        PackageError: The wheel has no metadata.
    """
    entries = [
        {**entry, "_path": _package_path(entry["_path"])}
        for entry in _entries_of(unpacked)
        if _link_file(unpacked / entry["_path"], folder / _package_path(entry["_path"]))
    ]
    dist_info = own_dist_info(entries, target)
    link = read_json((unpacked / "info" / "link.json").read_bytes())
    commands = [text.partition("=")[0].strip() for text in link["noarch"].get("entry_points", ())]
    entries.append(_create(folder, f"{dist_info}/INSTALLER", _INSTALLER))
    record = _record(entries, commands, dist_info, str(target.index["subdir"]))
    entries.append(_create(folder, f"{dist_info}/RECORD", record))
    _copy_licenses(folder, dist_info)
    _write_info(folder, target, entries, {"link.json": link})


def select_files(unpacked: Path, folder: Path, recipe: Recipe, target: BuildTarget) -> None:
    """Fill a directory with the files that a recipe selects of a wheel.

    Args:
        unpacked: The wheel in package form.
        folder: The directory to fill, in the same file system.
        recipe: Selects files, and adds links.
        target: What is built.

    Raises:
        PackageError: The recipe selects no file of the wheel.
    """
    kept = [
        {**entry, "_path": path}
        for entry in _entries_of(unpacked)
        if (path := recipe.target_of(entry["_path"])) is not None
        and _link_file(unpacked / entry["_path"], folder / path)
    ]
    if not kept:
        message = f"the recipe of {target.index['name']} selects no file of its wheel"
        raise PackageError("empty-package", message)
    kept += [_link(folder, path, text) for path, text in recipe.links.items()]
    _write_info(folder, target, kept, {})


def own_dist_info(entries: Iterable[Mapping[str, Any]], target: BuildTarget) -> str:
    """Return the path of a wheel's own dist-info directory. Raises PackageError if it has none."""
    for entry in entries:
        folder, _, name = entry["_path"].rpartition("/")
        stem = folder.removeprefix(_SITE_PACKAGES).removesuffix(".dist-info")
        is_metadata = name == "METADATA" and folder == f"{_SITE_PACKAGES}{stem}.dist-info"
        if is_metadata and names_release(stem, target.project, target.index["version"]):
            return str(folder)
    raise PackageError("broken-wheel", f"the wheel of {target.dist_name} has no METADATA")


def _entries_of(unpacked: Path) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]]
    found = read_json((unpacked / "info" / "paths.json").read_bytes())["paths"]
    return found


def _package_path(path: str) -> str:
    """Headers of an extension have no directory of their own in packages for every python."""
    return f"include/{path.removeprefix(_HEADERS)}" if path.startswith(_HEADERS) else path


def _link_file(source: Path, target: Path) -> bool:
    operations.make_directory(target.parent)
    operations.hard_link(source, target)
    return True


def _link(folder: Path, path: str, text: str) -> dict[str, Any]:
    operations.make_directory((folder / path).parent)
    operations.symbolic_link(text, folder / path)
    return {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest()}


def _create(folder: Path, path: str, data: bytes) -> dict[str, Any]:
    operations.make_directory((folder / path).parent)
    operations.create_file(folder / path, data)
    sha256 = hashlib.sha256(data).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": sha256, "size_in_bytes": len(data)}


def _record(
    entries: Iterable[Mapping[str, Any]], commands: Iterable[str], dist_info: str, subdir: str
) -> bytes:
    """Return RECORD (PEP 376) as the files will lie in an environment.

    Files that linking changes, and commands that it writes, are listed without a hash.
    """
    windows = subdir.startswith("win-")
    to_prefix, scripts = _TO_PREFIX[windows], _COMMANDS[windows]
    rows = []
    for entry in entries:
        path = entry["_path"]
        if path.startswith(_SITE_PACKAGES):
            path = path.removeprefix(_SITE_PACKAGES)
        elif path.startswith(_SCRIPTS):
            path = to_prefix + scripts + path.removeprefix(_SCRIPTS)
        else:
            path = to_prefix + path
        digest, size = "", ""
        if "prefix_placeholder" not in entry:
            raw = urlsafe_b64encode(bytes.fromhex(entry["sha256"])).rstrip(b"=")
            digest, size = f"sha256={raw.decode()}", str(entry["size_in_bytes"])
        rows.append((path, digest, size))
    endings = (".exe", "-script.py") if windows else ("",)
    rows += [(f"{to_prefix}{scripts}{name}{end}", "", "") for name in commands for end in endings]
    own = f"{dist_info.removeprefix(_SITE_PACKAGES)}/RECORD"
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([*sorted(rows), (own, "", "")])
    return text.getvalue().encode()


def _copy_licenses(folder: Path, dist_info: str) -> None:
    """Copy the license files to ``info/licenses/``, which tools of conda look into (CEP 34)."""
    own = folder / dist_info
    found = [path for path in own.iterdir() if path.name.upper().startswith(_LICENSE_NAMES)]
    for path in (p for p in (*found, *own.glob("licenses/**/*")) if p.is_file()):
        inside = path.relative_to(own).as_posix().removeprefix("licenses/")
        _link_file(path, folder / "info" / "licenses" / inside)


_LICENSE_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def _write_info(
    folder: Path,
    target: BuildTarget,
    paths: Iterable[Mapping[str, Any]],
    documents: Mapping[str, Any],
) -> None:
    index = dict(target.index)
    if needs_v3(index):
        index["schema_version"] = 3
    listed = sorted(paths, key=lambda entry: str(entry["_path"]))
    documents = {
        **documents,
        "index.json": index,
        "paths.json": {"paths_version": 1, "paths": listed},
        "about.json": dict(target.about),
    }
    operations.make_directory(folder / "info")
    for name, document in documents.items():
        text = json.dumps(document, indent=1, sort_keys=True)
        operations.create_file(folder / "info" / name, text.encode())
    names = "".join(f"{entry['_path']}\n" for entry in listed)
    operations.create_file(folder / "info" / "files", os.fsencode(names))
