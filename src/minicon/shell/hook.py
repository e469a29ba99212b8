"""The hook: code that a shell evaluates when it starts, which defines ``minicon activate``.

A hook consists of a few generated lines with paths and settings, and of files from
``shell/scripts``. ``minicon init`` writes it to files that the shell reads when needed;
``minicon shell.<name> hook`` prints all of it.
"""

from __future__ import annotations

import os

from minicon.errors import UsageError
from minicon.lean_dataclasses import dataclass
from minicon.shell.shells import PosixShell, Shell, get_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.shell.activation import ActivationOptions

#: Settings whose variables may change what is in the hook. If one differs from its value at the
#: time the hook was generated, the hook runs the program instead.
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


#: The variable that contains the process id of a shell with the hook. Its children inherit it.
HOOKED = "_MINICON_HOOK"


@dataclass(frozen=True, slots=True)
class HookFacts:
    """The values that a hook contains.

    Attributes:
        executable: Absolute path of the minicon program.
        options: The settings of activation.
        envs_dirs: Directories to search for names of environments, in order.
        environ: Environment variables at the time the hook is generated.
        clients: The dialect whose functions are defined too, see :mod:`minicon.shell.clients`.
    """

    executable: str
    options: ActivationOptions
    envs_dirs: Sequence[str]
    environ: Mapping[str, str]
    clients: str = "minicon"


def called_by_hook(environ: Mapping[str, str]) -> bool:
    """Whether this process is a direct child of a shell with the hook.

    After a command that changes environments, that shell activates its environment again.
    """
    return environ.get(HOOKED) == str(os.getppid())


#: The completion script of each shell, in the directory of the hook's files.
COMPLETION_FILES = {
    "bash": "completion.bash",
    "zsh": "completion.zsh",
    "fish": "completions/minicon.fish",
}
#: The files that POSIX shells read when they first need them, in this order.
_FUNCTIONS = ("activate.sh", "change.sh")


def render_hook(shell_name: str, facts: HookFacts) -> str:
    """Return the whole hook of a shell as code to evaluate.

    Raises:
        UsageError: The shell is unknown, or has no hook (JSON).
    """
    shell = _shell_with_hook(shell_name)
    if shell.name == "posix":
        texts = [read_script(name) for name in (shell.hook, *_FUNCTIONS)]
        start = _posix_start(shell, facts)
        return "".join([start, _posix_baked(shell, facts), *texts, _end(shell, facts)])
    start = _PREAMBLES.get(shell.name, _plain_preamble)(shell, facts)
    return start + read_script(shell.hook) + _end(shell, facts)


def render_hook_files(shell_name: str, facts: HookFacts, folder: str) -> dict[str, str]:
    """Return the hook as files: a small one to source at the start, and those it reads later.

    If minicon was updated after a shell started, the shell has the old hook and reads a new file;
    the new file then makes it read the new hook first.

    Args:
        shell_name: As in ``shell.<name>``.
        facts: The values that the hook contains.
        folder: Absolute path of the directory of the files.

    Returns:
        Names and contents, in the order to write them; the hook itself is the last.

    Raises:
        UsageError: As :func:`render_hook`.
    """
    from zlib import crc32

    shell = _shell_with_hook(shell_name)
    if shell.name == "fish":
        path = shell.quote(os.path.join(folder, "completions"))
        search = f"if not contains -- {path} $fish_complete_path\n"
        search += f"set -ga fish_complete_path {path}\nend\n"
        return {shell.hook: render_hook(shell_name, facts) + search}
    if shell.name != "posix":
        return {shell.hook: render_hook(shell_name, facts)}
    texts = {name: read_script(name) for name in _FUNCTIONS}
    end = read_script(shell.hook)
    made = f"{crc32(''.join([*texts.values(), end]).encode()):08x}"
    hook = shell.quote(os.path.join(folder, shell.hook))
    check = f'[ "${{__minicon_made-}}" = {made} ] || \\. {hook}\n'
    start = _posix_start(shell, facts, folder, made)
    baked = _posix_baked(shell, facts)
    return {
        "activate.sh": check + baked + texts["activate.sh"],
        "change.sh": check + texts["change.sh"],
        shell.hook: start + end + _end(shell, facts) + _LAZY_COMPLETION,
    }


def read_script(name: str) -> str:
    """Return a file of ``shell/scripts`` without comments and indentation, which cost time.

    Works inside a zip archive too. The files contain no multi-line strings.
    """
    path = os.path.join(os.path.dirname(__file__), "scripts", name)
    loader = globals().get("__loader__")
    data: bytes = loader.get_data(path) if loader is not None else b""
    lines = data.decode("utf-8").splitlines()
    if name.endswith((".xsh", ".bat")):  # indentation is significant; @REM is read once
        return "\n".join([*lines, ""])
    code = list(filter(_is_code, (line.strip() for line in lines)))
    if name == "hook.csh":  # eval "`minicon shell.tcsh hook`" joins lines
        return "".join(f"{line};\n" for line in code)
    return "\n".join([f"# comments: {name} in minicon's sources", *code, ""])


def _is_code(line: str) -> bool:
    return bool(line) and not line.startswith("#")


def _posix_start(shell: Shell, facts: HookFacts, folder: str = "", made: str = "") -> str:
    return (
        f"export MINICON_EXE={shell.quote(facts.executable)} {HOOKED}=$$\n"
        f"__minicon_folder={shell.quote(folder)}\n"
        f"__minicon_made={made}\n"
        "__minicon_have=''\n"
    )


