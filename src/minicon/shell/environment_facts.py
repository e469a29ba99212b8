"""Facts about an environment for activation, read from its files.

- Variables: from ``etc/conda/env_vars.d/*.json`` of packages (sorted, later files override), and
  the user's own from ``conda-meta/state``, which override them (CEP 32; ``***unset***`` unsets).
- Scripts: ``etc/conda/activate.d`` and ``deactivate.d``, by the suffix of each shell.

:mod:`minicon.shell.variable_rules` decides which variables may be set. A file that cannot be read
causes a warning and does not prevent activation.
"""

from __future__ import annotations

import os

from minicon.fs.plain_file import plain_opener, read_followed
from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATE = "conda-meta/state"
PACKAGE_VARIABLES = "etc/conda/env_vars.d"
ACTIVATE_SCRIPTS = "etc/conda/activate.d"
DEACTIVATE_SCRIPTS = "etc/conda/deactivate.d"
UNSET = "***unset***"
#: Copy of the variables that needs no JSON parser (:mod:`minicon.shell.activation_files`).
KEPT = "conda-meta/minicon/variables"


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """Facts about an environment.

    Attributes:
        prefix: Absolute path of the environment.
        variables: Name → value, in the order to set them.
        activate_scripts: Sorted names in ``etc/conda/activate.d``, for all shells.
        deactivate_scripts: Sorted names in ``etc/conda/deactivate.d``; they run in reverse order.
        inputs: Paths in the environment, separated by ``/``, that the variables were read from.
        warnings: One sentence for each variable or file that is ignored.
    """

    prefix: str
    variables: dict[str, str] = field(default_factory=dict)
    activate_scripts: tuple[str, ...] = ()
    deactivate_scripts: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def scripts(self, phase: str, suffix: str) -> tuple[str, ...]:
        """Return the paths of scripts in the order to run them.

        Args:
            phase: ``activate`` or ``deactivate``.
            suffix: The suffix of the shell's scripts.
        """
        if phase == "activate":
            folder, names = ACTIVATE_SCRIPTS, self.activate_scripts
        else:
            folder, names = DEACTIVATE_SCRIPTS, self.deactivate_scripts[::-1]
        path = os.path.join(self.prefix, *folder.split("/"))
        return tuple(os.path.join(path, name) for name in names if name.endswith(suffix))


def read_facts(
    prefix: str, *, force_uppercase: bool = True, use_kept: bool = True
) -> EnvironmentFacts:
    """Read the facts of an environment with a few system calls; a missing one has none.

    The variables are read from :data:`KEPT` if it is newer than its inputs; that needs no JSON
    parser and repeats no warnings.

    Args:
        prefix: Absolute path of the environment, or of its staged copy.
        force_uppercase: conda's ``envvars_force_uppercase``.
        use_kept: Use :data:`KEPT`.
    """
    inputs = _inputs(prefix)
    warnings: list[str] = []
    variables: dict[str, str] | None = None
    if use_kept:
        variables = _kept_variables(prefix, inputs, force_uppercase=force_uppercase)
    if variables is None:
        variables = _read_variables(prefix, inputs, warnings, force_uppercase=force_uppercase)
    return EnvironmentFacts(
        prefix,
        variables,
        _names(prefix, ACTIVATE_SCRIPTS),
        _names(prefix, DEACTIVATE_SCRIPTS),
        tuple(inputs),
        tuple(warnings),
    )


def newest_input(prefix: str) -> int:
    """Return the latest modification time of all inputs of activation, in nanoseconds, or 0."""
    inputs = (*_inputs(prefix), PACKAGE_VARIABLES, ACTIVATE_SCRIPTS, DEACTIVATE_SCRIPTS)
    return max(_time(os.path.join(prefix, path)) for path in inputs)


def kept_variables_data(facts: EnvironmentFacts, *, force_uppercase: bool) -> bytes:
    """Return the content of :data:`KEPT`: a header and ``NAME=VALUE`` fields, ended by NUL.

    The header names the format and the files that the variables were read from.
    """
    fields = [_header(facts.inputs, force_uppercase=force_uppercase)]
    fields += [f"{name}={value}" for name, value in facts.variables.items()]
    return "".join(field + "\0" for field in fields).encode("utf-8", "surrogateescape")


def _kept_variables(
    prefix: str, inputs: list[str], *, force_uppercase: bool
) -> dict[str, str] | None:
    if not inputs:
        return {}
    try:
        path = os.path.join(prefix, KEPT)
        written = os.stat(path).st_mtime_ns
        for name in (*inputs, PACKAGE_VARIABLES):
            source = os.path.join(prefix, name)
            if os.path.exists(source) and os.stat(source).st_mtime_ns > written:
                return None
        with open(
            path, encoding="utf-8", errors="surrogateescape", newline="", opener=plain_opener
        ) as reader:
            header, *fields = reader.read().split("\0")[:-1] or [""]
    except OSError:
        return None
    if header != _header(inputs, force_uppercase=force_uppercase):
        return None
    return {name: value for name, _, value in (field.partition("=") for field in fields)}


def _header(inputs: Iterable[str], *, force_uppercase: bool) -> str:
    return "/".join(["3", "upper" if force_uppercase else "as is", *inputs])


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _inputs(prefix: str) -> list[str]:
    inputs = [f"{PACKAGE_VARIABLES}/{n}" for n in _names(prefix, PACKAGE_VARIABLES, ".json")]
    if os.path.exists(os.path.join(prefix, STATE)):
        inputs.append(STATE)
    return inputs


def _read_variables(
    prefix: str, inputs: list[str], warnings: list[str], *, force_uppercase: bool
) -> dict[str, str]:
    from minicon.shell.variable_rules import (
        refusal,  # imported only if the kept variables are outdated
    )

    variables: dict[str, str] = {}
    for path in inputs:
        own = path == STATE
        for name, value in _variables_in(prefix, path, warnings):
            name = name.upper() if force_uppercase else name
            if value == UNSET:
                variables.pop(name, None)
            elif reason := refusal(name, value, from_package=not own):
                warnings.append(f"{path}: {reason}")
            else:
                if own and variables.get(name, value) != value:
                    warnings.append(f"{path}: {name!r} overrides the value of a package")
                variables.pop(name, None)
                variables[name] = str(value)
    return variables


def _names(prefix: str, folder: str, suffix: str = "") -> tuple[str, ...]:
    try:
        found = os.listdir(os.path.join(prefix, *folder.split("/")))
    except OSError:
        return ()
    return tuple(sorted(n for n in found if n.endswith(suffix) and not n.startswith(".")))


def _variables_in(prefix: str, path: str, warnings: list[str]) -> Iterator[tuple[str, object]]:
    import json

    try:
        document = json.loads(read_followed(os.path.join(prefix, *path.split("/"))))
        table = document.get("env_vars", {}) if path == STATE else document
        yield from table.items()
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        warnings.append(f"{path} cannot be read and is ignored: {error}")
