"""What activation needs to know about one environment, read from its files.

- Variables: ``etc/conda/env_vars.d/*.json`` of its packages (sorted, later wins), and over them
  the user's own in ``conda-meta/state`` (CEP 32; ``***unset***`` means: not set).
- Scripts: ``etc/conda/activate.d`` and ``deactivate.d``, by the suffix of each shell.

Packages are not trusted with every variable: see :mod:`minicon.shell.variable_rules`. A file that
cannot be read is a warning, never a reason not to activate.
"""

from __future__ import annotations

import os

from minicon.fs.plain_file import plain_opener, read_followed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATE = "conda-meta/state"
PACKAGE_VARIABLES = "etc/conda/env_vars.d"
ACTIVATE_SCRIPTS = "etc/conda/activate.d"
DEACTIVATE_SCRIPTS = "etc/conda/deactivate.d"
UNSET = "***unset***"
#: What minicon keeps of the variables, for itself (:mod:`minicon.shell.activation_files`).
KEPT = "conda-meta/minicon/variables"


class EnvironmentFacts:
    """Facts about one environment, as of now. Treat as immutable.

    Attributes:
        prefix: Absolute path.
        variables: Name → value, in the order to set them.
        activate_scripts: Names in ``etc/conda/activate.d``, sorted, of every shell's suffix.
        deactivate_scripts: Names in ``etc/conda/deactivate.d``, sorted (they run in reverse).
        inputs: Paths below the prefix (``/`` separated) that the variables were read from.
        warnings: One sentence for each variable or file that was left out.
    """

    __slots__ = (
        "activate_scripts",
        "deactivate_scripts",
        "inputs",
        "prefix",
        "variables",
        "warnings",
    )

    def __init__(
        self,
        prefix: str,
        variables: dict[str, str] | None = None,
        activate_scripts: tuple[str, ...] = (),
        deactivate_scripts: tuple[str, ...] = (),
        inputs: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.prefix = prefix
        self.variables = variables or {}
        self.activate_scripts = activate_scripts
        self.deactivate_scripts = deactivate_scripts
        self.inputs = inputs
        self.warnings = warnings

    def scripts(self, phase: str, suffix: str) -> tuple[str, ...]:
        """Full paths of the scripts of PHASE (``activate`` or ``deactivate``), in run order."""
        if phase == "activate":
            folder, names = ACTIVATE_SCRIPTS, self.activate_scripts
        else:
            folder, names = DEACTIVATE_SCRIPTS, self.deactivate_scripts[::-1]
        place = os.path.join(self.prefix, *folder.split("/"))
        return tuple(os.path.join(place, name) for name in names if name.endswith(suffix))


def read_facts(
    prefix: str, *, force_uppercase: bool = True, anew: bool = False
) -> EnvironmentFacts:
    """Read the facts of an environment; a missing one has none. Costs a few system calls.

    The variables come from :data:`KEPT` where that is newer than what it was made from, which
    saves loading a JSON parser; what was left out was told when it was written.

    Args:
        prefix: Absolute path of the environment, or of its staged copy.
        force_uppercase: conda's ``envvars_force_uppercase``.
        anew: Do not believe :data:`KEPT`.
    """
    inputs = _inputs(prefix)
    warnings: list[str] = []
    variables: dict[str, str] | None = None
    if not anew:
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
    """When anything that activation is made from was last changed, in nanoseconds; 0: nothing."""
    places = (*_inputs(prefix), PACKAGE_VARIABLES, ACTIVATE_SCRIPTS, DEACTIVATE_SCRIPTS)
    return max(_time(os.path.join(prefix, place)) for place in places)


def kept_variables_data(facts: EnvironmentFacts, *, force_uppercase: bool) -> bytes:
    """The content of :data:`KEPT`: a mark and ``NAME=VALUE``, each ended by NUL.

    The mark tells the format and from which files the variables are.
    """
    fields = [_mark(facts.inputs, force_uppercase=force_uppercase)]
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
        for place in (*inputs, PACKAGE_VARIABLES):
            source = os.path.join(prefix, place)
            if os.path.exists(source) and os.stat(source).st_mtime_ns > written:
                return None
        with open(
            path, encoding="utf-8", errors="surrogateescape", newline="", opener=plain_opener
        ) as reader:
            mark, *fields = reader.read().split("\0")[:-1] or [""]
    except OSError:
        return None
    if mark != _mark(inputs, force_uppercase=force_uppercase):
        return None
    return {name: value for name, _, value in (field.partition("=") for field in fields)}


def _mark(inputs: Iterable[str], *, force_uppercase: bool) -> str:
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
    from minicon.shell.variable_rules import refusal  # not where the kept ones are good

    variables: dict[str, str] = {}
    for place in inputs:
        own = place == STATE
        for name, value in _variables_in(prefix, place, warnings):
            name = name.upper() if force_uppercase else name
            if value == UNSET:
                variables.pop(name, None)
            elif reason := refusal(name, value, from_package=not own):
                warnings.append(f"{place}: {reason}")
            else:
                if own and variables.get(name, value) != value:
                    warnings.append(f"{place}: {name!r} overrides what a package sets")
                variables.pop(name, None)
                variables[name] = str(value)
    return variables


def _names(prefix: str, folder: str, suffix: str = "") -> tuple[str, ...]:
    try:
        found = os.listdir(os.path.join(prefix, *folder.split("/")))
    except OSError:
        return ()
    return tuple(sorted(n for n in found if n.endswith(suffix) and not n.startswith(".")))


def _variables_in(prefix: str, place: str, warnings: list[str]) -> Iterator[tuple[str, object]]:
    import json

    try:
        document = json.loads(read_followed(os.path.join(prefix, *place.split("/"))))
        table = document.get("env_vars", {}) if place == STATE else document
        yield from table.items()
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        warnings.append(f"{place} cannot be read and is ignored: {error}")
