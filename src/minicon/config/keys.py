"""Table of all configuration keys, for parsing, ``config --describe`` and the reference page.

Names and meanings are conda's for all keys that conda has.
"""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass


class Kind(Enum):
    """Type of a key's value; the enum's value is its name in messages."""

    BOOLEAN = "true or false"
    INTEGER = "an integer"
    NUMBER = "a number"
    TEXT = "a string"
    SWITCH_OR_TEXT = "true, false or a string"
    SEQUENCE = "a list"
    MAP = "a map of names to strings"
    MAP_OF_SEQUENCES = "a map of names to lists"
    MAP_OF_MAPS = "a map of names to maps"
    MAPS_BY_CHANNEL = "a list of maps, each with a channel"
    ANY = "any value"


#: Kinds whose values are merged by name if several sources have them.
MAPS = frozenset({Kind.MAP, Kind.MAP_OF_SEQUENCES, Kind.MAP_OF_MAPS, Kind.MAPS_BY_CHANNEL})


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration.

    Attributes:
        name: Name in files; in upper case after ``MINICON_`` and ``CONDA_`` in variables.
        kind: Type of the value.
        meaning: One line for users.
        choices: Allowed values, or empty for any value of the kind.
        aliases: Other names that conda accepts for the key.
        separator: Separator of items in an environment variable.
        expand: Whether ``~`` and ``$NAME`` are expanded.
        file_names: Whether each item must be a file name, not a path.
    """

    name: str
    kind: Kind
    meaning: str
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    separator: str = ","
    expand: bool = False
    file_names: bool = False


_B, _I, _N, _T = Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER, Kind.TEXT
_S, _M = Kind.SEQUENCE, Kind.MAP

_TABLE = (
    # Directories
    Key("envs_dirs", _S, "directories of named environments; new ones are created in the first",
        aliases=("envs_path",), separator="path", expand=True),
    Key("pkgs_dirs", _S, "package caches; the first writable one is used for new packages",
        separator="path", expand=True),
    Key("bundles", _S, "files of 'minicon bundle' that packages are read from, by their hash",
        separator="path", expand=True),
    Key("subdir", _T, "target platform of environments, such as linux-64"),
    # Channels
    Key("channels", _S, "sources of packages, highest priority first",
        aliases=("channel",), expand=True),
    Key("default_channels", _S, "channels that 'defaults' stands for, if not conda's",
        expand=True),
    Key("channel_alias", _T, "base URL of channels that are given by name", expand=True),
    Key("custom_channels", _M, "channel name: URL that the name is appended to", expand=True),
    Key("custom_multichannels", Kind.MAP_OF_SEQUENCES, "name: list of channels it stands for",
        expand=True),
    Key("channel_priority", _T, "whether a package may come from a lower-priority channel",
        choices=("strict", "flexible", "disabled")),
    Key("allowlist_channels", _S, "if not empty, the only channels that can be used",
        aliases=("whitelist_channels",), expand=True),
    Key("denylist_channels", _S, "channels that cannot be used", expand=True),
    Key("channel_relations_max_depth", _I,
        "levels of related channels to follow from each channel; 0: none"),
    Key("use_pypi", _B, "use PyPI for packages that the channels do not have"),
    Key("pypi_dependencies", _T, "where dependencies of PyPI packages come from if both have them",
        choices=("channels", "pypi")),
    Key("build_from_source", _B, "build PyPI packages that have no wheel that fits"),
    Key("metadata_build_timeout_secs", _N,
        "seconds that building the metadata of one source distribution may take"),
    Key("offline", _B, "do not use the network"),
    Key("local_repodata_ttl", _I,
        "maximum age of cached repodata in seconds; 1: Cache-Control; 0: always check"),
    Key("repodata_use_zst", _B, "prefer compressed repodata if a channel has it"),
    Key("repodata_use_shards", _B, "prefer sharded repodata if a channel has it"),
    Key("repodata_fns", _S,
        "repodata files in order of preference, such as current_repodata.json",
        file_names=True),
    Key("number_channel_notices", _I,
        "number of channel notices to show per command, once a day; 0: none"),
    Key("mirrored_channels", Kind.MAP_OF_SEQUENCES,
        "channel name or URL: mirrors to use instead, in order", aliases=("mirrors",),
        expand=True),
    Key("s3_options", Kind.MAP_OF_MAPS,
        "bucket: endpoint-url, region, force-path-style, profile, anonymous", expand=True),
    # Network
    Key("ssl_verify", Kind.SWITCH_OR_TEXT,
        "verify TLS certificates; or 'truststore', or the path of a CA bundle",
        aliases=("verify_ssl",), expand=True),
    Key("client_ssl_cert", Kind.SWITCH_OR_TEXT, "path of the TLS client certificate",
        aliases=("client_cert",), expand=True),
    Key("client_ssl_cert_key", Kind.SWITCH_OR_TEXT, "path of the client certificate's key",
        aliases=("client_cert_key",), expand=True),
    Key("proxy_servers", _M, "scheme, or scheme://host: URL of the proxy", expand=True),
    Key("remote_connect_timeout_secs", _N, "connection timeout, in seconds"),
    Key("remote_read_timeout_secs", _N, "read timeout, in seconds"),
    Key("remote_max_retries", _I, "number of retries after a failed request"),
    # Solving
    Key("pinned_packages", _S, "specs that packages of every solve must match", separator="&"),
    Key("ignore_pinned", _B, "ignore pinned packages", aliases=("no_pin",)),
    Key("create_default_packages", _S, "specs added to every new environment"),
    Key("disallowed_packages", _S, "specs of packages that cannot be installed",
        aliases=("disallow",), separator="&"),
    Key("add_pip_as_python_dependency", _B, "install pip as a dependency of python"),
    Key("override_virtual_packages", _M, "virtual package: version to assume"),
    Key("exclude_newer", _T, "ignore packages newer than a date, or than an age such as 7d"),
    Key("exclude_newer_package", _M,
        "package name: its own date or age, or false for no limit"),
    Key("channel_settings", Kind.MAPS_BY_CHANNEL,
        "settings of one channel: channel and exclude_newer"),
    # Installing
    Key("always_copy", _B, "copy files into environments instead of linking", aliases=("copy",)),
    Key("allow_softlinks", _B, "use symbolic links instead of copies if hard links fail"),
    Key("always_softlink", _B, "always use symbolic links", aliases=("softlink",)),
    Key("safety_checks", _T, "cached file of the wrong size: fetch it again, warn, or do not check",
        choices=("enabled", "warn", "disabled")),
    Key("path_conflict", _T, "two packages with the same file: overwrite, warn, or fail",
        choices=("clobber", "warn", "prevent")),
    Key("link_scripts", _B, "run the link scripts of packages"),
    Key("keep_generations", _I, "number of earlier revisions of an environment to keep"),
    Key("durability", _T, "safe: wait until files are on disk; fast: do not wait",
        choices=("safe", "fast")),
    Key("lock_timeout", _N,
        "seconds to wait for another process that has locked an environment or package"),
    Key("host_python", _T,
        "copy this machine's pythons where that works, or link to them as venv does",
        choices=("copy", "link")),
    Key("compile_bytecode", _B, "compile Python files on installation"),
    Key("register_envs", _B, "list environments in ~/.conda/environments.txt"),
    # Activation
    Key("changeps1", _B, "show the active environment in the prompt"),
    Key("env_prompt", _T,
        "format of the prompt, with {default_env}, {name}, {prefix}, {stacked_env}"),
    Key("auto_stack", _I, "stack environments if at most this many are active"),
    Key("auto_activate", _B, "activate the default environment when a shell starts",
        aliases=("auto_activate_base",)),
    Key("auto_activate_directories", _B,
        "activate the environment that an allowed directory selects"),
    Key("default_activation_env", _T, "environment for `minicon activate` without a name"),
    Key("envvars_force_uppercase", _B, "write names of environment variables in upper case"),
    # Output
    Key("always_yes", _B, "do not ask for confirmation", aliases=("yes",)),
    Key("dry_run", _B, "print the plan and exit"),
    Key("download_only", _B, "download packages to the cache, and do not change the environment"),
    Key("json", _B, "print one JSON document"),
    Key("quiet", _B, "do not print progress and notes"),
    Key("verbosity", _I, "amount of output", aliases=("verbose",)),
)  # fmt: skip

KEYS: dict[str, Key] = {key.name: key for key in _TABLE}
ALIASES: dict[str, str] = {alias: key.name for key in _TABLE for alias in key.aliases}

#: Keys of conda that affect which packages are chosen or how they are installed, and that minicon
#: does not support: a warning names the alternative.
UNSUPPORTED_KEYS = {
    "aggressive_update_packages": "use 'minicon update NAME'",
    "pip_interop_enabled": "packages installed by pip are always included",
    "track_features": "request a build, such as 'numpy=*=*mkl*'",
    "use_only_tar_bz2": "both .conda and .tar.bz2 are supported",
    "virtual_packages": "override_virtual_packages sets their versions",
}

#: Keys of conda without meaning for minicon, ignored silently so that both can share a file.
OTHER_TOOLS_KEYS = frozenset(
    """
    add_anaconda_token allow_conda_downgrades
    allow_cycles allow_non_channel_urls allow_override_channels always_update_deps
    anaconda_upload auto_update_conda binstar_upload bld_path clobber
    conda_build console debug default_python default_threads
    deps_modifier dev enable_private_envs environment_specifier error_upload_url
    execute_threads experimental experimental_solver export_platforms extra_safety_checks
    fetch_threads force force_32bit force_reinstall force_remove info
    list_fields log_level migrated_channel_aliases migrated_custom_channels no_lock no_plugins
    non_admin_enabled notify_outdated_conda override_channels_enabled
    plugins protect_frozen_envs prefix_data_interoperability prune quiet_progress
    remote_backoff_factor repodata_threads report_errors
    restore_free_channel rollback_enabled root_prefix sat_solver separate_format_cache
    shortcuts shortcuts_only show_channel_urls signing_metadata_url_base solver
    solver_ignore_timestamps subdirs target_prefix_override trace
    unsatisfiable_hints unsatisfiable_hints_check_depth update_dependencies update_modifier
    use_index_cache use_local use_lockfiles use_pip user_agent verify_threads
    channel_alias_mirrors extract_threads
    download_threads no_rc retry_timeout max_parallel_downloads use_uv
    """.split()  # noqa: SIM905 - a hundred quoted words would not read better
)


def foreign_key(name: str) -> Key | None:
    """A key of conda or mamba that minicon keeps in files and does not use, or None."""
    if name in OTHER_TOOLS_KEYS or name in UNSUPPORTED_KEYS:
        return Key(name, Kind.ANY, "not used by minicon")
    return None


def find_key(name: str) -> Key | None:
    """The key with a name or alias, or None."""
    return KEYS.get(ALIASES.get(name, name))
