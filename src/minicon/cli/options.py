"""Groups of options that several commands share, with conda's names and meanings.

An option that sets a setting has that setting's key as its destination and no default, so
that :func:`settings_flags` can tell what the user really typed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

#: Destinations that are keys of the configuration: what is typed overrides files and variables.
_SETTING_DESTINATIONS = (
    "always_copy",
    "always_yes",
    "channel_priority",
    "dry_run",
    "exclude_newer",
    "exclude_newer_package",
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


#: Options of conda without a meaning here: there is one solver, no shortcut.
_SWITCHES_OF_CONDA = (
    ("--dev",),
    ("-m", "--mkdir"),
    ("--no-lock",),
    ("--no-shortcuts",),
    ("--show-channel-urls",),
)
_CHOICES_OF_CONDA = ("--experimental", "--shortcuts-only", "--solver")
#: Seconds that outlast any cached index.
_FOREVER = 10**9

#: Settings that flags switch off; for all others False means that nobody typed the flag.
_SWITCHED_OFF = ("link_scripts", "ssl_verify", "use_pypi")


def settings_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line."""
    given = {key: getattr(arguments, key, None) for key in _SETTING_DESTINATIONS}
    return {
        key: dict(value) if key == "exclude_newer_package" else value
        for key, value in given.items()
        if value is not None and (value is not False or key in _SWITCHED_OFF)
    }


def _named_value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name.strip() or not value.strip():
        raise ValueError(text)
    return name.strip(), value.strip()


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """``--json --quiet --verbose --no-color``: on every command."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="one JSON document on stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress and no notes")
    group.add_argument(
        "-v", "--verbose", dest="verbosity", action="count", help="tell more (repeat for more)"
    )
    group.add_argument("--no-color", action="store_true", help="plain text")


def add_environment_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """``-n NAME | -p PATH``: which environment; without either, the active one."""
    group = parser.add_argument_group("environment")
    either = group.add_mutually_exclusive_group(required=required)
    either.add_argument("-n", "--name", metavar="NAME", help="name of the environment")
    either.add_argument("-p", "--prefix", metavar="PATH", help="path of the environment")


def add_group_options(parser: argparse.ArgumentParser) -> None:
    """``--with GROUP``, ``--environment NAME``: which part of a file is meant."""
    parser.add_argument(
        "--with",
        dest="groups",
        action="append",
        default=[],
        metavar="GROUP[,GROUP]",
        help="also these groups of the file",
    )
    parser.add_argument(
        "--environment",
        dest="environment_in_file",
        metavar="NAME",
        help="which environment of a pixi.lock ('default' if not given, or the only one)",
    )


def parts_of_files(arguments: argparse.Namespace) -> dict[str, Any]:
    """The groups that ``--with`` named, each once, and the environment."""
    named = [name.strip() for text in arguments.groups for name in text.split(",")]
    return {
        "with_groups": tuple(dict.fromkeys(name for name in named if name)),
        "environment_in_file": arguments.environment_in_file,
    }


def add_file_option(parser: argparse.ArgumentParser, text: str) -> None:
    """``-f FILE``, repeatable."""
    parser.add_argument(
        "-f", "--file", dest="files", action="append", default=[], metavar="FILE", help=text
    )


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """All that a command takes which asks the solver to change an environment."""
    add_environment_options(parser)
    add_channel_options(parser)
    add_solver_options(parser)
    add_change_options(parser)
    add_output_options(parser)
    add_options_of_conda(parser)


def add_options_of_conda(parser: argparse.ArgumentParser) -> None:
    """What has no meaning here and is taken all the same, so that scripts go on as they are."""
    from argparse import SUPPRESS

    for flags in _SWITCHES_OF_CONDA:
        parser.add_argument(*flags, action="store_true", dest="ignored", help=SUPPRESS)
    for flag in _CHOICES_OF_CONDA:
        parser.add_argument(flag, action="append", dest="ignored_choices", help=SUPPRESS)


def add_channel_options(parser: argparse.ArgumentParser, *, one_platform: bool = True) -> None:
    """Where packages come from; not ONE_PLATFORM: the command has its own ``--platform``."""
    group = parser.add_argument_group("sources")
    group.add_argument(
        "-c",
        "--channel",
        dest="channels",
        action="append",
        default=[],
        metavar="CHANNEL",
        help="a channel: name, URL or path; also 'host' and 'pypi' (repeat for several)",
    )
    group.add_argument(
        "--override-channels", action="store_true", help="only the channels given with -c"
    )
    priority = group.add_mutually_exclusive_group()
    priority.add_argument(
        "--strict-channel-priority",
        dest="channel_priority",
        action="store_const",
        const="strict",
        help="a package is taken from the first channel that has its name (default)",
    )
    priority.add_argument(
        "--no-channel-priority",
        dest="channel_priority",
        action="store_const",
        const="disabled",
        help="version and build decide, whatever the channel",
    )
    if one_platform:
        group.add_argument(
            "--platform",
            "--subdir",
            dest="subdir",
            type=platform_name,
            metavar="SUBDIR",
            help="solve for that platform, for instance osx-arm64",
        )
    _add_index_options(group)
    _add_age_options(group)
    group.add_argument("--offline", action="store_true", help="use only what is cached")
    group.add_argument(
        "-k",
        "--insecure",
        dest="ssl_verify",
        action="store_false",
        default=None,
        help="do not check TLS certificates",
    )


def _add_index_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--repodata-fn",
        dest="repodata_fns",
        action="append",
        metavar="NAME",
        help="an index file to try first, such as current_repodata.json (repeat for several)",
    )
    group.add_argument(
        "--repodata-ttl",
        dest="local_repodata_ttl",
        type=int,
        metavar="SECONDS",
        help="believe a cached index this long; 0: always ask",
    )


def _add_age_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-C",
        "--use-index-cache",
        dest="local_repodata_ttl",
        action="store_const",
        const=_FOREVER,
        help="believe cached indexes however old they are",
    )
    group.add_argument(
        "--exclude-newer", metavar="DATE|AGE", help="ignore packages built after that"
    )
    group.add_argument(
        "--exclude-newer-package",
        action="append",
        type=_named_value,
        metavar="NAME=DATE|AGE|false",
        help="another limit for one package; false: none",
    )


def platform_name(text: str) -> str:
    """A platform that conda knows; channels may have others, typing errors are likelier."""
    from minicon.models.subdir import KNOWN_SUBDIRS

    if text in KNOWN_SUBDIRS:
        return text
    from argparse import ArgumentTypeError
    from difflib import get_close_matches

    near = get_close_matches(text, sorted(KNOWN_SUBDIRS), 1)
    instead = f"did you mean {near[0]}?" if near else "for instance linux-64 or osx-arm64"
    raise ArgumentTypeError(f"{text!r} is no platform; {instead}")


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Options of everything that changes an environment."""
    group = parser.add_argument_group("carrying out")
    group.add_argument(
        "-y", "--yes", dest="always_yes", action="store_true", help="do not ask for confirmation"
    )
    group.add_argument("-d", "--dry-run", action="store_true", help="show the plan and stop")
    group.add_argument(
        "--download-only", action="store_true", help="fill the package cache and stop"
    )
    group.add_argument("--copy", dest="always_copy", action="store_true", help="copy, do not link")
    group.add_argument(
        "--clobber",
        dest="path_conflict",
        action="store_const",
        const="clobber",
        help="let the later of two packages have a file that both bring",
    )
    group.add_argument(
        "--no-link-scripts",
        dest="link_scripts",
        action="store_false",
        default=None,
        help="do not run the packages' own link scripts",
    )
    group.add_argument(
        "--override-frozen", action="store_true", help="change it even if it is marked frozen"
    )


