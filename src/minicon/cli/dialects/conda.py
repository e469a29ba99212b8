"""The words of conda 26: what differs from minicon's own, which are mostly conda's."""

from __future__ import annotations

from minicon.cli.dialects.dialect import Dialect, ForeignOption
from minicon.constants import CONDA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_IGNORED = (
    "--debug",
    "--trace",
    "--repodata-use-zst",
    "--no-repodata-use-zst",
    "--use-local",
    "--skip-flexible-search",
)


def option(
    flags: str, words: str = "", *, on: str = "", takes_value: bool = False, **variables: str
) -> ForeignOption:
    """Return a row: spellings, own words, and the commands (``env_create`` is ``env create``)."""
    commands = frozenset(each.replace("_", " ") for each in on.split())
    return ForeignOption(
        tuple(flags.split()), takes_value, tuple(words.split()), variables, commands
    )


OPTIONS = (
    *(ForeignOption((flag,)) for flag in _IGNORED),
    option("--console", takes_value=True),
    option("--env-spec --environment-specifier", takes_value=True),
    option("-O", "--override-channels"),
    option("--no-default-packages", on="env_create"),
    option("--force", "--yes", on="create env_create"),
    option("--format", on="env_create env_update", takes_value=True),
    option("--rev", "--revision {}", on="install", takes_value=True),
    option("--features --keep-env", on="remove uninstall"),
    option("--size --auth", on="list"),
    option("--fields --list-fields", on="list", takes_value=True),
    option("--unsafe-channels --size --license", on="info"),
    option("--root", "--base", on="info"),
    option("--full-name", on="search"),
    option("-s", on="run"),
    option("-y --yes --list", on="doctor check"),
    option("--heal", "--fix", on="doctor check"),
    option("-c", "--tempfiles", on="clean"),
    option("--write-default --clear", on="config"),
    option("--override-platforms", on="export env_export"),
    option("--platform --subdir", on="export env_export", takes_value=True),
)

WORDS = {
    "check": "doctor",
    "health": "doctor",
    "conda-env": "env",
    "init": "init --as conda",
    "env doctor": "doctor",
    "commands": "--help",
}

_NO_TERMS = "minicon asks for no terms of service; a channel's own terms apply"
NOTES = {"tos": _NO_TERMS, "tos accept": _NO_TERMS, "tos view": _NO_TERMS}

_BUILD = "build packages with 'rattler-build', or from wheels with 'minicon channel build'"
#: Plugins and projects beside conda, and what does their job.
ELSEWHERE = {
    "build": _BUILD,
    "mambabuild": _BUILD,
    "render": "render recipes with 'rattler-build build --render-only'",
    "debug": "debug recipes with 'rattler-build debug'",
    "skeleton": "write recipes with 'grayskull pypi NAME'",
    "convert": "build for other platforms with 'minicon channel build --platform SUBDIR'",
    "develop": "install a source directory with 'minicon run -n NAME pip install -e DIR'",
    "index": "index a channel with 'minicon channel index DIR'",
    "metapackage": "list the packages in an environment.yml instead",
    "pack": "archive an environment with 'conda-pack -p PATH', from PyPI",
    "content-trust": "packages are verified by the hashes of their channel's index",
    "server": "upload with the program of your server",
    "repo": "upload with the program of your server",
    "token": "save credentials in ~/.netrc or in the URL of the channel",
    "lock": "lock with 'minicon lock', or with conda-lock from PyPI",
    "project": "use 'minicon lock' and 'minicon sync'",
    "inspect": "show contents of packages with 'minicon search SPEC --info'",
}

#: Packages of the program itself.
PROGRAMS = frozenset(
    ("conda", "mamba", "micromamba", "conda-libmamba-solver", "libmamba", "libmambapy")
)

ERRORS = {
    "MiniconError": "CondaError",
    "UsageError": "ArgumentError",
    "SpecError": "InvalidMatchSpec",
    "ChannelError": "CondaHTTPError",
    "RepodataError": "CorruptRepodataError",
    "OfflineError": "OfflineError",
    "SolveError": "UnsatisfiableError",
    "Unsatisfiable": "UnsatisfiableError",
    "PackageNotFound": "PackagesNotFoundError",
    "PackageError": "CondaVerificationError",
    "HashMismatch": "ChecksumMismatchError",
    "UnsafeArchive": "SafetyError",
    "PrefixError": "CondaEnvException",
    "NotAnEnvironment": "EnvironmentLocationNotFound",
    "Clobbered": "ClobberError",
    "PrefixLocked": "LockError",
    "LinkScriptFailed": "LinkError",
    "PipError": "CondaEnvException",
    "ConfigError": "ConfigurationLoadError",
    "FileError": "CondaFileIOError",
    "declined": "CondaSystemExit",
    "no-specs": "CondaValueError",
    "no-such-environment": "EnvironmentNameNotFound",
    "not-an-environment": "DirectoryNotACondaEnvironmentError",
    "unknown-command": "CommandNotFoundError",
    "unknown-key": "CondaKeyError",
    "invalid-environment-name": "CondaValueError",
    "no-target-environment": "CondaValueError",
    "environment-file-not-found": "EnvironmentFileNotFound",
    "environment-frozen": "EnvironmentIsFrozenError",
    "internal-error": "CondaError",
}

