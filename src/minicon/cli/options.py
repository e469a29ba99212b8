"""Groups of options that several commands share, with conda's names and meanings.

An option for a setting has the setting's key as its destination and no default, so that
:func:`settings_flags` returns only what the user typed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

#: Destinations that are settings; options override configuration files and variables.
_SETTING_DESTINATIONS = (
    "always_copy",
    "always_yes",
    "build_from_source",
    "channel_priority",
    "download_only",
    "dry_run",
    "exclude_newer",
    "exclude_newer_package",
    "ignore_pinned",
    "json",
    "link_scripts",
    "local_repodata_ttl",
    "offline",
    "path_conflict",
    "quiet",
    "repodata_fns",
    "ssl_verify",
    "subdir",
    "use_pypi",
    "verbosity",
)
#: Options of conda that are accepted and have no effect: minicon has one solver, no shortcuts.
_IGNORED_SWITCHES = ("--dev", "--no-lock", "--no-shortcuts", "--show-channel-urls")
_IGNORED_CHOICES = ("--experimental", "--shortcuts-only", "--solver")
#: An age in seconds that no cached repodata reaches.
_FOREVER = 10**9

#: Settings that options turn off; for all others, False means that the option was not given.
_SWITCHED_OFF = ("build_from_source", "link_scripts", "ssl_verify", "use_pypi")


def settings_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings given on the command line."""
    given = {key: getattr(arguments, key, None) for key in _SETTING_DESTINATIONS}
    return {
        key: dict(value) if key == "exclude_newer_package" else value
        for key, value in given.items()
        if value is not None and (value is not False or key in _SWITCHED_OFF)
    }


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--json --quiet --verbose --no-color``; every command has them."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON document to stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="hide progress and notes")
    group.add_argument(
        "-v",
        "--verbose",
        dest="verbosity",
        action="count",
        help="show more details (may be repeated)",
    )
    group.add_argument("--no-color", action="store_true", help="do not use colours")


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    """Add ``-n NAME | -p PATH``; without either, a command uses the active environment."""
    group = parser.add_argument_group("environment")
    either = group.add_mutually_exclusive_group()
    either.add_argument("-n", "--name", metavar="NAME", help="name of the environment")
    either.add_argument("-p", "--prefix", metavar="PATH", help="path of the environment")


def add_group_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--with GROUP`` and ``--environment NAME``: the parts of a file to use."""
    parser.add_argument(
        "--with",
        dest="groups",
        action="append",
        default=[],
        metavar="GROUP[,GROUP]",
        help="groups of the file to include",
    )
    parser.add_argument(
        "--environment",
        dest="environment_in_file",
        metavar="NAME",
        help="environment of a pixi.lock (default: 'default', or the only one)",
    )


def file_parts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the groups of ``--with``, without duplicates, and the environment."""
    named = [name.strip() for text in arguments.groups for name in text.split(",")]
    return {
        "with_groups": tuple(dict.fromkeys(name for name in named if name)),
        "environment_in_file": arguments.environment_in_file,
    }


def add_file_option(parser: argparse.ArgumentParser, text: str) -> None:
    """Add ``-f FILE``, which may be repeated."""
    parser.add_argument(
        "-f", "--file", dest="files", action="append", default=[], metavar="FILE", help=text
    )


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that solve and change an environment."""
    add_environment_options(parser)
    add_channel_options(parser)
    add_solver_options(parser)
    add_change_options(parser)
    add_output_options(parser)
    add_ignored_options(parser)


def hide(parser: argparse.ArgumentParser, *flags: str) -> None:
    """Leave options without an effect on a command out of its help; they stay accepted."""
    from argparse import SUPPRESS

    for flag in flags:
        parser._option_string_actions[flag].help = SUPPRESS


def add_ignored_options(parser: argparse.ArgumentParser) -> None:
    """Add options of conda that have no effect, so that scripts for conda work."""
    from argparse import SUPPRESS

    parser.add_argument("-m", "--mkdir", action="store_true", dest="ignored", help=SUPPRESS)
    for flag in _IGNORED_SWITCHES:
        parser.add_argument(flag, action="store_true", dest="ignored", help=SUPPRESS)
    for flag in _IGNORED_CHOICES:
        parser.add_argument(flag, action="append", dest="ignored_choices", help=SUPPRESS)


def add_channel_options(parser: argparse.ArgumentParser, *, one_platform: bool = True) -> None:
    """Add the options that choose channels, and ``--platform`` unless the command has its own."""
    group = parser.add_argument_group("sources")
    add_channels(group, "a channel: name, URL or path; also 'host' and 'pypi' (may be repeated)")
    group.add_argument(
        "--override-channels", action="store_true", help="use only the channels given with -c"
    )
    priority = group.add_mutually_exclusive_group()
    priority.add_argument(
        "--strict-channel-priority",
        dest="channel_priority",
        action="store_const",
        const="strict",
        help="take each package from the first channel that has it (default)",
    )
    priority.add_argument(
        "--no-channel-priority",
        dest="channel_priority",
        action="store_const",
        const="disabled",
        help="choose by version and build, from any channel",
    )
    if one_platform:
        add_platform(group, "solve for another platform, for example osx-arm64")
    _add_index_options(group)
    _add_age_options(group)
    group.add_argument(
        "--offline", action="store_true", help="use only cached repodata and packages"
    )
    group.add_argument(
        "-k",
        "--insecure",
        dest="ssl_verify",
        action="store_false",
        default=None,
        help="do not verify TLS certificates",
    )


def add_channels(group: argparse._ActionsContainer, text: str) -> None:
    """Add ``-c CHANNEL``, which may be repeated."""
    group.add_argument(
        *("-c", "--channel"),
        dest="channels",
        action="append",
        default=[],
        metavar="CHANNEL",
        help=text,
    )


def add_platform(group: argparse._ActionsContainer, text: str, dest: str = "subdir") -> None:
    """Add ``--platform SUBDIR``; its default destination is the setting."""
    group.add_argument(
        *("--platform", "--subdir"), dest=dest, type="platform", metavar="SUBDIR", help=text
    )


def add_platforms(group: argparse._ActionsContainer, text: str) -> None:
    """Add ``--platform SUBDIR``, which may be repeated."""
    group.add_argument(
        *("--platform", "--subdir"),
        dest="platforms",
        action="append",
        default=[],
        type="platform",
        metavar="SUBDIR",
        help=text,
    )


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add ``COMMAND ARGUMENT...``, the program to run: all that follows is its own."""
    from argparse import REMAINDER

    text = "command to run, with its arguments"
    parser.add_argument("argv", nargs=REMAINDER, metavar="COMMAND...", help=text)


