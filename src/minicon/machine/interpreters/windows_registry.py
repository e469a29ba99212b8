"""The two questions that PEP 514 needs answered by Windows' registry."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import winreg

    _ROOTS = {"HKCU": winreg.HKEY_CURRENT_USER, "HKLM": winreg.HKEY_LOCAL_MACHINE}

    def read_subkeys(key: str) -> list[str]:
        """Names of the keys below KEY (``HKCU/Software/...``, backslashes); empty if missing."""
        root, _, below = key.partition("\\")
        try:
            with winreg.OpenKey(_ROOTS[root], below) as handle:
                count = winreg.QueryInfoKey(handle)[0]
                return [winreg.EnumKey(handle, index) for index in range(count)]
        except OSError:
            return []

    def read_value(key: str, name: str) -> str | None:
        """Text of a value of KEY; an empty name is the default value."""
        root, _, below = key.partition("\\")
        try:
            with winreg.OpenKey(_ROOTS[root], below) as handle:
                return str(winreg.QueryValueEx(handle, name)[0])
        except OSError:
            return None