#: The rows of ``info``, in conda's order; a key with the text of an absent value.
_ROWS = (
    ("active environment", "active_prefix_name", "None"),
    ("active env location", "active_prefix", ""),
    ("shell level", "conda_shlvl", ""),
    ("user config file", "user_rc_path", ""),
    ("populated config files", "config_files", ""),
    ("conda version", "conda_version", ""),
    ("conda-build version", "conda_build_version", ""),
    ("python version", "python_version", ""),
    ("solver", "solver", ""),
    ("virtual packages", "virtual_pkgs", ""),
    ("base environment", "root_prefix", ""),
    ("conda av data dir", "av_data_dir", ""),
    ("conda av metadata url", "av_metadata_url_base", "None"),
    ("channel URLs", "channels", ""),
    ("package cache", "pkgs_dirs", ""),
    ("envs directories", "envs_dirs", ""),
    ("platform", "platform", ""),
    ("user-agent", "user_agent", ""),
    ("UID:GID", "UID", ""),
    ("netrc file", "netrc_file", "None"),
    ("offline mode", "offline", ""),
)


def info_text(facts: Mapping[str, Any]) -> str:
    """Return the output of ``conda info``."""
    shown = {
        **facts,
        "virtual_pkgs": ["=".join(each) for each in facts["virtual_pkgs"]],
        "solver": f"{facts['solver']['name']} (default)",
        "root_prefix": f"{facts['root_prefix']}  "
        f"({'writable' if facts['root_writable'] else 'read only'})",
        "UID": f"{facts['UID']}:{facts['GID']}",
    }
    lines = [""]
    for label, key, absent in _ROWS:
        value = shown[key]
        texts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        texts = texts if value is not None else [absent]
        start = f"{label:>23} : "
        lines += [start + "\n".join(texts).replace("\n", "\n" + " " * len(start))]
    return "\n".join([*lines, ""])


#: Settings of conda that minicon does not have, with conda's defaults.
_OTHER_SETTINGS: Mapping[str, Any] = {
    "add_anaconda_token": True,
    "aggressive_update_packages": [],
    "allow_conda_downgrades": False,
    "allow_cycles": True,
    "allow_non_channel_urls": False,
    "always_update_deps": False,
    "anaconda_upload": None,
    "auto_update_conda": False,
    "bld_path": "",
    "console": "classic",
    "debug": False,
    "default_python": None,
    "default_threads": None,
    "deps_modifier": "not_set",
    "dev": False,
    "disallowed_packages": [],
    "enable_private_envs": False,
    "error_upload_url": "https://conda.io/conda-post/unexpected-error",
    "execute_threads": 1,
    "experimental": [],
    "extra_safety_checks": False,
    "fetch_threads": 5,
    "force": False,
    "force_32bit": False,
    "force_reinstall": False,
    "force_remove": False,
    "ignore_pinned": False,
    "migrated_channel_aliases": [],
    "migrated_custom_channels": {},
    "no_lock": False,
    "no_plugins": False,
    "non_admin_enabled": True,
    "notify_outdated_conda": False,
    "override_channels_enabled": True,
    "pip_interop_enabled": False,
    "prune": False,
    "quiet_progress": False,
    "remote_backoff_factor": 1,
    "repodata_threads": None,
    "report_errors": None,
    "restore_free_channel": False,
    "rollback_enabled": True,
    "separate_format_cache": False,
    "shortcuts": True,
    "shortcuts_only": [],
    "show_channel_urls": None,
    "signing_metadata_url_base": None,
    "solver": "libmamba",
    "solver_ignore_timestamps": False,
    "subdirs": [],
    "target_prefix_override": "",
    "trace": False,
    "track_features": [],
    "unsatisfiable_hints": True,
    "unsatisfiable_hints_check_depth": 2,
    "update_modifier": "update_specs",
    "use_index_cache": False,
    "use_local": False,
    "use_only_tar_bz2": False,
    "verify_threads": 1,
    "whitelist_channels": [],
}


def _channel_object(url: str, name: str | None = None) -> dict[str, Any]:
    """Return conda's object of a channel's URL, without credentials."""
    scheme, _, location = url.rpartition("://")
    location = location.rpartition("@")[2].strip("/")
    if name and location.endswith(f"/{name}"):
        location = location[: -len(name) - 1]
    empty = dict.fromkeys(("auth", "package_filename", "platform", "token"))
    return {**empty, "scheme": scheme or None, "location": location, "name": name}


def settings_document(values: Any) -> Any:
    """Return conda's document of ``config --show``: all its keys, and channels as objects."""
    other = {} if len(values) == 1 else _OTHER_SETTINGS
    shown = dict(sorted({**other, **values}.items()))
    if alias := values.get("channel_alias"):
        shown["channel_alias"] = _channel_object(alias)
    if "custom_channels" in values:
        custom = values["custom_channels"] or {}
        shown["custom_channels"] = {n: _channel_object(url, n) for n, url in custom.items()}
    return shown


CONDA = Dialect(
    name="conda",
    version=CONDA_VERSION,
    # clients accept one version only: snakemake looks for digits, others take the last word
    version_text="conda {version}",
    words=WORDS,
    options=OPTIONS,
    notes=NOTES,
    elsewhere=ELSEWHERE,
    programs=PROGRAMS,
    errors=ERRORS,
    texts={"info": info_text},
    shapes={"config-show": settings_document},
    uses_base=True,
    exit_codes={"no-specs": 1, "invalid-environment-name": 1, "no-target-environment": 1},
)
