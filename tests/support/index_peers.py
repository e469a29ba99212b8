"""Run conda-index or ``conda pypi index`` on the conda that conda-lock contains.

    python index_peers.py index ARGUMENTS...
    python index_peers.py wheels DIRECTORY

Both import conda, which is not on PyPI; conda-lock has a copy of the modules that they need. Run by
the interpreter of ``.venv/clients``, which ``./dev clients`` makes.
"""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

PYTHON = Path(__file__).parents[2] / ".venv" / "clients" / "bin" / "python"


def is_installed() -> bool:
    """Whether ``./dev clients`` has installed conda-index."""
    return any(PYTHON.parent.parent.glob("lib/python*/site-packages/conda_index"))


class _VendoredConda(MetaPathFinder, Loader):
    def find_spec(self, name, path, target=None):
        is_conda = name.partition(".")[0] == "conda"
        return ModuleSpec(name, self, is_package=True) if is_conda else None

    def create_module(self, spec):
        return importlib.import_module(f"conda_lock._vendor.{spec.name}")

    def exec_module(self, module):
        pass


if __name__ in ("__main__", "__mp_main__"):  # also in the processes of conda-index
    sys.meta_path.insert(0, _VendoredConda())

if __name__ == "__main__":
    if sys.argv[1] == "index":
        from conda_index.cli import cli

        cli(sys.argv[2:])
    else:
        from conda_pypi.cli.index import execute

        execute(Namespace(directory=sys.argv[2], base_url=None))
