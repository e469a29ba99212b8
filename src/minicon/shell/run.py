"""Run a command inside an environment: compute its variables, then become the command.

On POSIX the process is replaced (``execve``): terminal, input, signals and exit code are the
command's own and no interpreter stays in between. Only where an environment has activation
scripts does one ``sh`` come first; it sources them and replaces itself too. Nothing is written,
so read-only environments work. On Windows, where a process cannot be replaced, the command runs
as a child that shares the console, and its exit code is passed on.
"""

from __future__ import annotations

import os
import sys

from minicon.errors import NotAnEnvironment, ShellError
from minicon.shell.activation import ActivationOptions, Activator
from minicon.shell.environment_facts import read_facts
from minicon.shell.locate import is_environment
from minicon.shell.shells import PosixShell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from minicon.config.settings import Settings
    from minicon.shell.activation import ActivationChange

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126


class PreparedCommand:
    """What to execute: immutable.

    Attributes:
        executable: Absolute path of the program.
        arguments: Its ``argv``, the name first.
        environ: All its environment variables.
        warnings: One sentence for each variable of the environment that was left out.
    """

    __slots__ = ("arguments", "environ", "executable", "warnings")

    def __init__(
        self,
        executable: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.executable = executable
        self.arguments = tuple(arguments)
        self.environ = environ
        self.warnings = warnings


def prepare_command(
    prefix: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    options: ActivationOptions,
    force_uppercase: bool = True,
) -> PreparedCommand:
    """Find the program and the variables for running ARGV in an environment. Starts nothing.

    Raises:
        NotAnEnvironment: There is no environment at PREFIX.
        ShellError: ``command-not-found`` in the environment and the rest of PATH.
    """
    prefix = os.path.abspath(prefix)
    if not is_environment(prefix):
        raise NotAnEnvironment(
            "no-such-environment",
            f"{prefix} is not an environment (it has no conda-meta/history)",
            hint="list those there are: minicon env list",
        )
    before = {name: value for name, value in environ.items() if name != "PS1"}
    activator = Activator(
        before, lambda place: read_facts(place, force_uppercase=force_uppercase), options
    )
    change = activator.activate(prefix)
    after = change.apply_to(before)
    scripts = (*change.leave_scripts, *change.enter_scripts)
    if not options.windows and any(path.endswith(".sh") for path in scripts):
        return _through_shell(change, argv, before)
    executable = find_program(argv[0], after)
    if executable is None:
        raise _not_found(argv[0], prefix)
    return PreparedCommand(executable, argv, after, change.warnings)


def run_in_environment(
    prefix: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> int:
    """Become ARGV, inside an environment. Returns only where a process cannot be replaced.

    Args:
        prefix: The environment.
        argv: The command and its arguments.
        cwd: Where to run it.
        environ: Variables to start from; those of this process by default.
        settings: For ``env_prompt`` and the like; the defaults will do.

    Returns:
        On Windows, the command's exit code. Elsewhere this function does not return.

    Raises:
        NotAnEnvironment: There is no environment at PREFIX.
        ShellError: ``command-not-found`` (exit code 127), ``command-not-executable`` (126).
            ``no-such-folder``: CWD cannot be entered.
    """
    environ = os.environ if environ is None else environ
    options, force_uppercase = _options(settings, environ)
    prepared = prepare_command(
        prefix, argv, environ=environ, options=options, force_uppercase=force_uppercase
    )
    return become(prepared, cwd)


def run_shell(
    prefix: str | os.PathLike[str],
    *,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> int:
    """Become the user's shell (``$SHELL``), with an environment active in it.

    Where the shell's start file holds minicon's hook, the prompt shows the environment.
    """
    environ = os.environ if environ is None else environ
    fallback = "cmd.exe" if os.name == "nt" else "/bin/sh"
    shell = environ.get("COMSPEC" if os.name == "nt" else "SHELL") or fallback
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
    """Run a command in an environment and wait for it. Part of the public API.

    Args:
        environment: Its path, or its name.
        argv: The command and its arguments.
        cwd: Where to run it.
        environ: Variables to start from; those of this process by default.
        settings: Loaded from the configuration if not given.

    Returns:
        The command's exit code; negative: the signal that ended it.

    Raises:
        NotAnEnvironment: No such environment.
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
    """The program that NAME means, looked up in the PATH of ENVIRON; None if there is none."""
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
    """One ``sh`` that sources the package scripts and then becomes the command."""
    shell = PosixShell()
    words = " ".join(shell.quote(word) for word in argv)
    missing = shell.quote(f"minicon: {argv[0]}: command not found in the environment")
    text = (
        f"{shell.render(change)}"
        f"command -v {shell.quote(argv[0])} >/dev/null 2>&1 || "
        f"{{ printf '%s\\n' {missing} >&2; exit {_NOT_FOUND}; }}\n"
        f"exec {words}\n"
    )
    # bash where it is: many package scripts say .sh and mean bash
    program = next(
        (p for p in ("/bin/bash", "/usr/bin/bash", "/bin/sh") if os.path.exists(p)), "sh"
    )
    return PreparedCommand(program, [program, "-c", text], before, change.warnings)


def become(prepared: PreparedCommand, cwd: str | os.PathLike[str] | None = None) -> int:
    """Replace this process by a prepared command; on Windows, run it and return its exit code.

    Raises:
        ShellError: ``command-not-executable``, ``no-such-folder``.
    """
    if cwd is not None:
        _enter(cwd)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        return _as_child(prepared)
    _give_signals_back()
    try:
        os.execve(prepared.executable, prepared.arguments, prepared.environ)
    except OSError as error:
        raise _cannot_execute(prepared.executable, error) from error


def _give_signals_back() -> None:
    """Python ignores two signals, and what is ignored stays so in the program that follows.

    `yes` in `minicon run yes | head` would not end. ``_signal``: ``signal`` itself loads ``enum``.
    """
    import _signal  # type: ignore[import-not-found]

    for name in ("SIGPIPE", "SIGXFSZ"):
        if number := getattr(_signal, name, None):
            _signal.signal(number, _signal.SIG_DFL)


def _as_child(prepared: PreparedCommand) -> int:
    """Windows: the child shares console and handles; Ctrl-C is the child's to answer."""
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


def _enter(cwd: str | os.PathLike[str]) -> None:
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
        hint=f"which package has it? minicon search '*{os.path.basename(name)}*'",
    )
    failure.exit_code = _NOT_FOUND
    return failure


def _cannot_execute(path: str, error: OSError) -> NoReturn:
    failure = ShellError("command-not-executable", f"cannot execute {path}: {error.strerror}")
    failure.exit_code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    raise failure
