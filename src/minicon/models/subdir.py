"""Subdirs: the platform directories of a channel, for instance ``linux-64`` (CEP 26)."""

from __future__ import annotations

import os
import sys

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import shortened

NOARCH = "noarch"
_MAX_SELECTOR = 64
_LONGEST = 32

#: Platforms that packages are built for.
PLATFORMS = (
    "linux-64", "linux-aarch64", "linux-ppc64le", "linux-s390x", "linux-32", "linux-armv6l",
    "linux-armv7l", "linux-ppc64", "linux-riscv32", "linux-riscv64", "linux-loongarch64",
    "osx-64", "osx-arm64", "win-64", "win-32", "win-arm64", "emscripten-wasm32", "wasi-wasm32",
    "freebsd-64", "zos-z",
)  # fmt: skip
KNOWN_SUBDIRS = frozenset((*PLATFORMS, NOARCH))

_SUBDIR = lazy_pattern(r"[a-z0-9_]+-[a-z0-9_]+|noarch")
_SYSTEMS = {
    "linux": "linux",
    "darwin": "osx",
    "macos": "osx",
    "macosx": "osx",
    "windows": "win",
    "win32": "win",
    "emscripten": "emscripten",
    "wasi": "wasi",
    "freebsd": "freebsd",
    "zos": "zos",
}
_MACHINES = {
    "x86_64": "64",
    "amd64": "64",
    "i386": "32",
    "i686": "32",
    "x86": "32",
    "arm64": "arm64",
    "aarch64": "aarch64",
}


def current_subdir(system: str, machine: str, *, pointer_bits: int = 64) -> str:
    """The subdir of a machine.

    Args:
        system: ``platform.system()`` or ``sys.platform``.
        machine: ``platform.machine()``.
        pointer_bits: 32 or 64; a 32-bit process on a 64-bit machine has a 32-bit subdir.
    """
    family = _SYSTEMS.get(system.lower(), system.lower())
    kind = _MACHINES.get(machine.lower(), machine.lower())
    if kind == "64" and pointer_bits == 32:
        kind = "32"
    if family in ("osx", "win") and kind == "aarch64":
        kind = "arm64"
    elif family not in ("osx", "win") and kind == "arm64":
        kind = "aarch64"
    return f"{family}-{kind}"


def native_subdir() -> str:
    """The subdir of the running process, for instance ``linux-64``.

    As in conda, that of the interpreter, not of the kernel.
    """
    bits = 64 if sys.maxsize > 2**32 else 32
    return current_subdir(sys.platform, machine_name(), pointer_bits=bits)


def machine_name() -> str:
    """As :func:`platform.machine`; on POSIX without importing that module."""
    if os.name == "posix":
        return os.uname().machine
    import platform

    return platform.machine()


def check_subdir(text: str) -> str:
    """Validate and return a subdir; unknown platforms of the right form are allowed.

    Raises:
        SpecError: ``invalid-subdir``.
    """
    if not is_subdir(text):
        raise SpecError(
            "invalid-subdir",
            f"{shortened(text, 40)!r} is not a platform",
            hint=platform_hint(text) or "platforms look like linux-64, osx-arm64, win-64 or noarch",
        )
    return text


def is_subdir(text: str) -> bool:
    """Whether a text has the form of a subdir; channels may have others than the known ones."""
    return len(text) <= _LONGEST and _SUBDIR.fullmatch(text) is not None


def platform_hint(text: str) -> str:
    """Return a question for the platform that another text means: ``linux64``, ``macos-arm64``.

    Empty for known subdirs, and for texts that resemble none: a channel may have its own.
    """
    if text in KNOWN_SUBDIRS or len(text) > _LONGEST:
        return ""
    from minicon.models.near_names import near_names

    typed = text.strip().lower()
    systems = sorted({*_SYSTEMS, *_SYSTEMS.values()}, key=len, reverse=True)
    meant = [
        current_subdir(system, typed.removeprefix(system).lstrip("-_"))
        for system in systems
        if typed.startswith(system)
    ]
    near = [name for name in meant if name in PLATFORMS] or near_names(text, sorted(KNOWN_SUBDIRS))
    return f"did you mean {near[0]}?" if near else ""


def is_windows(subdir: str) -> bool:
    """Whether environments of a subdir have the Windows layout."""
    return subdir.startswith("win-")


def selectors(subdir: str) -> frozenset[str]:
    """Words that are true for a subdir in selectors: ``linux``, ``unix``, ``linux64`` and so on."""
    family, _, machine = subdir.partition("-")
    words = {subdir, family, f"{family}{machine}", f"{family}_{machine}"}
    words.add({"64": "x86_64", "32": "x86"}.get(machine, machine))
    if subdir != NOARCH and not is_windows(subdir):
        words.add("unix")
    return frozenset(words)


_SELECTOR_WORDS = frozenset().union(*map(selectors, PLATFORMS))
_SELECTOR_TOKEN = lazy_pattern(r"\s*([()]|[A-Za-z0-9_\-]+)")


def selects(expression: str, subdir: str) -> bool | None:
    """Whether a selector such as ``linux and not aarch64`` is true for a subdir.

    Returns:
        None if the text is not a selector, for instance because it contains an unknown word.
    """
    tokens: list[str] = []
    position, expression = 0, expression.strip()
    while position < len(expression):
        token = _SELECTOR_TOKEN.match(expression, position)
        if token is None or len(tokens) >= _MAX_SELECTOR:
            return None
        tokens.append(token.group(1))
        position = token.end()
    value = _Selector(tokens, selectors(subdir)).either()
    return None if tokens else value


class _Selector:
    """Recursive-descent parser; ``not`` binds tighter than ``and``, that tighter than ``or``.

    Each method returns None for a syntax error.
    """

    def __init__(self, tokens: list[str], words: frozenset[str]) -> None:
        self.tokens = tokens
        self.words = words

    def take(self, word: str) -> bool:
        if self.tokens[:1] == [word]:
            del self.tokens[0]
            return True
        return False

    def either(self) -> bool | None:
        value = self.both()
        while value is not None and self.take("or"):
            other = self.both()
            value = None if other is None else value or other
        return value

    def both(self) -> bool | None:
        value = self.one()
        while value is not None and self.take("and"):
            other = self.one()
            value = None if other is None else value and other
        return value

    def one(self) -> bool | None:
        if self.take("not"):
            value = self.one()
            return None if value is None else not value
        if self.take("("):
            value = self.either()
            return value if self.take(")") else None
        word = self.tokens.pop(0) if self.tokens else ""
        return word in self.words if word in _SELECTOR_WORDS else None
