"""Run a prepared interpreter to check its version, its paths and its compiled modules."""

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

_SCRIPT = r"""
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


#: Keys and types of the script's output.
_OUTPUT = {"version": str, "prefix": str, "stdlib": str, "libraries": list, "broken": list}


class SelfCheckError(Exception):
    """The prepared interpreter does not work; the message says why."""


def check_portable(folder: Path, facts: InterpreterFacts, modules: Sequence[str]) -> None:
    """Check that a copied interpreter uses its own library, libpython and compiled modules.

    Args:
        folder: Directory of the package, still without ``pyvenv.cfg``.
        facts: Facts of the original interpreter.
        modules: Compiled modules in the package. One that cannot be imported is an error only if
            the original can import it.

    Raises:
        SelfCheckError: The check failed.
    """
    output = _run(str(folder / executable(facts)), modules)
    real = os.path.realpath(folder) + os.sep
    _check_version(output, facts)
    for path in (output["prefix"], output["stdlib"], *output["libraries"]):
        if not (os.path.realpath(path) + os.sep).startswith(real):
            raise SelfCheckError(f"the copy uses {path}, which is outside of it")
    if output["broken"]:
        original = _run(facts.executable, output["broken"])
        lost = sorted(set(output["broken"]) - set(original["broken"]))
        if lost:
            raise SelfCheckError(f"the copy cannot import modules: {', '.join(lost)}")


def check_venv(folder: Path, facts: InterpreterFacts) -> None:
    """Check that a linked interpreter uses the environment's prefix.

    Raises:
        SelfCheckError: The check failed.
    """
    output = _run(str(folder / executable(facts)), (), with_site=True)
    _check_version(output, facts)
    if os.path.realpath(output["prefix"]) != os.path.realpath(folder):
        raise SelfCheckError(f"its prefix is {output['prefix']}, not the environment")


def _check_version(output: Mapping[str, Any], facts: InterpreterFacts) -> None:
    expected = ".".join(map(str, facts.version_tuple))
    if output["version"] != expected:
        raise SelfCheckError(f"its version is {output['version']}, not {expected}")


def _run(command: str, modules: Sequence[str], *, with_site: bool = False) -> dict[str, Any]:
    flags = ["-I", "-B"] if with_site else ["-I", "-B", "-S"]
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("PYTHON") and key != "LD_LIBRARY_PATH"
    }
    try:
        finished = subprocess.run(
            [command, *flags, "-W", "ignore", "-c", _SCRIPT, *modules],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        result = read_object(finished.stdout.splitlines()[-1])
        for key, kind in _OUTPUT.items():
            if not isinstance(result.get(key), kind) or not is_plain(result[key], 1):
                raise ValueError(key)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SelfCheckError(f"it cannot be run: {error}") from error
    except (ValueError, IndexError) as error:
        text = finished.stderr.decode(errors="replace").strip()
        last = text.splitlines()[-1] if text else f"exit status {finished.returncode}"
        raise SelfCheckError(f"it failed: {last}") from error
    return result
