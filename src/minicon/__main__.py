"""The ``minicon`` command. What shells call often is answered before anything heavy is imported."""

import os
import sys


def main() -> int:
    """Run the command line given in ``sys.argv``; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from minicon import __version__

        sys.stdout.write(f"minicon {__version__}\n")
        return 0
    if not _has_working_directory():
        from minicon.cli.main import main as command_line

        return command_line(arguments)  # which tells of it
    if arguments and arguments[0].startswith("shell."):
        from minicon.cli.shell_text import print_shell_text

        return print_shell_text(arguments)
    if arguments and arguments[0] == "run":
        from minicon.cli.light_run import run_lightly

        code = run_lightly(arguments[1:])
        if code is not None:
            return code
    if arguments[:1] == ["list"] or arguments == ["env", "list"]:
        from minicon.cli.light_list import list_environments_lightly, list_lightly

        is_of_packages = arguments[0] == "list"
        code = (
            list_lightly(arguments[1:], os.environ)
            if is_of_packages
            else list_environments_lightly(os.environ)
        )
        if code is not None:
            return code
    from minicon.cli.main import main as command_line

    return command_line(arguments)


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def command() -> int:
    """The process that a user started: runs :func:`main` and ends.

    It ends without taking the interpreter apart (every module, class and cached object, one by
    one), which is a tenth of a command's time and frees nothing that the system does not free.
    """
    isolate()
    _replace_closed_streams()
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        from minicon.cli.console.broken_output import give_up_output, is_of_output

        if not is_of_output(error):
            raise
        code = give_up_output(error)
    threading = sys.modules.get("threading")
    if threading is None or all(t.daemon for t in threading.enumerate()[1:]):
        _end_at_once(code)
    return code


def isolate() -> None:
    """Keep modules that belong to the user's own programs out of minicon.

    What PYTHONPATH and PYTHONHOME name, the folder of the script, and with ``-m`` the current
    folder, may hold another ``packaging`` or ``json``. The variables stay: programs that minicon
    starts for the user get them. See docs/internals/command-line.md for what is out of reach.
    """
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    named = [] if sys.flags.ignore_environment else _paths(os.environ.get("PYTHONPATH", ""))
    if os.environ.get("PYTHONHOME") and own not in named:
        _start_without_variables()
    if sys.path[0] in _start_folders() and not sys.flags.isolated:
        named.append(sys.path[0])
    if named:
        kept = {own, *_regular_paths()}
        sys.path[:] = [path for path in sys.path if path not in named or path in kept]


def _paths(variable: str) -> list[str]:
    """What ``site`` makes of the entries of PYTHONPATH; an empty one is the current folder."""
    return [os.path.abspath(path) for path in variable.split(os.pathsep)] if variable else []


def _start_folders() -> tuple[str, ...]:
    """What Python puts before all other places: the script's folder or the current one."""
    script = os.path.dirname(sys.argv[0])
    try:
        return "", script, os.getcwd()
    except OSError:  # it was removed
        return "", script


def _regular_paths() -> list[str]:
    """Where the interpreter finds modules by itself: PYTHONPATH may name these, too."""
    library = os.path.dirname(os.__file__)
    site = sys.modules.get("site")
    found = [*site.getsitepackages(), site.getusersitepackages()] if site else []
    return [library, os.path.join(library, "lib-dynload"), *found]


def _start_without_variables() -> None:
    """Start again with Python's own standard library instead of that of PYTHONHOME."""
    if os.name == "posix" and not sys.flags.ignore_environment and sys.executable:
        try:
            os.execv(sys.executable, [sys.orig_argv[0], "-E", *sys.orig_argv[1:]])
        except OSError:
            return  # it has started with that library, and goes on with it


def _replace_closed_streams() -> None:
    """A command that was started with a closed stdout (``>&-``) works, and is not heard."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open


def _end_at_once(code: int) -> None:
    """Leave, with all that was printed; returns if nobody reads it: python tells of that."""
    import atexit

    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)


if __name__ == "__main__":
    sys.exit(command())
