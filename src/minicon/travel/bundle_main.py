"""Create the environment of a bundle. This module is the ``__main__.py`` of every bundle.

It needs the standard library alone. Every file is verified before anything is written.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import zipfile

_OLDEST = (3, 10)
_USAGE = """usage: python {name} [-n NAME | -p PATH] [OPTION...]

Create the environment {environment!r} offline. Options are those of 'minicon create';
--verify verifies the files of the bundle and does nothing else.
"""


def main(path: str, arguments: list[str]) -> int:
    """Verify the bundle at a path and create its environment; return the exit code."""
    if sys.version_info < _OLDEST:
        sys.stderr.write("error: this bundle needs Python 3.10 or later\n")
        return 1
    with zipfile.ZipFile(path) as bundle:
        try:
            index = json.loads(bundle.read("bundle.json"))
        except Exception:  # noqa: BLE001 - whatever damaged bytes raise
            return _refuse(path, "bundle.json cannot be read")
        if "-h" in arguments or "--help" in arguments:
            name = os.path.basename(path)
            sys.stdout.write(_USAGE.format(name=name, environment=index["name"]))
            return 0
        for name, sha256 in index["files"].items():
            if not _is_intact(bundle, name, sha256):
                return _refuse(path, f"{name} has another sha256")
        if "--verify" in arguments:
            sys.stdout.write(f"{path}: no problems found\n")
            return 0
        folder = tempfile.mkdtemp(prefix="minicon-bundle-")
        try:
            _extract(bundle, index["files"], folder)
            return _create(path, folder, index["name"], arguments)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse(path: str, why: str) -> int:
    sys.stderr.write(f"error: {path} is damaged: {why}\nhint: copy or download it again\n")
    return 1


def _is_intact(bundle: zipfile.ZipFile, name: str, sha256: str) -> bool:
    digest = hashlib.sha256()
    try:
        with bundle.open(name) as file:
            for data in iter(lambda: file.read(1 << 20), b""):  # older Pythons must parse it
                digest.update(data)
    except Exception:  # noqa: BLE001 - whatever damaged bytes raise
        return False
    return digest.hexdigest() == sha256


def _extract(bundle: zipfile.ZipFile, names: dict[str, str], folder: str) -> None:
    """Extract minicon and the lock file; packages are read where they are."""
    for name in names:
        if name.startswith("lib/") or name == "conda-lock.yml":
            bundle.extract(name, folder)


def _create(path: str, folder: str, name: str, arguments: list[str]) -> int:
    os.environ["MINICON_BUNDLES"] = os.path.abspath(path)
    sys.path.insert(0, os.path.join(folder, "lib"))
    minicon = importlib.import_module("minicon.cli.main").main  # from the bundle
    targets = ("-n", "--name", "-p", "--prefix")
    is_named = any(word.partition("=")[0] in targets for word in arguments)
    words = ["create", "-y", "--offline", "--file", os.path.join(folder, "conda-lock.yml")]
    return int(minicon([*words, *([] if is_named else ["-n", name]), *arguments]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[0], sys.argv[1:]))
