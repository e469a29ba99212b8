"""Bring packages to running Dask workers: a worker plugin (extra ``dask``).

>>> client.register_plugin(PackedPackages(["mine-1.0-py3-none-any.whl"]))  # doctest: +SKIP

Workers need neither minicon nor a network: the plugin is sent by value, with the files in it.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import cloudpickle
from distributed import WorkerPlugin

_PURE = "-none-any.whl"


class PackedPackages(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Puts wheels and directories on the import path of every worker, also of later ones.

    Args:
        paths: Wheels, and directories that contain packages or modules.

    Raises:
        ValueError: A wheel is compiled for one platform: pack an environment instead.
        OSError: A file cannot be read.
    """

    name = "minicon-packages"

    def __init__(self, paths: list[str | os.PathLike[str]]) -> None:
        self._archives = [(Path(path).name, _content(Path(path))) for path in paths]
        self._folder: str | None = None

    def setup(self, worker: Any) -> None:
        """Unpack everything below the worker's directory, and import from there first."""
        self._folder = os.path.join(worker.local_directory, self.name)
        shutil.rmtree(self._folder, ignore_errors=True)
        for _, data in self._archives:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(self._folder)
        sys.path.insert(0, self._folder)
        importlib.invalidate_caches()

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        """Remove the directory from the import path, and its files."""
        if self._folder in sys.path:
            sys.path.remove(self._folder)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _content(path: Path) -> bytes:
    """Return a wheel, or a zip archive of the files in a directory."""
    if not path.is_dir():
        if not path.name.endswith(_PURE):
            message = f"{path.name} is not a pure Python wheel: pack an environment instead"
            raise ValueError(message)
        return path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(path).as_posix())
    return buffer.getvalue()


# Workers that have no minicon get the class, too.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
