"""Where shells look for commands to run at their start: files, and for cmd.exe the registry.

cmd.exe has no start file. It runs the registry value ``AutoRun``, a command line that all programs
share. minicon's part is in parentheses, since ``z`` in ``IF x y & z`` would depend on ``x``.
"""

from __future__ import annotations

import importlib
import os
import re
import sys

from minicon.errors import ShellError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    #: Home directory, environment variables, and whether for all users → files to change.
    Finder = Callable[[str, Mapping[str, str], bool], list[str]]

#: Below HKEY_CURRENT_USER, or HKEY_LOCAL_MACHINE for all users.
KEY = r"Software\Microsoft\Command Processor"
VALUE = "AutoRun"

_OURS = lazy_pattern(
    r'\s{0,8}&?\s{0,8}\(IF EXIST "([^"]*\\shell\\hook\.bat)" CALL "\1"\)', re.IGNORECASE
)


def _bash(home: str, environ: Mapping[str, str], system: bool) -> list[str]:  # noqa: ARG001
    if system:
        return ["/etc/profile.d/minicon.sh"]
    # Terminals start login shells on macOS, and there bash reads no .bashrc.
    return [os.path.join(home, ".bash_profile" if sys.platform == "darwin" else ".bashrc")]


def _zsh(home: str, environ: Mapping[str, str], system: bool) -> list[str]:
    if system:
        return ["/etc/zsh/zshrc" if os.path.isdir("/etc/zsh") else "/etc/zshrc"]
    return [os.path.join(environ.get("ZDOTDIR") or home, ".zshrc")]


def _fish(home: str, environ: Mapping[str, str], system: bool) -> list[str]:
    if system:
        return ["/etc/fish/conf.d/minicon.fish"]
    return [os.path.join(_config(home, environ), "fish", "config.fish")]


def _tcsh(home: str, environ: Mapping[str, str], system: bool) -> list[str]:  # noqa: ARG001
    if system:
        return ["/etc/csh.cshrc"]
    own = os.path.join(home, ".tcshrc")  # tcsh reads .cshrc only where this is missing
    return [own if os.path.exists(own) else os.path.join(home, ".cshrc")]


def _xonsh(home: str, environ: Mapping[str, str], system: bool) -> list[str]:  # noqa: ARG001
    return ["/etc/xonsh/xonshrc"] if system else [os.path.join(home, ".xonshrc")]


def _nu(home: str, environ: Mapping[str, str], system: bool) -> list[str]:
    if system:
        return ["/usr/share/nushell/vendor/autoload/minicon.nu"]
    if sys.platform == "darwin" and not environ.get("XDG_CONFIG_HOME"):
        base = os.path.join(home, "Library", "Application Support")
    elif os.name == "nt":
        base = environ.get("APPDATA") or os.path.join(home, "AppData", "Roaming")
    else:
        base = _config(home, environ)
    return [os.path.join(base, "nushell", "config.nu")]


def _powershell(home: str, environ: Mapping[str, str], system: bool) -> list[str]:
    if os.name != "nt":
        folder = "/opt/microsoft/powershell/7" if system else f"{_config(home, environ)}/powershell"
        return [os.path.join(folder, "profile.ps1")]
    documents = os.path.join(home, "Documents")
    return [
        os.path.join(documents, folder, "profile.ps1")
        for folder in ("WindowsPowerShell", "PowerShell")
    ]


def _config(home: str, environ: Mapping[str, str]) -> str:
    base = environ.get("XDG_CONFIG_HOME", "")
    return base if os.path.isabs(base) else os.path.join(home, ".config")


def _cmd(home: str, environ: Mapping[str, str], system: bool) -> list[str]:  # noqa: ARG001
    return []  # the registry: see below


START_FILES: dict[str, Finder] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    "tcsh": _tcsh,
    "csh": _tcsh,
    "xonsh": _xonsh,
    "nu": _nu,
    "powershell": _powershell,
    "pwsh": _powershell,
    "cmd.exe": _cmd,
}


def autorun_after(before: str | None, hook: str, *, reverse: bool = False) -> str | None:
    """Return the value of AutoRun with minicon's part added, updated or removed.

    Args:
        before: The current value; None if it is not set.
        hook: Absolute path of ``hook.bat``.
        reverse: Remove minicon's part.

    Returns:
        The new value; None to remove it.

    Raises:
        ShellError: The path contains a character that cannot be quoted.
    """
    if set(hook) & set('"%'):
        raise ShellError(
            "odd-path",
            f"{hook} cannot be part of a command line of cmd.exe",
            hint="choose a MINICON_ROOT without quotes and percent signs",
        )
    others = _OURS.sub("", before or "")
    if others != before:  # minicon's part may have been the first
        others = others.strip().removeprefix("&").strip()
    if reverse:
        return others or None
    ours = f'(IF EXIST "{hook}" CALL "{hook}")'
    return f"{others} & {ours}" if others.strip() else ours


def read_autorun(*, system: bool = False) -> str | None:
    """Return the current value; None if it is not set. Windows only."""
    registry = _registry()
    try:
        with registry.OpenKey(_root_key(registry, system), KEY) as key:
            return str(registry.QueryValueEx(key, VALUE)[0])
    except FileNotFoundError:
        return None


def write_autorun(value: str | None, *, system: bool = False) -> None:
    """Set the value, or remove it if it is None. Windows only.

    Raises:
        ShellError: This is not Windows, or the registry may not be changed.
    """
    registry = _registry()
    try:
        with registry.CreateKey(_root_key(registry, system), KEY) as key:
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
            "no-registry", "cmd.exe is set up in the registry, which only Windows has"
        ) from error


def _root_key(registry: Any, system: bool) -> Any:
    return registry.HKEY_LOCAL_MACHINE if system else registry.HKEY_CURRENT_USER
