"""Load Settings from files, environment variables and flags, with the source of each value.

Priority, low to high: conda's files in conda's order, minicon's file, ``CONDA_<KEY>``,
``MINICON_<KEY>`` (which replaces ``CONDA_<KEY>``), flags. Of single values the highest priority
is used; lists are concatenated, highest first; maps are merged by name, highest wins. ``#!final``,
``#!top`` and ``#!bottom`` work as in conda (files.py).
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.config import dirs
from minicon.config.files import RawValue, read_config_file
from minicon.config.keys import (
    ALIASES,
    KEYS,
    MAPS,
    OTHER_TOOLS_KEYS,
    UNSUPPORTED_KEYS,
    Key,
    Kind,
    find_key,
    foreign_key,
)
from minicon.config.settings import Settings
from minicon.config.values import check_value, filler, read_variable
from minicon.errors import ConfigError
from minicon.fs.safe_path import user_path_problem
from minicon.lean_dataclasses import dataclass, fields
from minicon.models.subdir import KNOWN_SUBDIRS, is_subdir, native_subdir, platform_hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

#: MINICON_ and CONDA_ variables that are not settings: paths of files, and state of activation.
_NO_SETTINGS = frozenset("ROOT RC EXE PYTHON_EXE PREFIX SHLVL DEFAULT_ENV PROMPT_MODIFIER".split())  # noqa: SIM905
#: Values that have no effect.
_NOTHING_SAID: tuple[object, ...] = (None, False, "", [], {})
_SETTING_NAMES = frozenset(each.name for each in fields(Settings))


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, and a warning for each part of the configuration that was ignored."""

    settings: Settings
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Merged:
    value: Any
    source: str


def load_settings(
    *,
    environ: Mapping[str, str],
    home: Path,
    working_directory: Path,
    platform: str | None = None,
    flags: Mapping[str, Any] | None = None,
) -> LoadedSettings:
    """Load the configuration.

    Cost: a few ``stat`` calls, and YAML is parsed if a configuration file is new or was changed.

    Args:
        environ: Environment variables.
        home: The user's home directory.
        working_directory: Base of relative paths.
        platform: Target subdir; overrides the setting ``subdir``.
        flags: Values from the command line, by key; None values are ignored.

    Raises:
        ConfigError: A file cannot be read, or a value has the wrong type; the message names the
            file, the key and the expected type.
    """
    warnings = [
        f"{path} belongs to the package {package}, and is ignored as configuration"
        for path, package in dirs.files_of_packages(environ).items()
    ]
    collected = _collect(_sources(environ, home, flags or {}).values(), warnings)
    fill = filler(environ, str(home))
    merged = {name: _merge(KEYS[name], raws, fill) for name, raws in collected.items()}
    settings = _settings(merged, environ, home, working_directory, platform)
    if platform is None and settings.platform not in KNOWN_SUBDIRS and "subdir" in merged:
        _check_platform(settings.platform, merged["subdir"].source, warnings)
    return LoadedSettings(settings, tuple(dict.fromkeys(warnings)))


def _check_platform(platform: str, source: str, warnings: list[str]) -> None:
    """Refuse what cannot be a subdir; warn of one that resembles a known one.

    As in conda, any other is used as it is: a channel may have subdirs of its own.
    """
    hint = platform_hint(platform)
    problem = f"the value of 'subdir' in {source}, {platform!r}, is not"
    if not is_subdir(platform):
        meant = hint or "write, for example, linux-64 or osx-arm64"
        raise ConfigError("wrong-value", f"{problem} a platform", hint=meant)
    if hint:
        warnings.append(f"{problem} a known platform; {hint}")


