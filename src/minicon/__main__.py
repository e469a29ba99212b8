"""The ``minicon`` program: isolate the process, then run the command line."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.cli.dialects.dialect import Dialect


def main() -> int:
    """Run the command line in ``sys.argv`` and return the exit code."""
    from minicon.cli.fast_path import answer

    arguments = sys.argv[1:]
    dialect = _dialect()
    code = answer(arguments, os.environ, dialect)
    if code is None:
        from minicon.cli.main import main as full_command

        code = full_command(arguments, dialect)
    return code


def _dialect() -> "Dialect | None":
    """Return the dialect of the name that this was started with; None for minicon's own words."""
    program = sys.argv[0]
    own = os.path.basename(program) in ("minicon", "__main__.py")
    if own and "MINICON_DIALECT" not in os.environ:
        return None
    from minicon.cli.dialects.choice import dialect_of, implied_variables

    dialect = dialect_of(program, os.environ)
    os.environ.update(implied_variables(dialect, program, os.environ))
    return dialect


def command() -> int:
    """Run :func:`main` as the process that a user started, and exit.

    The process exits without finalizing the interpreter, which would take a tenth of a command's
    time and free only what the operating system frees anyway.
    """
    isolate()
    _replace_closed_streams()
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        from minicon.cli.console import abandon_output, is_output_failure

        if not is_output_failure(error):
            raise
        code = abandon_output(error)
    threading = sys.modules.get("threading")
    if threading is None or all(t.daemon for t in threading.enumerate()[1:]):
        _end_at_once(code)
    return code


def isolate() -> None:
    """Exclude modules of the user's own programs from ``sys.path``.

    PYTHONPATH, PYTHONHOME, the directory of the script, and with ``-m`` the current directory may
    contain another ``packaging`` or ``json``. The variables are kept for programs that minicon runs
    for the user. docs/internals/command-line.md describes the limits. An empty HOME is removed:
    files would be read from and written to ``/``; without one, the user database has the home.
    """
    if os.environ.get("HOME") == "":
        del os.environ["HOME"]
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
    """Return the entries of PYTHONPATH as ``site`` does; an empty one is the current directory."""
    return [os.path.abspath(path) for path in variable.split(os.pathsep)] if variable else []


def _start_folders() -> tuple[str, ...]:
    """Return the entries that Python puts first: the script's directory, or the current one."""
    scripts = os.path.dirname(sys.argv[0]), os.path.dirname(os.path.realpath(sys.argv[0]))
    try:
        return "", *scripts, os.getcwd()
    except OSError:  # it was removed
        return "", *scripts


def _regular_paths() -> list[str]:
    """Return the interpreter's own entries, which PYTHONPATH may contain too."""
    library = os.path.dirname(os.__file__)
    site = sys.modules.get("site")
    found = [*site.getsitepackages(), site.getusersitepackages()] if site else []
    return [library, os.path.join(library, "lib-dynload"), *found]


def _start_without_variables() -> None:
    """Restart with Python's own standard library instead of that of PYTHONHOME."""
    if os.name == "posix" and not sys.flags.ignore_environment and sys.executable:
        try:
            os.execv(sys.executable, [sys.orig_argv[0], "-E", *sys.orig_argv[1:]])
        except OSError:
            return  # continue with the library of PYTHONHOME


def _replace_closed_streams() -> None:
    """Give a command that was started with a closed stdout (``>&-``) one that discards output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open


def _end_at_once(code: int) -> None:
    """Flush the output and exit; return if the output cannot be written, which Python reports."""
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
