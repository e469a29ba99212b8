"""``minicon shell.<name> COMMAND``: the commands of hooks, which print code for a shell.

They may run whenever a shell starts, so this imports no argument parser and no settings object, and
a YAML parser only if a configuration file mentions activation.
"""

from __future__ import annotations

import os
import sys

from minicon.config import dirs
from minicon.errors import UsageError
from minicon.lean_dataclasses import dataclass, replace
from minicon.shell.activation import ActivationOptions, Activator
from minicon.shell.environment_facts import read_facts
from minicon.shell.locate import locate_environment
from minicon.shell.shells import get_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.config.settings import Settings
    from minicon.shell.environment_facts import EnvironmentFacts

#: The settings of activation, aliases included.
_SETTINGS = (
    "envs_dirs",
    "envs_path",
    "env_prompt",
    "changeps1",
    "auto_stack",
    "auto_activate",
    "auto_activate_base",
    "auto_activate_directories",
    "default_activation_env",
    "envvars_force_uppercase",
)
#: Names of the root directory as an environment.
_BASE = ("base", "root")
COMMANDS = ("activate", "commands", "deactivate", "directory", "hook", "reactivate")


@dataclass(frozen=True, slots=True)
class ShellContext:
    """The context of shell commands: settings of activation, variables and directories."""

    options: ActivationOptions
    envs_dirs: Sequence[str]
    environ: Mapping[str, str]
    cwd: str
    home: str
    force_uppercase: bool = True

    def facts(self, prefix: str) -> EnvironmentFacts:
        """Read the facts of an environment."""
        return read_facts(prefix, force_uppercase=self.force_uppercase)

    def locate(self, target: str) -> str:
        """Return the path of an environment by name or path; an empty string means the default.

        Raises:
            NotAnEnvironment: There is no such environment.
        """
        target = target or self.options.default_activation_env
        return locate_environment(
            target, root=self.options.root, envs_dirs=self.envs_dirs, cwd=self.cwd, home=self.home
        )


def shell_context(environ: Mapping[str, str], *, home: str, cwd: str) -> ShellContext:
    """Return the context from variables and configuration files.

    Settings, and a YAML parser, are loaded only if a file or variable mentions activation. Other
    files are not parsed, so that an error in them cannot prevent a shell from starting.

    Raises:
        ConfigError: A configuration file or variable that mentions activation is invalid.
    """
    if _mentions_activation(environ, home):
        from pathlib import Path

        from minicon.config.load import load_settings

        loaded = load_settings(environ=environ, home=Path(home), working_directory=Path(cwd))
        return context_of(loaded.settings, environ=environ, cwd=cwd)
    root = dirs.default_root(environ, home)
    envs_dirs = dirs.default_envs_dirs(root, home)
    return ShellContext(ActivationOptions(root), envs_dirs, environ=environ, cwd=cwd, home=home)


def context_of(settings: Settings, *, environ: Mapping[str, str], cwd: str) -> ShellContext:
    """Return the context from loaded settings."""
    options = ActivationOptions(
        str(settings.root),
        changeps1=settings.changeps1,
        env_prompt=settings.env_prompt,
        auto_stack=settings.auto_stack,
        auto_activate=settings.auto_activate,
        auto_activate_directories=settings.auto_activate_directories,
        default_activation_env=settings.default_activation_env,
    )
    return ShellContext(
        options,
        [str(path) for path in settings.envs_dirs],
        environ=environ,
        cwd=cwd,
        home=str(settings.home),
        force_uppercase=settings.envvars_force_uppercase,
    )


def hook_text(
    shell_name: str, executable: str, *, context: ShellContext, clients: str = "minicon"
) -> str:
    """Return the hook of a shell, which the shell evaluates when it starts.

    Args:
        shell_name: As in ``shell.<name>``.
        executable: Absolute path of the minicon program.
        context: From :func:`shell_context`.
        clients: The dialect whose functions the hook defines too.

    Raises:
        UsageError: The shell is unknown.
    """
    from minicon.shell.hook import HookFacts, render_hook

    facts = HookFacts(executable, context.options, context.envs_dirs, context.environ, clients)
    return render_hook(shell_name, facts)


