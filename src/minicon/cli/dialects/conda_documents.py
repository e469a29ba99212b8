"""The shapes and texts of conda's output: documents of ``--json``, and ``conda info``."""

from __future__ import annotations

import os

from minicon.constants import CHANNEL_SERVERS, DEFAULT_CHANNELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

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
OTHER_SETTINGS: Mapping[str, Any] = {
    "add_anaconda_token": True,
    "aggressive_update_packages": ["ca-certificates", "certifi", "openssl"],
    "allow_conda_downgrades": False,
    "allow_cycles": True,
    "allow_non_channel_urls": False,
    "always_update_deps": False,
    "anaconda_upload": None,
    "auto_update_conda": False,
    "bld_path": "",
    "clobber": False,
    "conda_build": {},
    "console": "classic",
    "croot": "",
    "debug": False,
    "default_python": None,
    "default_threads": None,
    "deps_modifier": "not_set",
    "dev": False,
    "disallowed_packages": [],
    "enable_private_envs": False,
    "environment_specifier": None,
    "error_upload_url": "https://conda.io/conda-post/unexpected-error",
    "execute_threads": 1,
    "experimental": [],
    "export_platforms": [],
    "extra_safety_checks": False,
    "fetch_threads": 5,
    "force": False,
    "force_32bit": False,
    "force_reinstall": False,
    "force_remove": False,
    "list_fields": ["name", "version", "build", "channel_name"],
    "migrated_channel_aliases": [],
    "migrated_custom_channels": {},
    "no_lock": False,
    "no_plugins": False,
    "non_admin_enabled": True,
    "notify_outdated_conda": False,
    "override_channels_enabled": True,
    "pip_interop_enabled": False,
    "prefix_data_interoperability": False,
    "preview": [],
    "protect_frozen_envs": True,
    "prune": False,
    "quiet_progress": False,
    "remote_backoff_factor": 1,
    "repodata_threads": None,
    "report_errors": None,
    "restore_free_channel": False,
    "rollback_enabled": True,
    "sat_solver": "pycosat",
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
    if name is None:
        known = (each for each in CHANNEL_SERVERS if location.endswith(f"/{each}"))
        name = next(known, location.rpartition("/")[2])
    if name and location.endswith(f"/{name}"):
        location = location[: -len(name) - 1]
    empty = dict.fromkeys(("auth", "package_filename", "platform", "token"))
    return {**empty, "scheme": scheme or None, "location": location, "name": name}


def settings_document(values: Any) -> Any:
    """Return conda's document of ``config --show``: all its keys, and channels as objects."""
    usual = [f"{CHANNEL_SERVERS[name]}/{name}" for name in DEFAULT_CHANNELS]
    defaults = values.get("default_channels") or usual
    fixed = {"defaults": defaults, "local": []}
    shown = dict(values)
    filled: Mapping[str, Callable[[Any], Any]] = {
        "custom_channels": lambda own: {**CHANNEL_SERVERS, **(own or {})},
        "custom_multichannels": lambda own: {**fixed, **(own or {})},
        "default_channels": lambda _: defaults,
    }
    shown |= {name: fill(values[name]) for name, fill in filled.items() if name in values}
    if "subdir" in values:
        subdirs = {"subdirs": [values["subdir"], "noarch"], "export_platforms": [values["subdir"]]}
        shown |= {name: each for name, each in subdirs.items() if name in values}
    shown = {name: _OBJECTS.get(name, lambda each: each)(each) for name, each in shown.items()}
    return dict(sorted(shown.items()))


def _channel_objects(urls: list[str]) -> list[dict[str, Any]]:
    return [_channel_object(url) for url in urls]


#: Settings whose items are objects in conda's documents.
_OBJECTS: Mapping[str, Callable[[Any], Any]] = {
    "channel_alias": lambda url: _channel_object(url, ""),
    "channel_settings": lambda by_channel: list((by_channel or {}).values()),
    "custom_channels": lambda urls: {n: _channel_object(url, n) for n, url in urls.items()},
    "custom_multichannels": lambda each: {n: _channel_objects(urls) for n, urls in each.items()},
    "default_channels": lambda urls: _channel_objects(urls or []),
}

#: Kinds of settings, and conda's names of them.
_PARAMETER_TYPES = {"a list": "sequence", "a map": "map"}


def descriptions_document(settings: Any) -> list[dict[str, Any]]:
    """Return conda's document of ``config --describe``."""
    return [
        {
            "aliases": each["aliases"],
            "default_value": [] if each["kind"] == "a list" else each["default"],
            "description": each["meaning"],
            "element_types": [type(each["default"]).__name__],
            "name": name,
            **({"string_delimiter": each["separator"]} if each["kind"] == "a list" else {}),
            "parameter_type": next(
                (own for kind, own in _PARAMETER_TYPES.items() if each["kind"].startswith(kind)),
                "primitive",
            ),
        }
        for name, each in sorted(settings.items())
    ]


def edit_document(document: Any) -> dict[str, Any]:
    """Return conda's document of an edited configuration file."""
    return {**document, "rc_path": document["file"], "warnings": [], "get": {}}


#: Fields of conda's errors whose items it also gives as one text.
_FORMATTED = {"packages": "packages_formatted", "channel_urls": "channels_formatted"}
_OF_CHANNELS = {"reason": "", "response_details": "", "json": {}}


def error_document(document: Any) -> dict[str, Any]:
    """Add the fields of conda's errors that follow from others."""
    texts = {
        own: "".join(f"\n  - {each}" for each in document[name])
        for name, own in _FORMATTED.items()
        if name in document
    }
    of_key = {"msg": document["message"]} if "key" in document else {}
    in_prefix = {"package_name": document.get("packages")} if "prefix" in document else {}
    of_channel = _OF_CHANNELS if "channel_url" in document else {}
    return {**of_channel, **in_prefix, **of_key, **texts, **document}


#: Variables that conda shows even if they are not set.
_SHOWN_VARIABLES = (
    *("CIO_TEST", "CONDA_ROOT", "CURL_CA_BUNDLE", "LD_PRELOAD", "PATH"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
)


def info_document(document: Any) -> Any:
    """Add conda's further keys of ``info --json``."""
    import tempfile

    absent = {name: os.environ.get(name, "<not set>") for name in _SHOWN_VARIABLES}
    return {
        "tmp_dir": tempfile.gettempdir(),
        "notices_cache_dir": document["cache_dir"],
        **document,
        "env_vars": dict(sorted({**absent, **document["env_vars"]}.items())),
    }


def records_document(document: Any) -> Any:
    """Add the keys that conda gives to every record of ``search --json``."""
    empty: dict[str, Any] = {"arch": None, "platform": None, "constrains": []}
    return {name: [{**empty, **record} for record in records] for name, records in document.items()}


TEXTS = {"info": info_text}
SHAPES = {
    "config-describe": descriptions_document,
    "config-edit": edit_document,
    "config-show": settings_document,
    "error": error_document,
    "info": info_document,
    "notices": lambda document: document["notices"],
    "search": records_document,
}
