"""InterpreterFacts: properties of a Python interpreter, as the probe reports them."""

from __future__ import annotations

import re

from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import asdict, dataclass, fields
from minicon.models.subdir import current_subdir
from minicon.models.version import python_minor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_VERSION = lazy_pattern(r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}(?:(?:a|b|rc)[0-9]{1,4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterFacts:
    """A base interpreter of this machine, never that of a virtual environment.

    Attributes:
        executable: Real path, with links resolved.
        implementation: ``cpython``, ``pypy``, ...
        version: Version that is valid for conda and PEP 440, for instance ``3.13.0rc1``.
        prefix: ``sys.base_prefix``.
        stdlib: Directory of the standard library.
        platstdlib: Parent directory of the compiled modules; mostly the same as ``stdlib``.
        include: Directory of the C headers, which may be missing.
        platform: Subdir, for instance ``linux-64``.
        cache_tag: Tag in the names of bytecode files, for instance ``cpython-311``.
        abiflags: ``d`` for a debug build, ``t`` for a free-threaded one, or both.
        is_debug: Whether it is a debug build (``Py_DEBUG``).
        is_free_threaded: Whether it has no global interpreter lock (PEP 703).
        is_shared: Whether it loads a shared libpython.
        library_directory: Directory of libpython (``LIBDIR``).
        shared_library: File name of the shared libpython, or an empty string.
        framework: Name of its macOS framework, or an empty string.
        has_vendor_packages: Whether its distribution added ``dist-packages``.
        in_conda_prefix: Whether its prefix contains ``conda-meta``.
        identity: SHA-256 of executable, libpython and the listing of the standard library.
    """

    executable: str
    implementation: str
    version: str
    prefix: str
    stdlib: str
    platstdlib: str
    include: str
    platform: str
    cache_tag: str
    abiflags: str
    is_debug: bool
    is_free_threaded: bool
    is_shared: bool
    library_directory: str
    shared_library: str
    framework: str
    has_vendor_packages: bool
    in_conda_prefix: bool
    identity: str

    @property
    def minor(self) -> str:
        """Major and minor version, for instance ``3.11``."""
        return python_minor(self.version)

    @property
    def version_tuple(self) -> tuple[int, ...]:
        """The release numbers; a pre-release counts as its final release."""
        return tuple(int(number) for number in re.findall(r"\d+", self.version)[:3])

    @property
    def is_pre_release(self) -> bool:
        """Whether it is an alpha, beta or release candidate."""
        return not re.fullmatch(r"[\d.]+", self.version)

    @property
    def is_windows(self) -> bool:
        """Whether it runs on Windows."""
        return self.platform.startswith("win-")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InterpreterFacts:
        """Parse the JSON object of :meth:`to_json`.

        Raises:
            KeyError: A field is missing.
            TypeError: A field has the wrong type.
            ValueError: The version is invalid.
        """
        values = {field.name: data[field.name] for field in fields(cls)}
        for field in fields(cls):
            if type(values[field.name]).__name__ != field.type:
                raise TypeError(field.name)
        if not _VERSION.fullmatch(values["version"]):
            raise ValueError("version")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RejectedInterpreter:
    """An executable with the name of an interpreter that cannot be used.

    Attributes:
        path: Its path.
        reason: A clause with "it" as its subject: "it did not answer within 5 s".
    """

    path: str
    reason: str


def subdir_from_platform(platform_tag: str, machine: str, pointer_bits: int) -> str:
    """Conda's subdir for the result of ``sysconfig.get_platform()``.

    Args:
        platform_tag: For instance ``linux-x86_64``, ``macosx-11.0-universal2``, ``win-amd64``.
        machine: ``platform.machine()``, used for universal macOS builds.
        pointer_bits: 32 or 64; a 32-bit interpreter may run on a 64-bit kernel.
    """
    if platform_tag == "win32":
        return current_subdir("windows", "x86")
    system, _, rest = platform_tag.partition("-")
    if system == "win":
        return current_subdir("windows", rest, pointer_bits=pointer_bits)
    if system == "macosx":
        tag = rest.rpartition("-")[2]
        return current_subdir("darwin", tag if tag in ("x86_64", "arm64") else machine)
    return current_subdir(system, rest, pointer_bits=pointer_bits)
