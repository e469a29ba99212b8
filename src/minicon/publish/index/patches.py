"""Patches of repodata (conda's hotfixes): ``patch_instructions.json``, applied to records.

Instructions are a file in the subdir's directory, a package that holds such files, or the result of
a Python function, which runs code and is thus used only if the user names its file.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from minicon.archive.package_archive import open_archive
from minicon.constants import CONDA_EXTENSION, PACKAGE_EXTENSIONS, TARBALL_EXTENSION
from minicon.errors import RepodataError
from minicon.models.strict_json import check_shape, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any, TypeAlias

    #: Given a subdir and a function that returns its repodata, returns its instructions.
    PatchGenerator: TypeAlias = Callable[[str, Callable[[], dict[str, Any]]], bytes]

FILE_NAME = "patch_instructions.json"
#: What a generator of instructions is called in conda-index.
_FUNCTION = "_patch_repodata"
_NEWEST_VERSION = 1
_REVOKED = "package_has_been_revoked"
_SHAPE = {
    "packages": ({...: {}}, None),
    "packages.conda": ({...: {}}, None),
    "remove": ([str], None),
    "revoke": ([str], None),
    "patch_instructions_version": (int, None),
}


class Patches(NamedTuple):
    """Changes of the records of a subdir.

    Attributes:
        changes: File name → new values by key; None removes a key.
        removed: File names of packages to withdraw.
        revoked: File names of packages that no request may choose.
    """

    changes: Mapping[str, Mapping[str, Any]] = {}
    removed: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()

    def apply(self, fn: str, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return a record with its changes; None if the package is withdrawn.

        What is said of a ``.tar.bz2`` also applies to the ``.conda`` of the same build.
        """
        names = {fn}
        if fn.endswith(CONDA_EXTENSION):
            names.add(fn.removesuffix(CONDA_EXTENSION) + TARBALL_EXTENSION)
        if names & self.removed:
            return None
        for name in sorted(names, reverse=True):  # what is said of the file itself comes last
            _merge(record, self.changes.get(name, {}))
        if names & self.revoked:
            record["revoked"] = True
            record["depends"] = [*record.get("depends", ()), _REVOKED]
        return record

    @property
    def names(self) -> set[str]:
        """File names of all packages that the patches may change."""
        names = {*self.changes, *self.removed, *self.revoked}
        stems = [n.removesuffix(TARBALL_EXTENSION) for n in names if n.endswith(TARBALL_EXTENSION)]
        return names.union(stem + CONDA_EXTENSION for stem in stems)


def _merge(base: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict):
            inner = base.setdefault(key, {})
            if isinstance(inner, dict):
                _merge(inner, value)
        elif value is None and key in base:
            del base[key]
        else:
            base[key] = value


def parse_patches(data: bytes, source: str) -> Patches:
    """Parse patch instructions.

    Args:
        data: The document.
        source: Its origin, for errors.

    Raises:
        RepodataError: ``invalid-patches``.
    """
    try:
        found = read_object(data)
        check_shape(found, _SHAPE)
    except ValueError as error:
        raise _invalid(source, f"is not what patch instructions are: {error}") from error
    version = found.get("patch_instructions_version") or 0
    if version > _NEWEST_VERSION:
        raise _invalid(source, f"has version {version} of patch instructions")
    changes = {**(found.get("packages") or {}), **(found.get("packages.conda") or {})}
    removed, revoked = (frozenset(found.get(key) or ()) for key in ("remove", "revoke"))
    return Patches(changes, removed, revoked)


def generated_instructions(
    generator: Path, subdir: str, repodata: Callable[[], dict[str, Any]]
) -> bytes:
    """Return the instructions for a subdir of a generator that the user named.

    Args:
        generator: A package with a file of instructions per subdir, or a Python file with a
            function ``_patch_repodata(repodata, subdir)``, whose code runs.
        subdir: The subdir.
        repodata: Makes the argument of the function.

    Raises:
        RepodataError: ``invalid-patches``: the file does not exist, or its function fails.
        PackageError: The package is damaged.
    """
    if not generator.is_file():
        raise _invalid(str(generator), "does not exist")
    if generator.name.endswith(PACKAGE_EXTENSIONS):
        return _instructions_of_package(generator, f"{subdir}/{FILE_NAME}")
    from runpy import run_path

    try:
        function = run_path(str(generator))[_FUNCTION]
        return json.dumps(function(repodata(), subdir), sort_keys=True).encode()
    except KeyError as error:
        raise _invalid(str(generator), f"has no function {_FUNCTION}") from error
    except Exception as error:
        why = f"failed for {subdir}: {type(error).__name__}: {error}"
        raise _invalid(str(generator), why) from error


def _instructions_of_package(package: Path, name: str) -> bytes:
    with open_archive(package) as archive:
        for member in archive.members(("pkg", "all")):
            if member.path == name:
                return member.read()
    return b"{}"


def _invalid(source: str, why: str) -> RepodataError:
    hint = "see conda-index's documentation of patch instructions"
    return RepodataError("invalid-patches", f"{source} {why}", hint=hint)
