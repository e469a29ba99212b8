"""``minicon shell.<name> hook|activate|deactivate|reactivate|commands``: light on purpose.

These run at every start of a shell, so they import little: no argument parser, no settings
object, and YAML only where a configuration file exists.
"""

from __future__ import annotations

import os
import sys

from minicon.config import dirs
from minicon.errors import UsageError
from minicon.shell.activation import ActivationOptions, Activator
from minicon.shell.environment_facts import read_facts
from minicon.shell.locate import locate_environment
from minicon.shell.shells import get_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.config.settings import Settings
    from minicon.shell.environment_facts import EnvironmentFacts

#: The settings that matter here, with their other names.
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
COMMANDS = ("activate", "commands", "deactivate", "directory", "hook", "reactivate")


class ShellContext:
    """What shell commands need to know: the settings that matter, and where the user stands."""

    __slots__ = ("cwd", "environ", "envs_dirs", "force_uppercase", "home", "options")

    def __init__(
        self,
        options: ActivationOptions,
        envs_dirs: Sequence[str],
        *,
        environ: Mapping[str, str],
        cwd: str,
        home: str,
        force_uppercase: bool = True,
    ) -> None:
        self.options = options
        self.envs_dirs = tuple(envs_dirs)
        self.environ = environ
        self.cwd = cwd
        self.home = home
        self.force_uppercase = force_uppercase

    def facts(self, prefix: str) -> EnvironmentFacts:
        """Read one environment."""
        return read_facts(prefix, force_uppercase=self.force_uppercase)

    def locate(self, target: str) -> str:
        """A name or path → prefix; empty means the default one. Raises NotAnEnvironment."""
        target = target or self.options.default_activation_env
        return locate_environment(
            target, root=self.options.root, envs_dirs=self.envs_dirs, cwd=self.cwd, home=self.home
        )


def shell_context(environ: Mapping[str, str], *, home: str, cwd: str) -> ShellContext:
    """The context from variables and files.

    Loads the whole configuration (and a YAML parser) only where some file or variable speaks of
    activation; a file that does not is not even parsed, so nothing wrong in it can keep a shell
    from starting.

    Raises:
        ConfigError: A configuration file or variable that speaks of activation is wrong.
    """
    if _speaks_of_activation(environ, home):
        from pathlib import Path

        from minicon.config.load import load_settings

        loaded = load_settings(environ=environ, home=Path(home), working_directory=Path(cwd))
        return context_of(loaded.settings, environ=environ, cwd=cwd)
    root = dirs.default_root(environ, home)
    envs_dirs = dirs.default_envs_dirs(root, home)
    return ShellContext(ActivationOptions(root), envs_dirs, environ=environ, cwd=cwd, home=home)


def context_of(settings: Settings, *, environ: Mapping[str, str], cwd: str) -> ShellContext:
    """The context from settings that were loaded already."""
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


def hook_text(shell_name: str, executable: str, *, context: ShellContext) -> str:
    """The hook of a shell, to be evaluated at its start.

    Args:
        shell_name: As in ``shell.<name>``.
        executable: Absolute path of the minicon program.
        context: From :func:`shell_context`.

    Raises:
        UsageError: No such shell.
    """
    from minicon.shell.hook import HookFacts, render_hook

    facts = HookFacts(executable, context.options, context.envs_dirs, context.environ)
    return render_hook(shell_name, facts)


def shell_command(
    shell_name: str,
    command: str,
    arguments: Sequence[str],
    *,
    context: ShellContext,
    executable: str,
) -> tuple[str, tuple[str, ...]]:
    """What ``minicon shell.<name> COMMAND [ARGUMENT...]`` prints, and the warnings beside it.

    Raises:
        UsageError: Unknown shell, command or argument.
        NotAnEnvironment: No such environment.
        ShellError: It cannot be activated.
    """
    if command == "directory":
        return _directory_environment(arguments, context)
    target, stack = _activate_arguments(command, arguments)
    if command == "hook":
        return hook_text(shell_name, executable, context=context), ()
    if command == "commands":
        return "\n".join(COMMANDS) + "\n", ()
    shell = get_shell(shell_name)
    environ = context.environ
    if shell.name == "cmd.exe" and "PROMPT" in environ:
        environ = {**environ, "PS1": environ["PROMPT"]}
    activator = Activator(environ, context.facts, context.options)
    if command == "activate":
        prefix = context.locate(target)
        change = activator.activate(prefix, stack=stack)
        _keep_text(prefix, force_uppercase=context.force_uppercase)
    elif command in ("deactivate", "reactivate"):
        change = activator.deactivate() if command == "deactivate" else activator.reactivate()
        if active := context.environ.get("CONDA_PREFIX"):
            _keep_text(active, force_uppercase=context.force_uppercase)
    else:
        known = ", ".join(COMMANDS)
        raise UsageError("unknown-command", f"shell.{shell_name} has no {command!r}", hint=known)
    return shell.render(change), change.warnings


def this_executable() -> str:
    """The path of the running minicon program, for the hook to call."""
    program = sys.argv[0]
    if os.path.basename(program).startswith("minicon") and os.path.exists(program):
        return os.path.abspath(program)
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
            hint="with --stack, activate one after the other",
        )
    return (targets[0] if targets else "", stack)


def _directory_environment(
    arguments: Sequence[str], context: ShellContext
) -> tuple[str, tuple[str, ...]]:
    """The path of the environment to use in a folder; empty, with a reason, where there is none."""
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
            return "", (f"{path} names an environment; to use it here: minicon allow",)
        return context.locate(target) + "\n", ()
    except MiniconError as error:
        return "", (f"{path}: {error.message}",)


def _keep_text(prefix: str, *, force_uppercase: bool) -> None:
    """Write the text that lets the shell do it alone next time, where that is ours to write.

    A courtesy: where it fails, the next activation asks the program again.
    """
    from minicon.errors import FileError
    from minicon.shell.activation_files import write_activation_files

    try:
        own = os.name != "posix" or os.stat(prefix).st_uid == os.geteuid()
        if own and os.access(os.path.join(prefix, "conda-meta"), os.W_OK):
            write_activation_files(prefix, force_uppercase=force_uppercase)
    except (OSError, FileError):
        return


def _speaks_of_activation(environ: Mapping[str, str], home: str) -> bool:
    for key in _SETTINGS:
        if f"MINICON_{key.upper()}" in environ or f"CONDA_{key.upper()}" in environ:
            return True
    words = [key.encode() for key in _SETTINGS]
    for path in dirs.config_files(environ, home):
        try:
            with open(path, "rb") as reader:
                data = reader.read()
        except OSError:
            return True  # loading it will say what is wrong
        if any(word in data for word in words):
            return True
    return False
