"""cmd.exe has no start file: it runs what the registry value ``AutoRun`` says.

The value is one command line, shared by all programs that want to be there; ours is one part of
it, in parentheses, since ``IF x y & z`` would make ``z`` depend on ``x`` too.
"""

from __future__ import annotations

import importlib
import re

from minicon.errors import ShellError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Below HKEY_CURRENT_USER, or HKEY_LOCAL_MACHINE for all users.
KEY = r"Software\Microsoft\Command Processor"
VALUE = "AutoRun"

_OURS = lazy_pattern(
    r'\s{0,8}&?\s{0,8}\(IF EXIST "([^"]*\\shell\\hook\.bat)" CALL "\1"\)', re.IGNORECASE
)


def autorun_after(before: str | None, hook: str, *, reverse: bool = False) -> str | None:
    """The value of AutoRun with our part added, renewed or taken out; the rest stays as it is.

    Args:
        before: The value; None when there is none.
        hook: Absolute path of ``hook.bat``.
        reverse: Take our part out.

    Returns:
        The new value; None when there shall be none.

    Raises:
        ShellError: The path holds a character that cannot be quoted there.
    """
    if set(hook) & set('"%'):
        raise ShellError(
            "odd-path",
            f"{hook} cannot be written into a command line of cmd.exe",
            hint="choose a MINICON_ROOT without quotes and percent signs",
        )
    others = _OURS.sub("", before or "")
    if others != before:  # ours may have been the first
        others = others.strip().removeprefix("&").strip()
    if reverse:
        return others or None
    ours = f'(IF EXIST "{hook}" CALL "{hook}")'
    return f"{others} & {ours}" if others.strip() else ours


def read_autorun(*, system: bool = False) -> str | None:
    """The value as it is now; None when there is none. Windows only."""
    registry = _registry()
    try:
        with registry.OpenKey(_place(registry, system), KEY) as key:
            return str(registry.QueryValueEx(key, VALUE)[0])
    except FileNotFoundError:
        return None


def write_autorun(value: str | None, *, system: bool = False) -> None:
    """Set the value; None removes it. Windows only.

    Raises:
        ShellError: There is no registry here, or it may not be changed.
    """
    registry = _registry()
    try:
        with registry.CreateKey(_place(registry, system), KEY) as key:
            if value is None:
                registry.DeleteValue(key, VALUE)
            else:
                kind = registry.REG_EXPAND_SZ if "%" in value else registry.REG_SZ
                registry.SetValueEx(key, VALUE, 0, kind, value)
    except PermissionError as error:
        raise ShellError(
            "registry-refused", f"{KEY}\\{VALUE} cannot be changed: {error.strerror}"
        ) from error


def _registry() -> Any:
    try:
        return importlib.import_module("winreg")
    except ImportError as error:
        raise ShellError(
            "no-registry", "cmd.exe keeps its start in the registry, and only Windows has one"
        ) from error


def _place(registry: Any, system: bool) -> Any:
    return registry.HKEY_LOCAL_MACHINE if system else registry.HKEY_CURRENT_USER
