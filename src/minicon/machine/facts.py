"""Machine: properties of a machine that become virtual packages, detected when needed."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from pathlib import Path

from minicon.lean_dataclasses import dataclass
from minicon.machine.cuda import detect_cuda
from minicon.machine.microarchitectures import (
    microarchitecture_from_apple_brand,
    microarchitecture_from_cpuinfo,
)
from minicon.models.subdir import machine_name, native_subdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Properties of a machine; all but ``platform`` are functions that detect them.

    Attributes:
        platform: Native subdir, for instance ``linux-64``.
        system_version: Kernel release on Linux, product version on macOS and Windows.
        libc: Family (``glibc``) and version, or None.
        microarchitecture: archspec's name of the processor.
        cuda: CUDA version of the graphics driver, or None.
        cuda_arch: Lowest compute capability of the CUDA devices, or None.
    """

    platform: str
    system_version: Callable[[], str | None]
    libc: Callable[[], tuple[str, str] | None]
    microarchitecture: Callable[[], str]
    cuda: Callable[[], str | None]
    cuda_arch: Callable[[], str | None]

    @classmethod
    def this(cls, environ: Mapping[str, str]) -> Machine:
        """The machine that minicon runs on."""
        found = cache(lambda: detect_cuda(environ))
        return cls(
            platform=native_subdir(),
            system_version=_system_version,
            libc=_libc,
            microarchitecture=_microarchitecture,
            cuda=lambda: found()[0],
            cuda_arch=lambda: found()[1],
        )


def _system_version() -> str | None:
    if sys.platform == "darwin":
        import platform

        return platform.mac_ver()[0] or None
    if sys.platform == "win32":
        import platform

        return platform.version() or None
    return os.uname().release or None


def _libc() -> tuple[str, str] | None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        family, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if family and version:
            return family, version
    return None


def _microarchitecture() -> str:
    machine = machine_name()
    machine = {"arm64": "aarch64", "AMD64": "x86_64", "ARM64": "aarch64"}.get(machine, machine)
    if sys.platform == "darwin":
        import subprocess

        answer = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            text=True,
            check=False,
        )
        brand = answer.stdout.strip()
        return microarchitecture_from_apple_brand(brand) if "Apple" in brand else machine
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return machine
    return microarchitecture_from_cpuinfo(text, machine)
