"""One class per shell, which renders an :class:`ActivationChange` as code for that shell.

All values are quoted by the shell's ``quote`` method; tests/shells runs real shells on random
values. The output follows that of conda's ``shell.<name>``, except where conda is wrong (unquoted
values, empty instead of unset).
"""

from __future__ import annotations

import os

from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.shell.activation import ActivationChange


class Shell:
    """The syntax of a shell. Subclasses implement the statements.

    Attributes:
        name: As in ``shell.<name>``.
        suffix: Suffix of the activation scripts that it sources; empty if none.
        hook: Name of its file in ``shell/scripts``.
        separator: The text after each statement.
    """

    name = ""
    suffix = ".sh"
    hook = ""
    separator = "\n"

    def quote(self, text: str) -> str:
        """Return the text as one literal word."""
        raise NotImplementedError

    def export(self, name: str, value: str) -> str:
        """Return code that sets an environment variable."""
        raise NotImplementedError

    def unset(self, name: str) -> str:
        """Return code that unsets an environment variable."""
        raise NotImplementedError

    def source(self, path: str) -> str:
        """Return code that runs a script in the shell itself."""
        raise NotImplementedError

    def evaluate(self, command: str) -> str:  # noqa: ARG002 - not in all shells
        """Return code that evaluates what a command prints; empty if the shell cannot."""
        return ""

    def set_prompt(self, prompt: str) -> str:  # noqa: ARG002 - not in all shells
        """Return code that sets the prompt; empty if the hook uses CONDA_PROMPT_MODIFIER."""
        return ""

    def set_path(self, path: str) -> str:
        """Return code that sets ``PATH``."""
        return self.export("PATH", path)

    def render(self, change: ActivationChange) -> str:
        """Return code for the whole change, in conda's order."""
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
        """Whether an activation script is for this shell."""
        return bool(self.suffix) and path.endswith(self.suffix)


class PosixShell(Shell):
    """Sh, bash, zsh, dash, ash."""

    name = "posix"
    hook = "hook.sh"

    def quote(self, text: str) -> str:
        """Use single quotes; only the quote itself is special in them."""
        return "'" + text.replace("'", "'\\''") + "'"

    def export(self, name: str, value: str) -> str:
        """``export K='V'``."""
        return f"export {name}={self.quote(value)}"

    def unset(self, name: str) -> str:
        """``unset K``; conda leaves an empty value."""
        return f"unset {name}"

    def source(self, path: str) -> str:
        """``. 'F'``."""
        return f". {self.quote(path)}"

    def evaluate(self, command: str) -> str:
        """``eval "$(C)"``."""
        return f'eval "$({command})"'

    def set_prompt(self, prompt: str) -> str:
        """``PS1='…'``."""
        return f"PS1={self.quote(prompt)}"


class FishShell(Shell):
    """Fish; ``fish_prompt`` of the hook shows CONDA_PROMPT_MODIFIER."""

    name = "fish"
    suffix = ".fish"
    hook = "hook.fish"
    separator = ";\n"

    def quote(self, text: str) -> str:
        """Use single quotes; backslash and quote are escaped."""
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

    def evaluate(self, command: str) -> str:
        """``C | source``."""
        return f"{command} | source"

    def set_path(self, path: str) -> str:
        """``set -gx K 'D' …``: a list."""
        return "set -gx PATH " + " ".join(self.quote(each) for each in path.split(os.pathsep))


class CshShell(Shell):
    """Csh and tcsh."""

    name = "csh"
    suffix = ".csh"
    hook = "hook.csh"
    separator = ";\n"

    def quote(self, text: str) -> str:
        r"""Use single quotes; ``!`` and newline are special in them and take a backslash."""
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

    def evaluate(self, command: str) -> str:
        """``eval "`C`"``."""
        return f'eval "`{command}`"'

    def set_prompt(self, prompt: str) -> str:
        """``set prompt='…'``."""
        return f"set prompt={self.quote(prompt)}"


