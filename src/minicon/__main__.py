"""The ``minicon`` command. What shells call often is answered before anything heavy is imported."""

import sys


def main() -> int:
    """Run the command line given in ``sys.argv``; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from minicon import __version__

        sys.stdout.write(f"minicon {__version__}\n")
        return 0
    if arguments and arguments[0].startswith("shell."):
        from minicon.cli.shell_text import print_shell_text

        return print_shell_text(arguments)
    if arguments and arguments[0] == "run":
        from minicon.cli.light_run import run_lightly

        code = run_lightly(arguments[1:])
        if code is not None:
            return code
    if arguments[:1] == ["list"] or arguments == ["env", "list"]:
        import os

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


def command() -> int:
    """The process that a user started: runs :func:`main` and ends.

    It ends without taking the interpreter apart (every module, class and cached object, one by
    one), which is a tenth of a command's time and frees nothing that the system does not free.
    """
    _replace_closed_streams()
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        from minicon.cli.broken_output import give_up_output, is_of_output

        if not is_of_output(error):
            raise
        code = give_up_output(error)
    threading = sys.modules.get("threading")
    if threading is None or all(t.daemon for t in threading.enumerate()[1:]):
        _end_at_once(code)
    return code


def _replace_closed_streams() -> None:
    """A command that was started with a closed stdout (``>&-``) works, and is not heard."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            import os

            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open


def _end_at_once(code: int) -> None:
    """Leave, with all that was printed; returns if nobody reads it: python tells of that."""
    import atexit
    import os

    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)


if __name__ == "__main__":
    sys.exit(command())