def shell_command(
    shell_name: str,
    command: str,
    arguments: Sequence[str],
    *,
    context: ShellContext,
    executable: str,
    clients: str = "minicon",
) -> tuple[str, tuple[str, ...]]:
    """Return the output of ``minicon shell.<name> COMMAND [ARGUMENT...]`` and its warnings.

    Args:
        shell_name: As in ``shell.<name>``.
        command: One of COMMANDS.
        arguments: The words after it.
        context: From :func:`shell_context`.
        executable: Absolute path of the minicon program.
        clients: The dialect whose functions and variables are set too.

    Raises:
        UsageError: The shell, the command or an argument is unknown.
        NotAnEnvironment: There is no such environment.
        ShellError: The environment cannot be activated.
    """
    if command == "directory":
        return _directory_environment(arguments, context)
    target, stack = _activate_arguments(command, arguments)
    if command == "hook":
        return hook_text(shell_name, executable, context=context, clients=clients), ()
    if command == "commands":
        return "\n".join(COMMANDS) + "\n", ()
    shell = get_shell(shell_name)
    environ = context.environ
    if shell.name == "cmd.exe" and "PROMPT" in environ:
        environ = {**environ, "PS1": environ["PROMPT"]}
    activator = Activator(environ, context.facts, context.options)
    if command == "activate":
        if clients != "minicon" and (target or context.options.default_activation_env) in _BASE:
            _make_base(context.options.root)
        prefix = context.locate(target)
        change = activator.activate(prefix, stack=stack)
        _write_activation_files(prefix, force_uppercase=context.force_uppercase)
    elif command in ("deactivate", "reactivate"):
        change = activator.deactivate() if command == "deactivate" else activator.reactivate()
        if active := context.environ.get("CONDA_PREFIX"):
            _write_activation_files(active, force_uppercase=context.force_uppercase)
    else:
        known = ", ".join(COMMANDS)
        raise UsageError("unknown-command", f"shell.{shell_name} has no {command!r}", hint=known)
    if command != "deactivate":
        change = replace(
            change, export={**_client_exports(clients, executable, context), **change.export}
        )
    return shell.render(change), change.warnings


def _make_base(root: str) -> None:
    """Make base, which other programs can activate before anything is installed into it."""
    from minicon.prefix.environment.prefix_location import is_environment, make_base

    if os.path.isdir(root) and not is_environment(root):
        make_base(root)


def _client_exports(dialect: str, executable: str, context: ShellContext) -> Mapping[str, str]:
    """Return conda's own variables, which activation sets in its dialect."""
    if dialect == "minicon":
        return {}
    from minicon.shell.clients import find_clients

    found = find_clients(dialect, executable=executable, root=context.options.root)
    return found.exports if found else {}


def this_executable() -> str:
    """Return the path of the running minicon program, which the hook calls."""
    program = sys.argv[0]
    if not os.path.basename(program).startswith("minicon"):
        from minicon.shell.shims import copied_program

        program = copied_program(program) or program
    for path in (program, os.path.realpath(program)):  # a link with the name of a dialect
        if os.path.basename(path).startswith("minicon") and os.path.exists(path):
            return os.path.abspath(path)
    script = "minicon.exe" if os.name == "nt" else "minicon"
    return os.path.join(os.path.dirname(os.path.abspath(sys.executable)), script)


def _activate_arguments(command: str, arguments: Sequence[str]) -> tuple[str, bool | None]:
    if command != "activate" and arguments:
        raise UsageError("unexpected-argument", f"{command} takes no {arguments[0]!r}")
    stack: bool | None = None
    targets = []
    for argument in arguments:
        if argument in ("--stack", "--no-stack"):
            stack = argument == "--stack"
        elif argument.startswith("-"):
            raise UsageError("unknown-option", f"activate has no option {argument!r}")
        else:
            targets.append(argument)
    if len(targets) > 1:
        raise UsageError(
            "unexpected-argument",
            f"activate takes one environment, not {len(targets)}",
            hint="quote a path that contains spaces; activate several with --stack, one by one",
        )
    return (targets[0] if targets else "", stack)


def _directory_environment(
    arguments: Sequence[str], context: ShellContext
) -> tuple[str, tuple[str, ...]]:
    """Return the environment that a directory chooses; empty, with a warning, if it has none."""
    from minicon.errors import MiniconError
    from minicon.shell.directories import AllowedFiles, choosing_file, chosen_environment

    path = choosing_file(arguments[0]) if len(arguments) == 1 else None
    if path is None:
        return "", ()
    allowed = AllowedFiles(dirs.allowed_files_list(context.environ, context.home))
    try:
        target = chosen_environment(path)
        if target is None:
            return "", ()
        if not allowed.allows(path):
            return "", (f"{path} names an environment; run 'minicon allow' to use it",)
        return context.locate(target) + "\n", ()
    except MiniconError as error:
        return "", (f"{path}: {error.message}",)


def _write_activation_files(prefix: str, *, force_uppercase: bool) -> None:
    """Write the activation files, so that the next activation needs no process.

    Errors are ignored: without the files, activation runs the program again. Environments of other
    users are not changed.
    """
    from minicon.errors import FileError
    from minicon.shell.activation_files import write_activation_files

    try:
        own = os.name != "posix" or os.stat(prefix).st_uid == os.geteuid()
        if own and os.access(os.path.join(prefix, "conda-meta"), os.W_OK):
            write_activation_files(prefix, force_uppercase=force_uppercase)
    except (OSError, FileError):
        return


def _mentions_activation(environ: Mapping[str, str], home: str) -> bool:
    for key in _SETTINGS:
        if f"MINICON_{key.upper()}" in environ or f"CONDA_{key.upper()}" in environ:
            return True
    words = [key.encode() for key in _SETTINGS]
    for path in dirs.config_files(environ, home):
        try:
            with open(path, "rb") as reader:
                data = reader.read()
        except OSError:
            return True  # loading the file reports the error
        if any(word in data for word in words):
            return True
    return False
