"""Run a prepared interpreter once and look whether it is what it should be."""

from __future__ import annotations

import os
import subprocess

from minicon.machine.host_packages.layout import executable
from minicon.models.strict_json import is_plain, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.machine.interpreters.facts import InterpreterFacts

_QUESTION = r"""
import importlib, json, sys, sysconfig
libraries = []
try:
    with open("/proc/self/maps") as maps:
        libraries = sorted({l.split(None, 5)[5].strip() for l in maps if "/libpython" in l})
except OSError:
    pass
broken = []
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        broken.append(name)
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix,
    "base_prefix": sys.base_prefix, "stdlib": sysconfig.get_path("stdlib"),
    "libraries": libraries, "broken": broken,
}))
"""
_TIMEOUT_SECONDS = 60


#: What an answer must have.
_ANSWERS = {"version": str, "prefix": str, "stdlib": str, "libraries": list, "broken": list}


class SelfCheckError(Exception):
    """The prepared interpreter does not work; the text says how."""


def check_portable(folder: Path, facts: InterpreterFacts, modules: Sequence[str]) -> None:
    """Check a copied interpreter: it uses its own library, libpython and compiled modules.

    Args:
        folder: The package folder, without ``pyvenv.cfg`` as yet.
        facts: Of the interpreter that was copied.
        modules: Compiled modules that came along. One that does not load is a failure only if
            it loads in the original.

    Raises:
        SelfCheckError: Something is not as it must be.
    """
    answer = _ask(str(folder / executable(facts)), modules)
    real = os.path.realpath(folder) + os.sep
    _compare(answer, facts)
    for place in (answer["prefix"], answer["stdlib"], *answer["libraries"]):
        if not (os.path.realpath(place) + os.sep).startswith(real):
            raise SelfCheckError(f"the copy uses {place}, which is not its own")
    if answer["broken"]:
        original = _ask(facts.executable, answer["broken"])
        lost = sorted(set(answer["broken"]) - set(original["broken"]))
        if lost:
            raise SelfCheckError(f"modules of the copy do not load: {', '.join(lost)}")


def check_venv(folder: Path, facts: InterpreterFacts) -> None:
    """Check a linked interpreter: the environment's prefix over the original's library.

    Raises:
        SelfCheckError: Something is not as it must be.
    """
    answer = _ask(str(folder / executable(facts)), (), with_site=True)
    _compare(answer, facts)
    if os.path.realpath(answer["prefix"]) != os.path.realpath(folder):
        raise SelfCheckError(f"its prefix is {answer['prefix']}, not the environment")


def _compare(answer: Mapping[str, Any], facts: InterpreterFacts) -> None:
    wanted = ".".join(map(str, facts.version_tuple))
    if answer["version"] != wanted:
        raise SelfCheckError(f"it says that it is {answer['version']}, not {wanted}")


def _ask(command: str, modules: Sequence[str], *, with_site: bool = False) -> dict[str, Any]:
    flags = ["-I", "-B"] if with_site else ["-I", "-B", "-S"]
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("PYTHON") and key != "LD_LIBRARY_PATH"
    }
    try:
        answer = subprocess.run(
            [command, *flags, "-W", "ignore", "-c", _QUESTION, *modules],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        result = read_object(answer.stdout.splitlines()[-1])
        for key, kind in _ANSWERS.items():
            if not isinstance(result.get(key), kind) or not is_plain(result[key], 1):
                raise ValueError(key)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SelfCheckError(f"it cannot be run: {error}") from error
    except (ValueError, IndexError) as error:
        text = answer.stderr.decode(errors="replace").strip()
        last = text.splitlines()[-1] if text else f"exit status {answer.returncode}"
        raise SelfCheckError(f"it does not run: {last}") from error
    return result
