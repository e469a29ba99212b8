"""Run a command in an environment: compute its variables, then replace this process.

On POSIX the process is replaced (``execve``), so that terminal, input, signals and exit code are
those of the command. If the environment has activation scripts, a shell sources them first and is
replaced too. Nothing is written, so read-only environments work. On Windows, where a process cannot
be replaced, the command runs as a child process that shares the console.
"""

from __future__ import annotations

import os
import sys

from minicon.constants import LABEL_VARIABLE
from minicon.errors import NotAnEnvironment, ShellError
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import is_environment
from minicon.shell.activation import ActivationOptions, Activator
from minicon.shell.environment_facts import read_facts
from minicon.shell.shells import PosixShell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

    from minicon.config.settings import Settings
    from minicon.shell.activation import ActivationChange

#: Standard streams, by file descriptor.
STREAMS = ("stdin", "stdout", "stderr")
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
#: Signals that Python ignores.
_IGNORED_SIGNALS = ("SIGPIPE", "SIGXFSZ")


@dataclass(frozen=True, slots=True)
class PreparedCommand:
    """A command to execute.

    Attributes:
        executable: Absolute path of the program.
        arguments: Its ``argv``, name included.
        environ: All its environment variables.
    """

    executable: str
    arguments: Sequence[str]
    environ: Mapping[str, str]


def prepare_command(
    prefix: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    options: ActivationOptions,
    force_uppercase: bool = True,
) -> PreparedCommand:
    """Find the program, and compute the variables, of a command in an environment.

    Args:
        prefix: Path of the environment.
        argv: The command and its arguments.
        environ: The environment variables to start from.
        options: The settings of activation.
        force_uppercase: conda's ``envvars_force_uppercase``.

    Raises:
        NotAnEnvironment: The prefix is not an environment.
        ShellError: ``command-not-found``, neither in the environment nor elsewhere on PATH.
    """
    prefix = os.path.abspath(prefix)
    if not is_environment(prefix):
        raise NotAnEnvironment(
            "no-such-environment",
            f"{prefix} is not an environment (it has no conda-meta/history)",
            hint="list environments with 'minicon env list'",
        ).with_facts(location=prefix)
    before = {name: value for name, value in environ.items() if name != "PS1"}
    activator = Activator(
        before, lambda path: read_facts(path, force_uppercase=force_uppercase), options
    )
    change = activator.activate(prefix)
    after = change.apply_to(before)
    scripts = (*change.leave_scripts, *change.enter_scripts)
    if not options.windows and any(path.endswith(".sh") for path in scripts):
        return _through_shell(change, argv, before)
    executable = find_program(argv[0], after)
    if executable is None:
        raise _not_found(argv[0], prefix)
    return PreparedCommand(executable, argv, after)


def run_in_environment(
    prefix: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    label: str | None = None,
    streams: Sequence[str] = STREAMS,
    detached: bool = False,
) -> int:
    """Replace this process by a command in an environment.

    Args:
        prefix: Path of the environment.
        argv: The command and its arguments.
        cwd: Working directory of the command.
        environ: The environment variables to start from (default: those of this process).
        settings: The settings (default: from the configuration).
        label: Name by which ``ps`` lists the command; empty means that of its program.
        streams: The streams that the command shares; the others are empty or discarded.
        detached: Run the command in the background, without a terminal (POSIX).

    Returns:
        On Windows, the exit code of the command; elsewhere this does not return.

    Raises:
        NotAnEnvironment: The prefix is not an environment.
        ShellError: ``command-not-found`` (exit code 127), ``command-not-executable`` (126), or
            ``no-such-folder`` if the working directory cannot be entered.
    """
    environ = os.environ if environ is None else environ
    options, force_uppercase = _options(settings, environ)
    prepared = prepare_command(
        prefix, argv, environ=environ, options=options, force_uppercase=force_uppercase
    )
    if detached and _is_parent_of_detached():
        return 0
    _leave_streams(() if detached else streams)
    return execute(prepared if label is None else labelled(prepared, label, argv[0]), cwd)


def chosen_variables(
    environ: Mapping[str, str], given: Sequence[str], *, clean: bool
) -> dict[str, str]:
    """Return the variables to start a command from.

    Args:
        environ: Those of this process.
        given: ``NAME=VALUE`` to set, ``NAME`` to take over.
        clean: Start from none but PATH, which has the system's programs.
    """
    chosen = {"PATH": os.defpath} if clean else dict(environ)
    for text in given:
        name, equals, value = text.partition("=")
        if equals or name in environ:
            chosen[name] = value if equals else environ[name]
    return chosen


def labelled(prepared: PreparedCommand, label: str, program: str) -> PreparedCommand:
    """Add the variable by which ``ps`` finds the command, which will have this process's ID."""
    text = f"{os.getpid()}:{label or os.path.basename(program)}"
    return replace(prepared, environ={**prepared.environ, LABEL_VARIABLE: text})


