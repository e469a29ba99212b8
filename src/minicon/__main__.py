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
    if arguments and arguments[0] == "list":
        import os

        from minicon.cli.light_list import list_lightly

        code = list_lightly(arguments[1:], os.environ)
        if code is not None:
            return code
    from minicon.cli.main import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