def configured_values(
    *, environ: Mapping[str, str], home: Path, flags: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """The values of each source, lowest priority first (``config --show-sources``).

    Returns:
        Keys and values by the path of a file, ``envvars`` or ``cmd_line`` (conda's words), those
        of conda that minicon does not use included. Sources without values are omitted.

    Raises:
        ConfigError: As :func:`load_settings`.
    """
    fill = filler(environ, str(home))
    found: dict[str, dict[str, Any]] = {}
    for source, raws in _sources(environ, home, flags or {}).items():
        keys = [(find_key(name) or foreign_key(name), raw) for name, raw in raws.items()]
        values = {
            key.name: raw.value
            if key.kind is Kind.ANY
            else check_value(key, raw.value, source=raw.source, fill=fill)
            for key, raw in keys
            if key is not None
        }
        if values:
            found[source] = values
    return found


def _sources(
    environ: Mapping[str, str], home: Path, flags: Mapping[str, Any]
) -> dict[str, Mapping[str, RawValue]]:
    """All sources, lowest priority first."""
    cache = os.path.join(dirs.default_root(environ, str(home)), "cache")
    files = dirs.config_files(environ, str(home))
    return {
        **{path: read_config_file(path, cache) for path in files},
        "envvars": _from_variables(environ),
        "cmd_line": {k: RawValue("flag", v) for k, v in flags.items() if v is not None},
    }


def _from_variables(environ: Mapping[str, str]) -> dict[str, RawValue]:
    found: dict[str, RawValue] = {}
    for family in ("MINICON_",) if environ.get("MINICON_NO_ENV") else ("CONDA_", "MINICON_"):
        for variable, text in environ.items():
            if not variable.startswith(family):
                continue
            key = find_key(variable.removeprefix(family).lower())
            if key is not None and variable.removeprefix(family) not in _NO_SETTINGS:
                found[key.name] = RawValue(variable, _variable_value(key, variable, text))
    return found


def _variable_value(key: Key, variable: str, text: str) -> Any:
    try:
        return read_variable(key, text)
    except ValueError:
        raise ConfigError(
            "wrong-type",
            f"the value of {variable} is neither NAME=VALUE,… nor a JSON object",
            hint=f"{key.name}: {key.meaning}",
        ) from None


def _collect(
    sources: Iterable[Mapping[str, RawValue]], warnings: list[str]
) -> dict[str, list[RawValue]]:
    """The values of each key, lowest priority first."""
    collected: dict[str, list[RawValue]] = {}
    for source in sources:
        for name, raw in source.items():
            if (key := find_key(name)) is not None:
                collected.setdefault(key.name, []).append(raw)
            elif name in UNSUPPORTED_KEYS:
                if raw.value not in _NOTHING_SAID:
                    instead = UNSUPPORTED_KEYS[name]
                    warnings.append(f"{name!r} in {raw.source} has no effect: {instead}")
            elif name not in OTHER_TOOLS_KEYS:
                warnings.append(_unknown_key(name, raw.source))
    return collected


def _unknown_key(name: str, source: str) -> str:
    from minicon.models.near_names import near_names

    near = near_names(name, [*KEYS, *ALIASES])
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown key {name!r} in {source} is ignored{hint}"


def _merge(key: Key, raws: list[RawValue], fill: Callable[[str], str]) -> _Merged:
    stop = next((i for i, raw in enumerate(raws) if raw.final), len(raws) - 1)
    checked = [
        (raw, value)
        for raw in raws[: stop + 1]
        if (value := check_value(key, raw.value, source=raw.source, fill=fill)) is not None
    ]
    if not checked:
        return _Merged(None, "default")
    used = ", ".join(raw.source for raw, each in reversed(checked) if each)
    if key.kind is Kind.SEQUENCE:
        return _Merged(_merge_sequences(checked, fill), used or checked[-1][0].source)
    if key.kind in MAPS:
        return _Merged(_merge_maps(checked), used or checked[-1][0].source)
    return _Merged(checked[-1][1], checked[-1][0].source)


def _merge_sequences(
    checked: list[tuple[RawValue, tuple[str, ...]]], fill: Callable[[str], str]
) -> tuple[str, ...]:
    def marked(raw: RawValue, mark: str) -> list[str]:
        return [fill(item) for item, each in raw.item_marks.items() if each == mark]

    top = [item for raw, _ in checked for item in marked(raw, "top")]
    bottom = [item for raw, _ in reversed(checked) for item in marked(raw, "bottom")]
    middle = [item for _, value in reversed(checked) for item in value]
    ends = set(bottom)
    return tuple(dict.fromkeys([*(i for i in (*top, *middle) if i not in ends), *bottom]))


def _merge_maps(checked: list[tuple[RawValue, dict[str, Any]]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    closed: set[str] = set()
    for raw, value in checked:
        merged.update({name: each for name, each in value.items() if name not in closed})
        closed.update(name for name, mark in raw.item_marks.items() if mark == "final")
    return merged


def _settings(
    merged: Mapping[str, _Merged],
    environ: Mapping[str, str],
    home: Path,
    working_directory: Path,
    platform: str | None,
) -> Settings:
    root = dirs.default_root(environ, str(home))
    if problem := user_path_problem(root):
        source = "MINICON_ROOT" if "MINICON_ROOT" in environ else "the home directory"
        message = f"the path of MINICON_ROOT, from {source}, {problem}"
        raise ConfigError("wrong-value", message, hint="set MINICON_ROOT to a shorter path")

    def directories(name: str) -> tuple[str, ...]:
        found = merged[name].value if name in merged else None
        paths = [os.path.normpath(os.path.join(working_directory, each)) for each in found or ()]
        for path in paths:
            if problem := user_path_problem(path):
                message = f"a path of {name} in {merged[name].source} {problem}"
                raise ConfigError("wrong-value", message, hint="correct or remove it")
        return tuple(paths)

    envs_dirs = dict.fromkeys([*directories("envs_dirs"), *dirs.default_envs_dirs(root, str(home))])
    pkgs_dirs = directories("pkgs_dirs") or dirs.default_pkgs_dirs(root)
    if platform is None:
        platform = merged["subdir"].value if "subdir" in merged else None
    given = {
        name: each.value
        for name, each in merged.items()
        if name in _SETTING_NAMES
        and name not in ("envs_dirs", "pkgs_dirs")
        and each.value is not None
    }
    for name in ("client_ssl_cert", "client_ssl_cert_key"):
        if isinstance(given.get(name), bool):  # conda: `client_ssl_cert: false` means none
            del given[name]
    origins = {name: each.source for name, each in merged.items() if each.value is not None}
    if "MINICON_ROOT" in environ:
        origins["root"] = "MINICON_ROOT"
    return Settings(
        root=Path(root),
        home=home,
        platform=platform or native_subdir(),
        envs_dirs=tuple(map(Path, envs_dirs)),
        pkgs_dirs=tuple(map(Path, pkgs_dirs)),
        sources=dict.fromkeys(sorted({*_SETTING_NAMES, "subdir"} - {"sources"}), "default")
        | origins,
        **given,
    )