#: Flags, what they stand for in a ChangeRequest, and what that means.
_UPDATE_POLICIES = (
    (
        ("--freeze-installed", "--no-update-deps"),
        "freeze_installed",
        "installed packages do not change",
    ),
    (("--update-specs",), "update_specs", "named packages move, others as needed (default)"),
    (
        ("--update-deps", "--update-dependencies"),
        "update_deps",
        "dependencies of the named packages move too",
    ),
    (("--update-all",), "update_all", "everything moves to its newest"),
    (
        ("-S", "--satisfied-skip-solve"),
        "specs_satisfied_skip_solve",
        "do nothing if what is named is there already",
    ),
)


def add_solver_options(parser: argparse.ArgumentParser) -> None:
    """What the solver may touch and which way it leans."""
    group = parser.add_argument_group("solving")
    dependencies = group.add_mutually_exclusive_group()
    dependencies.add_argument(
        "--no-deps", action="store_true", help="only what is named, without dependencies"
    )
    dependencies.add_argument(
        "--only-deps", action="store_true", help="only the dependencies of what is named"
    )
    policy = group.add_mutually_exclusive_group()
    for flags, value, text in _UPDATE_POLICIES:
        policy.add_argument(
            *flags, dest="update_policy", action="store_const", const=value, help=text
        )
    group.add_argument("--force-reinstall", action="store_true", help="install again what is there")
    group.add_argument(
        "--constraint",
        dest="constraints",
        action="append",
        metavar="SPEC",
        help="holds for a package if it is there at all (repeat for several)",
    )
    group.add_argument("--no-pin", action="store_true", help="ignore pinned packages")
    group.add_argument(
        "--lowest", action="store_true", help="lowest versions of what is named, to test bounds"
    )
    group.add_argument(
        "--capture", metavar="FILE", help="write all that the solver saw, for replay"
    )
    group.add_argument(
        "--no-pip",
        "--no-pypi",
        dest="use_pypi",
        action="store_false",
        default=None,
        help="nothing from PyPI",
    )
