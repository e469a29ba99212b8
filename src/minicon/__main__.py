"""The ``minicon`` command. What shells call often is answered before anything heavy is imported."""

import sys


def main() -> int:
    """Run the command line given in ``sys.argv``; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from minicon import __version__

        sys.stdout.write(f"minicon {__version__}\n")
        return 0
    from minicon.cli.main import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