def _add_index_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--repodata-fn",
        dest="repodata_fns",
        action="append",
        metavar="NAME",
        help="repodata file to try first, such as current_repodata.json (may be repeated)",
    )
    group.add_argument(
        "--repodata-ttl",
        dest="local_repodata_ttl",
        type="number",
        metavar="SECONDS",
        help="maximum age of cached repodata, in seconds; 0: always check for updates",
    )


def _add_age_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-C",
        "--use-index-cache",
        dest="local_repodata_ttl",
        action="store_const",
        const=_FOREVER,
        help="use cached repodata of any age",
    )
    group.add_argument(
        "--exclude-newer", metavar="DATE|AGE", help="ignore packages newer than a date or age"
    )
    group.add_argument(
        "--exclude-newer-package",
        action="append",
        type="named value",
        metavar="NAME=DATE|AGE|false",
        help="another limit for one package; false: no limit",
    )


def add_no_pin(parser: argparse._ActionsContainer) -> None:
    """Add ``--no-pin``."""
    shown = "ignore pinned packages"
    parser.add_argument("--no-pin", dest="ignore_pinned", action="store_true", help=shown)


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that change an environment."""
    group = parser.add_argument_group("execution")
    group.add_argument(
        "-y", "--yes", dest="always_yes", action="store_true", help="do not ask for confirmation"
    )
    group.add_argument("-d", "--dry-run", action="store_true", help="show the plan and stop")
    group.add_argument(
        "--download-only", action="store_true", help="download packages to the cache and stop"
    )
    group.add_argument(
        "--copy", dest="always_copy", action="store_true", help="copy files instead of linking them"
    )
    group.add_argument(
        "--clobber",
        dest="path_conflict",
        action="store_const",
        const="clobber",
        help="if two packages contain the same file, install that of the later one",
    )
    group.add_argument(
        "--no-link-scripts",
        dest="link_scripts",
        action="store_false",
        default=None,
        help="do not run link scripts of packages",
    )
    group.add_argument(
        "--override-frozen", action="store_true", help="change the environment even if it is frozen"
    )


#: Options, their value in a ChangeRequest, and their help.
_UPDATE_POLICIES = (
    (
        ("--freeze-installed", "--no-update-deps"),
        "freeze_installed",
        "do not change installed packages",
    ),
    (
        ("--update-specs",),
        "update_specs",
        "update the named packages, others only if necessary (default)",
    ),
    (
        ("--update-deps", "--update-dependencies"),
        "update_deps",
        "also update dependencies of the named packages",
    ),
    (("--update-all",), "update_all", "update all packages"),
    (
        ("-S", "--satisfied-skip-solve"),
        "specs_satisfied_skip_solve",
        "do nothing if the specs are already satisfied",
    ),
)


#: One flag of each of these options: they are about packages that are installed.
UPDATE_FLAGS = tuple(flags[0] for flags, _, _ in _UPDATE_POLICIES)


def add_solver_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that control the solver."""
    group = parser.add_argument_group("solving")
    dependencies = group.add_mutually_exclusive_group()
    dependencies.add_argument(
        "--no-deps", action="store_true", help="install the named packages without dependencies"
    )
    dependencies.add_argument(
        "--only-deps",
        action="store_true",
        help="install only the dependencies of the named packages",
    )
    policy = group.add_mutually_exclusive_group()
    for flags, value, text in _UPDATE_POLICIES:
        policy.add_argument(
            *flags, dest="update_policy", action="store_const", const=value, help=text
        )
    group.add_argument(
        "--force-reinstall",
        action="store_true",
        help="reinstall packages that are already installed",
    )
    group.add_argument(
        "--constraint",
        dest="constraints",
        action="append",
        metavar="SPEC",
        help="constraint that applies only if the named package is installed (may be repeated)",
    )
    group.add_argument(
        "--no-build",
        dest="build_from_source",
        action="store_false",
        default=None,
        help="build nothing: use wheels only, and no source distributions or directories",
    )
    add_no_pin(group)
    group.add_argument(
        "--lowest",
        action="store_true",
        help="choose the lowest versions of the named packages, to test bounds",
    )
    group.add_argument(
        "--capture", metavar="FILE", help="save the solver's input to a file, for 'minicon replay'"
    )
    group.add_argument(
        "--no-pip",
        "--no-pypi",
        dest="use_pypi",
        action="store_false",
        default=None,
        help="do not use PyPI",
    )