class XonshShell(Shell):
    """Xonsh: Python literals, which can contain every character."""

    name = "xonsh"
    hook = "hook.xsh"

    def quote(self, text: str) -> str:
        """Return a Python literal."""
        return ascii(text)

    def export(self, name: str, value: str) -> str:
        """``$K = 'V'``."""
        return f"${name} = {self.quote(value)}"

    def unset(self, name: str) -> str:
        """``del $K``, without an error if it is not set."""
        return f"try:\n    del ${name}\nexcept KeyError:\n    pass"

    def source(self, path: str) -> str:
        """Source a bash script: conda has no activation scripts for xonsh.

        The code for bash is a Python expression, since xonsh expands ``$HOME`` in words, and some
        versions pass the name of a file to bash in double quotes.
        """
        code = PosixShell().source(path)
        return f"source-bash --suppress-skip-message -n @({self.quote(code)})"

    def evaluate(self, command: str) -> str:
        """``execx($(C))``."""
        return f"execx($({command}))"


class PowerShell(Shell):
    """Windows PowerShell and PowerShell Core; ``prompt`` of the hook shows the modifier."""

    name = "powershell"
    suffix = ".ps1"
    hook = "hook.ps1"

    def quote(self, text: str) -> str:
        """Use single quotes; PowerShell treats typographic quotes like them."""
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

    def evaluate(self, command: str) -> str:
        """``C | Out-String | Invoke-Expression``."""
        return f"{command} | Out-String | Invoke-Expression"


class CmdShell(Shell):
    """cmd.exe: lines of a batch file that the hook calls."""

    name = "cmd.exe"
    suffix = ".bat"
    hook = "hook.bat"
    separator = "\r\n"

    def quote(self, text: str) -> str:
        """Escape text for use between double quotes; it must not contain one."""
        return _one_line(text).replace("%", "%%")

    def export(self, name: str, value: str) -> str:
        """``@SET "K=V"``; a value with quotes is escaped with ``^`` instead.

        A quote in the value would end the quoted part, and cmd.exe would run the rest.
        """
        if '"' not in value:
            return f'@SET "{name}={self.quote(value)}"'
        escaped = "".join(f"^{c}" if c in _CMD_SPECIAL else c for c in self.quote(value))
        return f"@SET {name}={escaped}"

    def unset(self, name: str) -> str:
        """``@SET "K="``: an empty value is an unset one."""
        return f'@SET "{name}="'

    def source(self, path: str) -> str:
        """``@CALL "F"``; CALL expands percent signs a second time."""
        return f'@CALL "{self.quote(self.quote(path))}"'

    def set_prompt(self, prompt: str) -> str:
        """``@SET "PROMPT=…"``."""
        return self.export("PROMPT", prompt)


_CMD_SPECIAL = frozenset('^&|<>()"')


def _one_line(text: str) -> str:
    """Cut text at a line break or Ctrl-Z, which a batch file cannot contain."""
    return min((text.partition(end)[0] for end in "\r\n\x1a"), key=len)


class NuShell(Shell):
    """Nushell, which evaluates no code at run time: its hook reads the changes as JSON."""

    name = "nu"
    suffix = ""
    hook = "hook.nu"

    def quote(self, text: str) -> str:
        """Return a JSON string, which nushell reads too."""
        import json

        return json.dumps(text, ensure_ascii=False)

    def export(self, name: str, value: str) -> str:
        """``$env.K = "V"``; only for the hook, see :meth:`render`."""
        return f"$env.{name} = {self.quote(value)}"

    def render(self, change: ActivationChange) -> str:
        """``{"set": {K: V}, "unset": [K], "path": [folder] or null}``."""
        import json

        path = change.path.split(os.pathsep) if change.path is not None else None
        record = {"set": dict(change.export), "unset": list(change.unset), "path": path}
        return json.dumps(record) + "\n"


class JsonShell(Shell):
    """``shell.<name>+json``: conda's JSON object, for other programs."""

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
    """Return the shell of ``shell.<name>``; ``<name>+json`` and ``json`` return JSON.

    Raises:
        UsageError: Reference ``unknown-shell``.
    """
    plain, _, form = name.partition("+")
    if plain == "json" and not form:
        return JsonShell()
    if plain not in SHELLS or form not in ("", "json"):
        known = ", ".join(sorted({*SHELLS, "json"}))
        raise UsageError(
            "unknown-shell", f"unknown shell {name!r}", hint=f"one of: {known} (or NAME+json)"
        )
    shell = SHELLS[plain]()
    return JsonShell(shell.suffix, shell.hook) if form else shell
