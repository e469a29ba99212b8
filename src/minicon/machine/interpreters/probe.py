"""Probe: run an executable in a short child process to get the facts of an interpreter."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.machine.interpreters.facts import InterpreterFacts, subdir_from_platform
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Mapping
    from typing import Any

#: Runs under Python 3.4 or later, with ``-I -S``, so that neither site nor user code is imported.
_SCRIPT = r"""
import json, os, platform, struct, sys, sysconfig
get = sysconfig.get_config_var
names = {"alpha": "a", "beta": "b", "candidate": "rc"}
info = sys.version_info
level = names.get(info[3])
pypy = getattr(sys, "pypy_version_info", None)
print(json.dumps({
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % info[:3] + ("%s%d" % (level, info[4]) if level else ""),
    "prefix": getattr(sys, "base_prefix", sys.prefix),
    "stdlib": sysconfig.get_path("stdlib"),
    "platstdlib": sysconfig.get_path("platstdlib"),
    "include": sysconfig.get_path("include"),
    "schemes": list(sysconfig.get_scheme_names()),
    "platform_tag": sysconfig.get_platform(),
    "machine": platform.machine(),
    "pointer_bits": struct.calcsize("P") * 8,
    "cache_tag": sys.implementation.cache_tag or "",
    "abiflags": getattr(sys, "abiflags", ""),
    "is_debug": bool(get("Py_DEBUG")) or hasattr(sys, "gettotalrefcount"),
    "is_free_threaded": bool(get("Py_GIL_DISABLED")),
    "is_shared": bool(get("Py_ENABLE_SHARED")),
    "library_directory": get("LIBDIR") or "",
    "shared_library": get("INSTSONAME") or "",
    "framework": get("PYTHONFRAMEWORK") or "",
}))
"""


class ProbeError(Exception):
    """The executable is not a usable interpreter; the message says why."""


def probe_interpreter(
    executable: str, *, environ: Mapping[str, str], timeout: float = 5.0
) -> InterpreterFacts:
    """Run an executable and collect the facts that it reports.

    Cost: one process, 20-60 ms, and hashing libpython.

    Raises:
        ProbeError: It cannot be run, fails, does not end within ``timeout`` seconds, or is not a
            Python interpreter.
    """
    output = _run(executable, environ, timeout)
    try:
        data = read_json(output.strip().splitlines()[-1])
        return _facts(data)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ProbeError("its output is not that of a Python interpreter") from error


def _run(executable: str, environ: Mapping[str, str], timeout: float) -> str:
    """The output of the executable. After the timeout, its whole process group is killed.

    Otherwise children of a wrapper script could keep the pipe open forever.
    """
    import subprocess

    clean = {key: value for key, value in environ.items() if not key.startswith("PYTHON")}
    try:
        child = subprocess.Popen(
            [executable, "-I", "-S", "-c", _SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean,
            cwd=os.path.dirname(executable) or None,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProbeError(f"it cannot be run: {reason}") from error
    with child:
        try:
            output, errors = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise ProbeError(f"it did not answer within {timeout:g} s") from error
        finally:
            _end(child)
    if child.returncode != 0:
        raise ProbeError(f"it failed: {_summary(errors) or child.returncode}")
    return output.decode(errors="replace")


def _summary(errors: bytes) -> str:
    """The most useful line of an error output: the last of a traceback, else the first."""
    lines = errors.decode(errors="replace").strip().splitlines() or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0]


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(OSError):
        if os.name == "posix":
            import signal

            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()


def _facts(data: dict[str, Any]) -> InterpreterFacts:
    stdlib = data["stdlib"]
    platform = subdir_from_platform(
        data.pop("platform_tag"), data.pop("machine"), data.pop("pointer_bits")
    )
    data["executable"] = os.path.realpath(data["executable"])
    data["library_directory"] = _library_directory(data)
    library = os.path.join(data["library_directory"], data["shared_library"])
    data.update(
        platform=platform,
        has_vendor_packages=_has_vendor_packages(stdlib, data.pop("schemes")),
        in_conda_prefix=os.path.isdir(os.path.join(data["prefix"], "conda-meta")),
        identity=identity_of(data["executable"], library if data["is_shared"] else "", stdlib),
    )
    return InterpreterFacts.from_json(data)


def _library_directory(data: Mapping[str, Any]) -> str:
    """LIBDIR, or ``lib`` in the prefix if the build was moved after installation."""
    named, real = data["library_directory"], os.path.join(data["prefix"], "lib")
    for folder in (named, real):
        if os.path.exists(os.path.join(folder, data["shared_library"] or ".")):
            return str(folder)
    return str(named)


def _has_vendor_packages(stdlib: str, schemes: Collection[str]) -> bool:
    folders = (stdlib, os.path.join(os.path.dirname(stdlib), "python3"))
    return bool({"posix_local", "deb_system"} & set(schemes)) or any(
        os.path.isdir(os.path.join(folder, "dist-packages")) for folder in folders
    )


def identity_of(executable: str, shared_library: str, stdlib: str) -> str:
    """A hash that changes if the interpreter is replaced or updated.

    It covers executable, libpython, and names and sizes of the top-level modules of the standard
    library; an update changes one of them. Cost: reading the two files.
    """
    import hashlib

    digest = hashlib.sha256(executable.encode(errors="surrogateescape"))
    for path in filter(None, (executable, shared_library)):
        with contextlib.suppress(FileNotFoundError), Path(path).open("rb") as reader:
            while chunk := reader.read(1 << 20):
                digest.update(chunk)
    with os.scandir(stdlib) as entries:
        listing = sorted(
            (entry.name, entry.stat().st_size) for entry in entries if entry.name.endswith(".py")
        )
    digest.update(repr(listing).encode())
    return digest.hexdigest()
