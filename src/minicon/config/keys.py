"""Every configuration key, in one table: parsing, ``config --describe`` and the docs use it.

Names and meanings are conda's wherever conda has the key.
"""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass


class Kind(Enum):
    """What a key holds; the value is how an error message says it."""

    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "text"
    SWITCH_OR_TEXT = "true, false or text"
    SEQUENCE = "a list"
    MAP = "a map of names to text"
    MAP_OF_SEQUENCES = "a map of names to lists"
    MAP_OF_MAPS = "a map of names to maps"
    MAPS_BY_CHANNEL = "a list of maps, each with a channel"


#: Kinds whose values are put together name by name, where several files have some.
MAPS = frozenset({Kind.MAP, Kind.MAP_OF_SEQUENCES, Kind.MAP_OF_MAPS, Kind.MAPS_BY_CHANNEL})


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration.

    Attributes:
        name: As written in files; ``MINICON_`` and ``CONDA_`` variables have it in upper case.
        kind: What it holds.
        meaning: One line for users.
        choices: The only values, if it is one of a few words.
        aliases: Other names that conda takes for it.
        separator: Between items where a variable holds a list.
        expand: Whether ``~`` and ``$NAME`` are filled in.
        file_names: Whether each item is the name of a file, and so no path.
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
    # Where things are
    Key("envs_dirs", _S, "folders of named environments; new ones go to the first",
        aliases=("envs_path",), separator="path", expand=True),
    Key("pkgs_dirs", _S, "package caches; the first that can be written takes new packages",
        separator="path", expand=True),
    Key("subdir", _T, "the platform to make environments for, such as linux-64"),
    # Channels
    Key("channels", _S, "where packages come from, highest priority first",
        aliases=("channel",), expand=True),
    Key("default_channels", _S, "what the channel name 'defaults' stands for", expand=True),
    Key("channel_alias", _T, "put before a channel that is only a name", expand=True),
    Key("custom_channels", _M, "channel name: the URL above it", expand=True),
    Key("custom_multichannels", Kind.MAP_OF_SEQUENCES, "one name for several channels",
        expand=True),
    Key("channel_priority", _T, "whether a package may come from a lower channel",
        choices=("strict", "flexible", "disabled")),
    Key("allowlist_channels", _S, "if given, the only channels that may be used",
        aliases=("whitelist_channels",), expand=True),
    Key("denylist_channels", _S, "channels that may not be used", expand=True),
    Key("channel_relations_max_depth", _I,
        "how far to follow channels that channels bring along; 0: not at all"),
    Key("use_pypi", _B, "whether PyPI may be asked for what the channels do not have"),
    Key("offline", _B, "do not use the network"),
    Key("local_repodata_ttl", _I,
        "seconds an index stays fresh; 1: as the server says; 0: always ask"),
    Key("repodata_use_zst", _B, "prefer the compressed index where a channel has one"),
    Key("repodata_use_shards", _B, "prefer an index by package name where a channel has one"),
    Key("repodata_fns", _S,
        "index files to try first, such as current_repodata.json; the last is the whole",
        file_names=True),
    Key("number_channel_notices", _I,
        "how many messages of channels' owners a command shows, once a day; 0: none"),
    Key("mirrored_channels", Kind.MAP_OF_SEQUENCES,
        "channel name or URL: the URLs to ask instead, in order", aliases=("mirrors",),
        expand=True),
    Key("s3_options", Kind.MAP_OF_MAPS,
        "bucket: its endpoint-url, region, force-path-style, profile, anonymous", expand=True),
    # Network
    Key("ssl_verify", Kind.SWITCH_OR_TEXT,
        "check TLS certificates; or 'truststore', or the path of a bundle",
        aliases=("verify_ssl",), expand=True),
    Key("client_ssl_cert", Kind.SWITCH_OR_TEXT, "the client's certificate",
        aliases=("client_cert",), expand=True),
    Key("client_ssl_cert_key", Kind.SWITCH_OR_TEXT, "the key of the client's certificate",
        aliases=("client_cert_key",), expand=True),
    Key("proxy_servers", _M, "scheme, or scheme://host: the proxy's URL", expand=True),
    Key("remote_connect_timeout_secs", _N, "how long to wait for a connection"),
    Key("remote_read_timeout_secs", _N, "how long to wait for a silent server"),
    Key("remote_max_retries", _I, "how often to try again"),
    # Solving
    Key("pinned_packages", _S, "specs that every solve keeps to", separator="&"),
    Key("create_default_packages", _S, "specs added to every new environment"),
    Key("disallowed_packages", _S, "specs of packages that must not be installed",
        aliases=("disallow",), separator="&"),
    Key("add_pip_as_python_dependency", _B, "let python bring pip along"),
    Key("override_virtual_packages", _M, "virtual package: the version to assume"),
    Key("exclude_newer", _T, "ignore packages newer than a date, or than an age such as 7d"),
    Key("exclude_newer_package", _M,
        "package name: another date or age for it; false for none"),
    Key("channel_settings", Kind.MAPS_BY_CHANNEL,
        "what holds for one channel: channel and exclude_newer"),
    # Installing
    Key("always_copy", _B, "copy files into environments instead of linking", aliases=("copy",)),
    Key("allow_softlinks", _B, "where hard links are impossible, link softly instead of copying"),
    Key("always_softlink", _B, "link softly always", aliases=("softlink",)),
    Key("safety_checks", _T, "a cached file whose size is wrong: fetch anew, tell, or do not look",
        choices=("enabled", "warn", "disabled")),
    Key("path_conflict", _T, "when two packages have the same file",
        choices=("clobber", "warn", "prevent")),
    Key("link_scripts", _B, "run the link scripts of packages"),
    Key("keep_generations", _I, "how many earlier states of an environment to keep for rollback"),
    Key("durability", _T, "safe: survive a power cut; fast: do not wait for the disk",
        choices=("safe", "fast")),
    Key("lock_timeout", _N,
        "seconds to wait for a process that changes the same environment or package"),
    Key("compile_bytecode", _B, "compile Python files when they are installed"),
    Key("register_envs", _B, "list environments in ~/.conda/environments.txt"),
    # Activation
    Key("changeps1", _B, "show the active environment in the prompt"),
    Key("env_prompt", _T,
        "what is shown: {default_env}, {name}, {prefix}, {stacked_env} are filled in"),
    Key("auto_stack", _I, "stack implicitly while at most so many environments are active"),
    Key("auto_activate", _B, "activate the default environment when a shell starts",
        aliases=("auto_activate_base",)),
    Key("auto_activate_directories", _B,
        "in folders that are allowed to, use the environment that they name"),
    Key(
        "default_activation_env", _T, "what `minicon activate` without a name means"),
    Key("envvars_force_uppercase", _B, "write names of environments' variables in upper case"),
    # How minicon talks
    Key("always_yes", _B, "do not ask", aliases=("yes",)),
    Key("dry_run", _B, "show the plan and stop"),
    Key("json", _B, "print one JSON document"),
    Key("quiet", _B, "no progress and no notes"),
    Key("verbosity", _I, "how much to tell", aliases=("verbose",)),
)  # fmt: skip

