"""The hook: the text a shell evaluates once, at its start, to gain ``minicon activate``.

A hook is a few lines made here (paths and settings, baked in) followed by a file of
``shell/scripts`` as it is.
"""

from __future__ import annotations

import os

from minicon.shell.shells import PosixShell, Shell, get_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.shell.activation import ActivationOptions

#: Variables that can change what the hook has baked in. Where one differs from what it was when
#: the hook was made, the hook asks the program instead.
_WATCHED_KEYS = (
    "ROOT",
    "ENVS_DIRS",
    "ENVS_PATH",
    "CHANGEPS1",
    "ENV_PROMPT",
    "AUTO_STACK",
    "DEFAULT_ACTIVATION_ENV",
)
WATCHED_VARIABLES = tuple(
    f"{family}_{key}"
    for family in ("MINICON", "CONDA")
    for key in _WATCHED_KEYS
    if (family, key) != ("CONDA", "ROOT")
)


class HookFacts:
    """What is baked into a hook.

    Attributes:
        executable: Absolute path of the minicon program.
        options: The settings that matter to activation.
        envs_dirs: Folders in which an environment's name is looked up, in order.
        environ: Environment variables at the time the hook is made.
    """

    __slots__ = ("environ", "envs_dirs", "executable", "options")

    def __init__(
        self,
        executable: str,
        options: ActivationOptions,
        envs_dirs: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        self.executable = executable
        self.options = options
        self.envs_dirs = envs_dirs
        self.environ = environ


def render_hook(shell_name: str, facts: HookFacts) -> str:
    """The hook of a shell.

    Raises:
        UsageError: No such shell, or the shell has no hook (JSON).
    """
    shell = get_shell(shell_name)
    preamble = _PREAMBLES.get(shell.name, _plain_preamble)
    return preamble(shell, facts) + read_script(shell.hook)


def read_script(name: str) -> str:
    """A file of ``shell/scripts`` without comments and indentation, which shells read slowly.

    Works from inside a zip archive too. None of these files has text over several lines.
    """
    path = os.path.join(os.path.dirname(__file__), "scripts", name)
    loader = globals().get("__loader__")
    data: bytes = loader.get_data(path) if loader is not None else b""
    lines = data.decode("utf-8").splitlines()
    if name.endswith((".xsh", ".bat")):  # indentation has a meaning; @REM is read once
        return "\n".join([*lines, ""])
    plain = (line.strip() for line in lines)
    return "\n".join([f"# comments: {name} in minicon's sources", *filter(_is_code, plain), ""])


def _is_code(line: str) -> bool:
    return bool(line) and not line.startswith("#")


def _posix_preamble(shell: Shell, facts: HookFacts) -> str:
    quote = shell.quote
    options = facts.options
    places = " ".join(f'{quote(folder)}/"$1"' for folder in facts.envs_dirs)
    now = "|".join(f"${{{name}-}}" for name in WATCHED_VARIABLES)
    baked = "|".join(facts.environ.get(name, "") for name in WATCHED_VARIABLES)
    return f"""\
export MINICON_EXE={quote(facts.executable)}
__minicon_root={quote(options.root)}
__minicon_default={quote(options.default_activation_env)}
__minicon_auto_activate={"yes" if options.auto_activate else "no"}
__minicon_auto_stack={int(options.auto_stack)}
__minicon_baked={quote(baked)}
__minicon_settings_now() {{ __mc_settings="{now}"; }}
__minicon_find_named() {{
    for __mc_prefix in {places}; do
        if [ -f "$__mc_prefix/conda-meta/history" ]; then return 0; fi
    done
    return 1
}}
__minicon_format_prompt() {{ {_posix_prompt(options)}; }}
"""


def _posix_prompt(options: ActivationOptions) -> str:
    """Shell code that sets ``__mc_modifier`` from the prompt template; each value made plain."""
    if not options.changeps1:
        return "__mc_modifier=''"
    quote = PosixShell().quote
    word = quote(options.env_prompt)
    before = ""
    values = {
        "{default_env}": ('"$__mc_shown"', ""),
        "{name}": ('"$__mc_base"', '__minicon_plain "${1##*/}"; __mc_base=$__mc_value; '),
        "{prefix}": ('"$__mc_whole"', '__minicon_plain "$1"; __mc_whole=$__mc_value; '),
        "{stacked_env}": ('"$__mc_stacked"', '__minicon_stacked "$2"; '),
    }
    for placeholder, (value, code) in values.items():
        if placeholder in word:
            word = word.replace(placeholder, f"'{value}'")
            before += code
    return f"{before}__mc_modifier={word}"


def _fish_preamble(shell: Shell, facts: HookFacts) -> str:
    quote = shell.quote
    options = facts.options
    baked = "|".join(facts.environ.get(name, "") for name in WATCHED_VARIABLES)
    values = {
        "__minicon_root": quote(options.root),
        "__minicon_default": quote(options.default_activation_env),
        "__minicon_auto_activate": "yes" if options.auto_activate else "no",
        "__minicon_auto_stack": str(int(options.auto_stack)),
        "__minicon_baked": quote(baked),
        "__minicon_watched": " ".join(WATCHED_VARIABLES),
        "__minicon_envs_dirs": " ".join(map(quote, facts.envs_dirs)),
        "__minicon_changeps1": "yes" if options.changeps1 else "no",
        "__minicon_env_prompt": quote(options.env_prompt),
    }
    lines = [f"set -g {name} {value}\n" for name, value in values.items()]
    return "".join([f"set -gx MINICON_EXE {quote(facts.executable)}\n", *lines])


def _csh_preamble(shell: Shell, facts: HookFacts) -> str:
    commands = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "command.csh")
    return (
        f"setenv MINICON_EXE {shell.quote(facts.executable)};\n"
        f"set __minicon_commands = {shell.quote(commands)};\n"
    )


def _cmd_preamble(shell: Shell, facts: HookFacts) -> str:
    commands = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "command.bat")
    lines = [shell.export("MINICON_EXE", facts.executable)]
    lines.append(shell.export("__MINICON_COMMANDS", commands))
    return "".join(line + shell.separator for line in lines)


def _plain_preamble(shell: Shell, facts: HookFacts) -> str:
    return shell.export("MINICON_EXE", facts.executable) + shell.separator


_PREAMBLES = {
    "posix": _posix_preamble,
    "fish": _fish_preamble,
    "csh": _csh_preamble,
    "cmd.exe": _cmd_preamble,
}
