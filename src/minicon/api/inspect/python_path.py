"""Modules of packages that ``PYTHONPATH`` hides.

As in conda and venv, the user's ``PYTHONPATH`` has its effect in every environment, also in ``run``
and after activation. Its directories come before the standard library and ``site-packages``.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from minicon.prefix.environment.python_layout import PythonLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix

_MODULES = (".py", ".so", ".pyd")


class HiddenModule(NamedTuple):
    """A module of a package, and the directory in ``PYTHONPATH`` with another one of that name."""

    module: str
    package: str
    folder: str

    def __str__(self) -> str:
        """A part of a sentence."""
        return f"{self.module} of {self.package}, by {self.folder}"


def hidden_modules(
    prefix: Prefix, records: Iterable[PrefixRecord], environ: Mapping[str, str]
) -> tuple[HiddenModule, ...]:
    """Return the modules of installed packages that ``PYTHONPATH`` hides, sorted.

    Args:
        prefix: The environment.
        records: Its packages.
        environ: Environment variables.
    """
    folders = [f for f in environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isdir(f)]
    packages = {record.name: record for record in records} if folders else {}
    if "python" not in packages:
        return ()
    layout = PythonLayout.from_record(packages["python"].record, prefix.subdir or "")
    owners: dict[str, str] = {}
    for record in packages.values():
        for name in _modules_of(record, layout):
            owners.setdefault(name, record.name)
    found: dict[str, HiddenModule] = {}
    for folder in map(os.path.abspath, folders):
        if not os.path.realpath(folder).startswith(f"{os.path.realpath(prefix.path)}{os.sep}"):
            for name in owners.keys() & {*_modules_in(folder)} - found.keys():
                found[name] = HiddenModule(name, owners[name], folder)
    return tuple(sorted(found.values()))


def _modules_of(record: PrefixRecord, layout: PythonLayout) -> Iterator[str]:
    """Names of importable modules of a package, the standard library's included."""
    starts = [f"{layout.site_packages}/"]
    if record.name == "python":
        starts.append(f"{layout.site_packages.rpartition('/')[0]}/")
    for path in record.files:
        for start in starts:
            if path.startswith(start):
                top, _, rest = path[len(start) :].partition("/")
                if rest in ("__init__.py", "") and (rest or top.endswith(_MODULES)):
                    yield top.partition(".")[0]


def _modules_in(folder: str) -> Iterator[str]:
    """Names of modules in a directory; packages without ``__init__.py`` hide nothing."""
    try:
        entries = os.listdir(folder)
    except OSError:
        return
    for name in entries:
        if name.endswith(_MODULES) or os.path.exists(os.path.join(folder, name, "__init__.py")):
            yield name.partition(".")[0]
