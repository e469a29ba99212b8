"""Where each shell looks for what to do when it starts."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: Home, environment variables, whether for the whole machine → files to change.
    Finder = Callable[[str, Mapping[str, str], bool], list[str]]


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
    return []  # the registry: see autorun.py


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
