"""Detection of the CUDA version that the graphics driver of this machine supports."""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LINUX_DRIVER = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-ctrl")
_LINUX_LIBRARIES = (
    "libcuda.so.1",
    "/usr/lib64/nvidia/libcuda.so.1",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
)
_WINDOWS_LIBRARIES = ("nvcuda64.dll", "nvcuda.dll")

#: Runs in a child process, because initializing a driver can affect the process (as in conda).
_SCRIPT = """
import ctypes, sys
for name in sys.argv[1:]:
    try:
        library = ctypes.CDLL(name)
        break
    except OSError:
        pass
else:
    sys.exit(1)
version = ctypes.c_int(0)
if library.cuInit(0) != 0 or library.cuDriverGetVersion(ctypes.byref(version)) != 0:
    sys.exit(1)
print(version.value)
"""


def detect_cuda_version(environ: Mapping[str, str], *, timeout: float = 10.0) -> str | None:
    """The driver's CUDA version, for instance ``12.4``; None without a driver.

    Cost: a few ``stat`` calls without a driver, else one process.
    """
    libraries = _libraries()
    if not libraries:
        return None
    import subprocess

    # An empty or wrong CUDA_VISIBLE_DEVICES makes cuInit fail.
    clean = {key: value for key, value in environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, *libraries],
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version_from_number(answer.stdout.decode(errors="replace").strip())


def version_from_number(text: str) -> str | None:
    """Convert the driver's version number: ``12040`` is ``12.4``."""
    if not re.fullmatch(r"\d{4,6}", text):
        return None
    number = int(text)
    return f"{number // 1000}.{number % 1000 // 10}"


def _libraries() -> tuple[str, ...]:
    if sys.platform == "win32":
        system = os.path.join(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32")
        return tuple(
            name for name in _WINDOWS_LIBRARIES if os.path.exists(os.path.join(system, name))
        )
    return _LINUX_LIBRARIES if any(map(os.path.exists, _LINUX_DRIVER)) else ()