def _is_parent_of_detached() -> bool:
    """Start a process in a session of its own; whether this is still the first one."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        sys.stderr.write(f"running in the background; stop it with: kill {child}\n")
        return True
    os.setsid()
    return False


def _leave_streams(shared: Sequence[str]) -> None:
    """Connect the other streams to nothing."""
    for descriptor, name in enumerate(STREAMS):
        if name not in shared:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)


def run_shell(
    prefix: str | os.PathLike[str],
    *,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> int:
    """Replace this process by the shell that runs, or ``$SHELL``, with an active environment.

    The prompt shows the environment if the shell's start file contains minicon's hook.
    """
    from minicon.shell.running import running_shell
    from minicon.shell.start_files import START_FILES

    environ = os.environ if environ is None else environ
    shell = environ.get("COMSPEC", "cmd.exe")
    if os.name != "nt":
        name, shell = running_shell(environ, START_FILES), environ.get("SHELL") or "/bin/sh"
        if os.path.basename(shell) != name:
            shell = find_program(name, environ) or shell
    arguments = [shell] if os.name == "nt" else [shell, "-i"]
    return run_in_environment(prefix, arguments, environ=environ, settings=settings)


def run(
    environment: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> int:
    """Run a command in an environment and return its exit code.

    Args:
        environment: Name or path of the environment.
        argv: The command and its arguments.
        cwd: Working directory of the command.
        environ: The environment variables to start from (default: those of this process).
        settings: The settings (default: from the configuration).

    Returns:
        The exit code of the command; negative if a signal ended it.

    Raises:
        NotAnEnvironment: There is no such environment.
        ShellError: ``command-not-found``.
    """
    import subprocess

    from minicon.shell.commands import context_of, shell_context

    environ = os.environ if environ is None else environ
    home = os.path.expanduser("~")
    if settings is None:
        context = shell_context(environ, home=home, cwd=os.getcwd())
    else:
        context = context_of(settings, environ=environ, cwd=os.getcwd())
    prefix = context.locate(environment) if isinstance(environment, str) else environment
    prepared = prepare_command(
        prefix,
        argv,
        environ=environ,
        options=context.options,
        force_uppercase=context.force_uppercase,
    )
    done = subprocess.run(
        prepared.arguments,
        executable=prepared.executable,
        env=dict(prepared.environ),
        cwd=cwd,
        check=False,
    )
    return done.returncode


def find_program(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the path of a program, searched in the PATH of ``environ``; None if it is missing."""
    if os.name == "nt":
        import shutil

        return shutil.which(name, path=environ.get("PATH"))
    if "/" in name:
        return name if os.path.isfile(name) else None
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or os.curdir, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _through_shell(
    change: ActivationChange, argv: Sequence[str], before: Mapping[str, str]
) -> PreparedCommand:
    """Return a shell that sources activation scripts and then executes the command."""
    shell = PosixShell()
    words = " ".join(shell.quote(word) for word in argv)
    missing = shell.quote(f"minicon: {argv[0]}: command not found in the environment")
    text = (
        f"{shell.render(change)}"
        f"command -v {shell.quote(argv[0])} >/dev/null 2>&1 || "
        f"{{ printf '%s\\n' {missing} >&2; exit {_NOT_FOUND}; }}\n"
        f"exec {words}\n"
    )
    # bash if installed: many .sh scripts of packages need it
    program = next(
        (p for p in ("/bin/bash", "/usr/bin/bash", "/bin/sh") if os.path.exists(p)), "sh"
    )
    return PreparedCommand(program, [program, "-c", text], before)


def execute(prepared: PreparedCommand, cwd: str | os.PathLike[str] | None = None) -> int:
    """Replace this process by a prepared command; on Windows, run it and return its exit code.

    Raises:
        ShellError: ``command-not-executable``, ``no-such-folder``.
    """
    if cwd is not None:
        _change_directory(cwd)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        return _run_child(prepared)
    previous = _set_signals(dict.fromkeys(_IGNORED_SIGNALS, 0))  # 0 is the default action
    try:
        os.execve(prepared.executable, list(prepared.arguments), prepared.environ)
    except OSError as error:
        _set_signals(previous)
        raise _cannot_execute(prepared.executable, error) from error


def _set_signals(handlers: Mapping[str, Any]) -> dict[str, Any]:
    """Set handlers of signals by name, where the system has them; returns the previous ones.

    An executed program would ignore what Python ignores: ``yes`` would not end in
    ``minicon run yes | head``. A process that goes on, since nothing could be executed, needs
    Python's handlers back: a closed pipe would end it without a word.
    """
    import _signal  # type: ignore[import-not-found] # 'signal' imports enum

    return {
        name: _signal.signal(getattr(_signal, name), handler)
        for name, handler in handlers.items()
        if hasattr(_signal, name)
    }


def _run_child(prepared: PreparedCommand) -> int:
    """Run the command as a child process that shares the console and handles Ctrl-C (Windows)."""
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(
        prepared.arguments, executable=prepared.executable, env=dict(prepared.environ)
    )
    return process.wait()


def _options(
    settings: Settings | None, environ: Mapping[str, str]
) -> tuple[ActivationOptions, bool]:
    from minicon.shell.commands import context_of, shell_context

    if settings is not None:
        context = context_of(settings, environ=environ, cwd="")
    else:
        context = shell_context(environ, home=os.path.expanduser("~"), cwd=os.getcwd())
    return context.options, context.force_uppercase


def _change_directory(cwd: str | os.PathLike[str]) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        raise ShellError(
            "no-such-folder", f"cannot run in {os.fspath(cwd)}: {error.strerror}"
        ) from error


def _not_found(name: str, prefix: str) -> ShellError:
    failure = ShellError(
        "command-not-found",
        f"{name}: command not found in the environment {prefix}, nor elsewhere on PATH",
        hint=f"find its package with 'minicon search \"*{os.path.basename(name)}*\"'",
    )
    failure.exit_code = _NOT_FOUND
    return failure


def _cannot_execute(path: str, error: OSError) -> NoReturn:
    failure = ShellError("command-not-executable", f"cannot execute {path}: {error.strerror}")
    failure.exit_code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    raise failure