KEYS: dict[str, Key] = {key.name: key for key in _TABLE}
ALIASES: dict[str, str] = {alias: key.name for key in _TABLE for alias in key.aliases}

#: Keys of conda that would change which packages are chosen or how they are installed, and that
#: minicon does not heed: a warning says so, with what there is instead.
UNHEEDED_KEYS = {
    "aggressive_update_packages": "'minicon update NAME' brings packages to newer versions",
    "pip_interop_enabled": "packages that pip installed are always seen",
    "track_features": "name the build that is wanted, such as 'numpy=*=*mkl*'",
    "use_only_tar_bz2": "both .conda and .tar.bz2 are read",
    "virtual_packages": "override_virtual_packages sets their versions",
}

#: Keys of conda that mean nothing to minicon. They are read over in silence, so that one file
#: can serve both.
OTHER_TOOLS_KEYS = frozenset(
    """
    add_anaconda_token allow_conda_downgrades
    allow_cycles allow_non_channel_urls allow_override_channels always_update_deps
    anaconda_upload auto_update_conda binstar_upload bld_path clobber
    conda_build console debug default_python default_threads
    deps_modifier dev enable_private_envs environment_specifier error_upload_url
    execute_threads experimental experimental_solver export_platforms extra_safety_checks
    fetch_threads force force_32bit force_reinstall force_remove ignore_pinned info
    list_fields log_level migrated_channel_aliases migrated_custom_channels no_lock no_plugins
    non_admin_enabled notify_outdated_conda override_channels_enabled
    plugins prefix_data_interoperability prune quiet_progress
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


def find_key(name: str) -> Key | None:
    """The key of this name or alias."""
    return KEYS.get(ALIASES.get(name, name))
