"""Bundles: one file with a lock, its packages and minicon, that creates the environment offline.

::

    data.pyz   __main__.py           verifies everything, then runs minicon create
               bundle.json           name, platforms, and the sha256 of each file
               conda-lock.yml
               lib/                  minicon and what it needs
               linux-64/ noarch/     conda packages and repodata: the file is a channel, too
               pypi/                 wheels

Packages are stored uncompressed, so that a part of the file is the package.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from importlib import resources
from pathlib import Path

from minicon.errors import PackageError
from minicon.fs.unfinished import new_file
from minicon.lean_dataclasses import dataclass
from minicon.models.url import path_to_url
from minicon.travel.formats import chunks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INDEX = "bundle.json"
LOCK = "conda-lock.yml"
_TIME = (1980, 1, 1, 0, 0, 0)
#: The start of a bundle that is a shell script: finds a Python that can run the rest.
_SCRIPT = """\
#!/bin/sh
# Creates an environment offline; needs Python 3.10 or later. Written by minicon.
for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3.10 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        exec "$python" "$0" "$@"
    fi
done
echo "error: no Python 3.10 or later was found; set PYTHON to its path" >&2
exit 1
"""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a bundle: its name, and its content or the path of it."""

    name: str
    content: bytes | Path


def write_bundle(
    output: Path, name: str, platforms: Iterable[str], members: Iterable[Member], *, script: bool
) -> None:
    """Write a bundle. It appears once it is complete; the same input gives the same bytes.

    Args:
        output: The file.
        name: Default name of the environment.
        platforms: Platforms of its packages.
        members: All files but ``__main__.py`` and the index.
        script: Whether it starts as a shell script.

    Raises:
        OSError: Disk full and the like.
    """
    files: dict[str, str] = {}
    with new_file(output) as file:
        if script:
            file.write(_SCRIPT.encode())
        with zipfile.ZipFile(file, "w") as bundle:
            main = resources.files("minicon.travel").joinpath("bundle_main.py").read_bytes()
            _add(bundle, Member("__main__.py", main))
            for member in sorted(members, key=lambda member: member.name):
                files[member.name] = _add(bundle, member)
            index = {"version": 1, "name": name, "platforms": sorted(platforms), "files": files}
            _add(bundle, Member(INDEX, json.dumps(index, indent=1).encode()))
    if script:
        output.chmod(0o755)


def _add(bundle: zipfile.ZipFile, member: Member) -> str:
    """Add a file; returns its sha256."""
    entry = zipfile.ZipInfo(member.name, _TIME)
    entry.external_attr = 0o100644 << 16
    is_package = isinstance(member.content, Path) and not member.name.startswith("lib/")
    entry.compress_type = zipfile.ZIP_STORED if is_package else zipfile.ZIP_DEFLATED
    digest = hashlib.sha256()
    with bundle.open(entry, "w", force_zip64=is_package) as target:
        for chunk in chunks_of(member.content):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def bundled_packages(path: Path) -> Mapping[str, str]:
    """Return the URLs of the packages in a bundle, by sha256.

    Raises:
        PackageError: ``unknown-format``: it is no bundle.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            files = json.loads(bundle.read(INDEX))["files"]
        return {
            sha256: f"{path_to_url(str(path))}/{name}"
            for name, sha256 in files.items()
            if not name.startswith("lib/")
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        hint = "pass a file of 'minicon bundle'"
        raise PackageError("unknown-format", f"{path} is no bundle", hint=hint) from error
