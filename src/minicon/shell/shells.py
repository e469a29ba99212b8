"""One small class per shell: an :class:`ActivationChange` → text that the shell evaluates.

Every value goes through the shell's one quoting method; tests/shells run the real shells on
random values. Texts follow conda's ``shell.<name>`` output, except where conda's are wrong
(unquoted values, empty instead of unset).
"""

from __future__ import annotations

import os

from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.shell.activation import ActivationChange


class Shell:
    """How one shell writes things down. Subclasses fill in the five sentences.

    Attributes:
        name: As in ``shell.<name>``.
        suffix: Of the package scripts that it sources; empty where it sources none.
        hook: Its file in ``shell/scripts``.
    """

    name = ""
    suffix = ".sh"
    hook = ""
    separator = "\n"

    def quote(self, text: str) -> str:
        """TEXT as one literal word."""
        raise NotImplementedError

    def export(self, name: str, value: str) -> str:
        """Set an environment variable."""
        raise NotImplementedError

    def unset(self, name: str) -> str:
        """Remove an environment variable."""
        raise NotImplementedError

    def source(self, path: str) -> str:
        """Run a script in the shell itself."""
        raise NotImplementedError

    def set_prompt(self, prompt: str) -> str:  # noqa: ARG002 - a sentence some shells lack
        """Set the prompt; empty where the hook does it from CONDA_PROMPT_MODIFIER."""
        return ""

    def set_path(self, path: str) -> str:
        """Set PATH."""
        return self.export("PATH", path)

    def render(self, change: ActivationChange) -> str:
        """The whole change, in conda's order, ending with the shell's separator."""
        path = [self.set_path(change.path)] if change.path is not None else []
        lines = [
            *(path if change.path_first else ()),
            *(self.source(p) for p in change.leave_scripts if self.sources(p)),
            *(self.unset(name) for name in change.unset),
            *(self.set_prompt(text) for text in change.set.values()),
            *(() if change.path_first else path),
            *(self.export(name, value) for name, value in change.export.items()),
            *(self.source(p) for p in change.enter_scripts if self.sources(p)),
        ]
        return "".join(line + self.separator for line in lines if line)

    def sources(self, path: str) -> bool:
        """Whether a package script is for this shell."""
        return bool(self.suffix) and path.endswith(self.suffix)


class PosixShell(Shell):
    """Sh, bash, zsh, dash, ash."""

    name = "posix"
    hook = "hook.sh"

    def quote(self, text: str) -> str:
        """TEXT in single quotes; nothing but the quote itself has a meaning in them."""
        return "'" + text.replace("'", "'\\''") + "'"

    def export(self, name: str, value: str) -> str:
        """``export K='V'``."""
        return f"export {name}={self.quote(value)}"

    def unset(self, name: str) -> str:
        """``unset K``: really unset, where conda leaves an empty value."""
        return f"unset {name}"

    def source(self, path: str) -> str:
        """``. 'F'``."""
        return f". {self.quote(path)}"

    def set_prompt(self, prompt: str) -> str:
        """``PS1='…'``."""
        return f"PS1={self.quote(prompt)}"


class FishShell(Shell):
    """Fish; the hook's fish_prompt shows CONDA_PROMPT_MODIFIER."""

    name = "fish"
    suffix = ".fish"
    hook = "hook.fish"
    separator = ";\n"

    def quote(self, text: str) -> str:
        """TEXT in single quotes; backslash and quote are escaped."""
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def export(self, name: str, value: str) -> str:
        """``set -gx K 'V'``."""
        return f"set -gx {name} {self.quote(value)}"

    def unset(self, name: str) -> str:
        """``set -e K``."""
        return f"set -e {name} || true"

    def source(self, path: str) -> str:
        """``source 'F'``."""
        return f"source {self.quote(path)}"

    def set_path(self, path: str) -> str:
        """PATH is a list."""
        return "set -gx PATH " + " ".join(self.quote(each) for each in path.split(os.pathsep))


class CshShell(Shell):
    """Csh and tcsh."""

    name = "csh"
    suffix = ".csh"
    hook = "hook.csh"
    separator = ";\n"

    def quote(self, text: str) -> str:
        r"""TEXT in single quotes; ``!`` and newline keep a meaning there and take a backslash."""
        text = text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n")
        return "'" + text + "'"

    def export(self, name: str, value: str) -> str:
        """``setenv K 'V'``."""
        return f"setenv {name} {self.quote(value)}"

    def unset(self, name: str) -> str:
        """``unsetenv K``."""
        return f"unsetenv {name}"

    def source(self, path: str) -> str:
        """``source 'F'``."""
        return f"source {self.quote(path)}"

    def set_prompt(self, prompt: str) -> str:
        """``set prompt='…'``."""
        return f"set prompt={self.quote(prompt)}"


class XonshShell(Shell):
    """Xonsh: Python literals, which know every character."""

    name = "xonsh"
    hook = "hook.xsh"

    def quote(self, text: str) -> str:
        """TEXT as a Python literal."""
        return ascii(text)

    def export(self, name: str, value: str) -> str:
        """``$K = 'V'``."""
        return f"${name} = {self.quote(value)}"

    def unset(self, name: str) -> str:
        """Delete it, if it is there."""
        return f"try:\n    del ${name}\nexcept KeyError:\n    pass"

    def source(self, path: str) -> str:
        """Package scripts for xonsh are bash scripts (conda's rule).

        As code for bash in a Python expression: xonsh expands a word's ``$HOME``, and some
        versions put the name of a file between double quotes for bash.
        """
        code = PosixShell().source(path)
        return f"source-bash --suppress-skip-message -n @({self.quote(code)})"


