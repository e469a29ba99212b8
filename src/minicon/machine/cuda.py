"""Detection of the CUDA version of the graphics driver, and of the devices' compute capability."""

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
def ask(function, *arguments):
    value = ctypes.c_int(0)
    if getattr(library, function)(ctypes.byref(value), *arguments) != 0:
        sys.exit(1)
    return value.value
if library.cuInit(0) != 0:
    sys.exit(1)
print(ask("cuDriverGetVersion"), flush=True)
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
for number in range(ask("cuDeviceGetCount")):
    device = ask("cuDeviceGet", number)
    print(*(ask("cuDeviceGetAttribute", each, device) for each in (MAJOR, MINOR)), sep=".")
"""


def detect_cuda(
    environ: Mapping[str, str], *, timeout: float = 10.0
) -> tuple[str | None, str | None]:
    """The driver's CUDA version and the lowest compute capability of all devices.

    For instance ``("12.4", "9.0")``; None for what does not exist (CEP 30, CEP 46).

    Cost: a few ``stat`` calls without a driver, else one process.
    """
    libraries = _libraries()
    if not libraries:
        return None, None
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
        return None, None
    return read_answer(answer.stdout.decode(errors="replace"))


def read_answer(text: str) -> tuple[str | None, str | None]:
    r"""Read the driver's version number and the capability of each device, one a line.

    >>> read_answer("12040\n9.0\n8.6\n")
    ('12.4', '8.6')
    """
    number, *devices = text.split() or ("",)
    version = version_from_number(number)
    valid = [each for each in devices if re.fullmatch(r"\d{1,3}\.\d{1,3}", each)]
    lowest = min(valid, key=lambda each: [*map(int, each.split("."))], default=None)
    return version, lowest if version else None


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