def _clients(shell: Shell, facts: HookFacts) -> str:
    """Return the functions of a dialect; empty for minicon's own."""
    if facts.clients == "minicon":
        return ""
    from minicon.shell.clients import find_clients, render_clients

    root = facts.options.root
    found = find_clients(facts.clients, executable=facts.executable, root=root)
    return render_clients(shell, found) if found else ""


def _end(shell: Shell, facts: HookFacts) -> str:
    """Return the code that a new shell runs immediately.

    The variables of clients come first: what is activated lies in the root prefix that they name.
    """
    text = _clients(shell, facts) + (_NESTED_PROMPT if shell.name == "posix" else "")
    if facts.options.auto_activate:
        text += _AUTO_ACTIVATION.get(shell.name, "")
    if facts.options.auto_activate_directories and shell.name in _DIRECTORIES:
        text += read_script(_DIRECTORIES[shell.name])
    return text


def _posix_baked(shell: Shell, facts: HookFacts) -> str:
    quote = shell.quote
    options = facts.options
    candidates = " ".join(f'{quote(folder)}/"$1"' for folder in facts.envs_dirs)
    now = "|".join(f"${{{name}-}}" for name in WATCHED_VARIABLES)
    baked = "|".join(facts.environ.get(name, "") for name in WATCHED_VARIABLES)
    return f"""\
__minicon_root={quote(options.root)}
__minicon_default={quote(options.default_activation_env)}
__minicon_auto_stack={int(options.auto_stack)}
__minicon_baked={quote(baked)}
__minicon_settings_now() {{ __mc_settings="{now}"; }}
__minicon_find_named() {{
for __mc_prefix in {candidates}; do
if [ -f "$__mc_prefix/conda-meta/history" ]; then return 0; fi
done
return 1
}}
__minicon_format_prompt() {{ {_posix_prompt(options)}; }}
"""


#: A shell that is started in an active environment shows it in its new prompt.
_NESTED_PROMPT = """\
if [ -n "${PS1-}" ] && [ -n "${CONDA_PREFIX-}" ] && [ -n "${CONDA_PROMPT_MODIFIER-}" ] &&
__minicon_read change.sh; then
__minicon_prompt "$CONDA_PROMPT_MODIFIER"
__minicon_forget
fi
"""
#: Completion is read from its own file when TAB is first pressed.
_LAZY_COMPLETION = """\
case $-${BASH_VERSION:+bash}${ZSH_VERSION:+zsh} in
*i*bash)
__minicon_completion() { \\. "$__minicon_folder/completion.bash" && _minicon "$@"; }
complete -F __minicon_completion minicon ;;
*i*zsh)
__minicon_completion() { \\. "$__minicon_folder/completion.zsh" && _minicon "$@"; }
eval '(( ! $+functions[compdef] )) || compdef __minicon_completion minicon' ;;
esac
"""
_AUTO_ACTIVATION = {
    "posix": """\
if [ -z "${CONDA_PREFIX-}" ] && __minicon_read change.sh && __minicon_locate ''; then
minicon activate || :
fi
""",
    "fish": """\
if test -z "$CONDA_PREFIX"; and __minicon_locate ''
minicon activate
end
""",
}
#: The files that activate the environment that a directory selects.
_DIRECTORIES = {"posix": "directories.sh", "fish": "directories.fish"}


def _posix_prompt(options: ActivationOptions) -> str:
    """Return shell code that sets ``__mc_modifier`` from the prompt template, with safe values."""
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
        "__minicon_auto_stack": str(int(options.auto_stack)),
        "__minicon_baked": quote(baked),
        "__minicon_watched": " ".join(WATCHED_VARIABLES),
        "__minicon_envs_dirs": " ".join(map(quote, facts.envs_dirs)),
        "__minicon_changeps1": "yes" if options.changeps1 else "no",
        "__minicon_env_prompt": quote(options.env_prompt),
    }
    lines = [f"set -g {name} {value}\n" for name, value in values.items()]
    lines += [f"set -gx MINICON_EXE {quote(facts.executable)}\n", f"set -gx {HOOKED} $fish_pid\n"]
    return "".join(lines)


def _csh_preamble(shell: Shell, facts: HookFacts) -> str:
    commands = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "command.csh")
    return (
        f"setenv MINICON_EXE {shell.quote(facts.executable)};\nsetenv {HOOKED} $$;\n"
        f"set __minicon_commands = {shell.quote(commands)};\n"
    )


def _cmd_preamble(shell: Shell, facts: HookFacts) -> str:
    commands = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "command.bat")
    lines = [shell.export("MINICON_EXE", facts.executable)]
    lines.append(shell.export("__MINICON_COMMANDS", commands))
    return "".join(line + shell.separator for line in lines)


def _shell_with_hook(name: str) -> Shell:
    shell = get_shell(name)
    if not shell.hook or shell.name == "json":
        raise UsageError(
            "unknown-shell", f"there is no hook for {name!r}", hint="see 'minicon init --help'"
        )
    return shell


def _plain_preamble(shell: Shell, facts: HookFacts) -> str:
    return shell.export("MINICON_EXE", facts.executable) + shell.separator


_PREAMBLES = {
    "fish": _fish_preamble,
    "csh": _csh_preamble,
    "cmd.exe": _cmd_preamble,
}