class PowerShell(Shell):
    """Windows PowerShell and PowerShell Core; the hook's prompt function shows the modifier."""

    name = "powershell"
    suffix = ".ps1"
    hook = "hook.ps1"

    def quote(self, text: str) -> str:
        """TEXT in single quotes; PowerShell takes typographic quotes for quotes as well."""
        for mark in "'\u2018\u2019\u201a\u201b":
            text = text.replace(mark, mark + mark)
        return f"'{text}'"

    def export(self, name: str, value: str) -> str:
        """``$Env:K = 'V'``."""
        return f"$Env:{name} = {self.quote(value)}"

    def unset(self, name: str) -> str:
        """``$Env:K = $null``."""
        return f"$Env:{name} = $null"

    def source(self, path: str) -> str:
        """``. 'F'``."""
        return f". {self.quote(path)}"


class CmdShell(Shell):
    """cmd.exe: lines of a batch file, which the hook calls."""

    name = "cmd.exe"
    suffix = ".bat"
    hook = "hook.bat"
    separator = "\r\n"

    def quote(self, text: str) -> str:
        """TEXT as it stands between double quotes; for texts without a double quote."""
        return _one_line(text).replace("%", "%%")

    def export(self, name: str, value: str) -> str:
        """``@SET "K=V"``; without the quotes, and with ``^``, where V has quotes itself.

        A quote in the value would end the quoted part, and what follows would be commands.
        """
        if '"' not in value:
            return f'@SET "{name}={self.quote(value)}"'
        escaped = "".join(f"^{c}" if c in _CMD_SPECIAL else c for c in self.quote(value))
        return f"@SET {name}={escaped}"

    def unset(self, name: str) -> str:
        """``@SET "K="``: an empty value is an unset one."""
        return f'@SET "{name}="'

    def source(self, path: str) -> str:
        """``@CALL "F"``; CALL reads percent signs a second time."""
        return f'@CALL "{self.quote(self.quote(path))}"'

    def set_prompt(self, prompt: str) -> str:
        """``@SET "PROMPT=…"``."""
        return self.export("PROMPT", prompt)


_CMD_SPECIAL = frozenset('^&|<>()"')


def _one_line(text: str) -> str:
    """TEXT up to what ends a line (or, Ctrl-Z, the file) of a batch file, and cannot be written."""
    return min((text.partition(end)[0] for end in "\r\n\x1a"), key=len)


class NuShell(Shell):
    """Nu evaluates no text at run time, so its hook reads a record of changes (JSON)."""

    name = "nu"
    suffix = ""
    hook = "hook.nu"

    def quote(self, text: str) -> str:
        """TEXT as a JSON string, which nu reads too."""
        import json

        return json.dumps(text, ensure_ascii=False)

    def export(self, name: str, value: str) -> str:
        """``$env.K = "V"``: for the hook only, see :meth:`render`."""
        return f"$env.{name} = {self.quote(value)}"

    def render(self, change: ActivationChange) -> str:
        """``{"set": {K: V}, "unset": [K], "path": [folder] or null}``."""
        import json

        path = change.path.split(os.pathsep) if change.path is not None else None
        record = {"set": dict(change.export), "unset": list(change.unset), "path": path}
        return json.dumps(record) + "\n"


class JsonShell(Shell):
    """``shell.posix+json`` and its like: conda's object, for other programs."""

    name = "json"

    def __init__(self, suffix: str = ".sh", hook: str = "") -> None:
        self.suffix = suffix
        self.hook = hook

    def render(self, change: ActivationChange) -> str:
        """``{"path": {"PATH": […]}, "vars": {export, unset, set}, "scripts": {…}}``."""
        import json

        path = change.path.split(os.pathsep) if change.path is not None else None
        document = {
            "path": {} if path is None else {"PATH": path},
            "vars": {
                "export": dict(change.export),
                "unset": list(change.unset),
                "set": dict(change.set),
            },
            "scripts": {
                "activate": [p for p in change.enter_scripts if self.sources(p)],
                "deactivate": [p for p in change.leave_scripts if self.sources(p)],
            },
        }
        return json.dumps(document, indent=2) + "\n"


SHELLS: dict[str, type[Shell]] = {
    "posix": PosixShell,
    "ash": PosixShell,
    "bash": PosixShell,
    "dash": PosixShell,
    "sh": PosixShell,
    "zsh": PosixShell,
    "fish": FishShell,
    "csh": CshShell,
    "tcsh": CshShell,
    "xonsh": XonshShell,
    "powershell": PowerShell,
    "pwsh": PowerShell,
    "cmd.exe": CmdShell,
    "nu": NuShell,
}


def get_shell(name: str) -> Shell:
    """The shell of ``shell.<name>``; ``<name>+json`` and ``json`` give JSON.

    Raises:
        UsageError: Reference ``unknown-shell``.
    """
    plain, _, form = name.partition("+")
    if plain == "json" and not form:
        return JsonShell()
    if plain not in SHELLS or form not in ("", "json"):
        known = ", ".join(sorted({*SHELLS, "json"}))
        raise UsageError(
            "unknown-shell", f"no shell is named {name!r}", hint=f"one of: {known} (or NAME+json)"
        )
    shell = SHELLS[plain]()
    return JsonShell(shell.suffix, shell.hook) if form else shell
