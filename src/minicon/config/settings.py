"""Settings: the whole configuration as one immutable object, passed as an argument."""

from __future__ import annotations

from minicon.constants import CHANNEL_ALIAS
from minicon.lean_dataclasses import MISSING, dataclass, field, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; config/keys.py documents them. Names and meanings are conda's.

    Attributes:
        root: ``MINICON_ROOT``, the directory of ``envs/``, ``pkgs/`` and ``cache/``.
        home: The user's home directory.
        platform: Target subdir.
        channels: Configured channels, highest priority first; None if none are configured, which
            means the default sources (conda-forge if reachable, ``host``, ``pypi``).
        sources: Source of each value by key: ``default``, a file, a variable, or ``flag``.
    """

    root: Path
    home: Path
    platform: str
    envs_dirs: tuple[Path, ...]
    pkgs_dirs: tuple[Path, ...]
    bundles: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    default_channels: tuple[str, ...] = ()
    channel_alias: str = CHANNEL_ALIAS
    custom_channels: Mapping[str, str] = field(default_factory=dict)
    custom_multichannels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    channel_priority: str = "strict"
    allowlist_channels: tuple[str, ...] = ()
    denylist_channels: tuple[str, ...] = ()
    channel_relations_max_depth: int = 10
    offline: bool = False
    use_pypi: bool = True
    pypi_dependencies: str = "channels"
    build_from_source: bool = True
    metadata_build_timeout_secs: float = 1800.0
    ssl_verify: bool | str = True
    client_ssl_cert: str | None = None
    client_ssl_cert_key: str | None = None
    proxy_servers: Mapping[str, str] = field(default_factory=dict)
    remote_connect_timeout_secs: float = 9.15
    remote_read_timeout_secs: float = 60.0
    remote_max_retries: int = 3
    local_repodata_ttl: int = 1
    repodata_use_zst: bool = True
    repodata_use_shards: bool = True
    repodata_fns: tuple[str, ...] = ("repodata.json",)
    mirrored_channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    number_channel_notices: int = 5
    s3_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    always_yes: bool = False
    dry_run: bool = False
    download_only: bool = False
    json: bool = False
    quiet: bool = False
    verbosity: int = 0
    always_copy: bool = False
    allow_softlinks: bool = False
    always_softlink: bool = False
    pinned_packages: tuple[str, ...] = ()
    ignore_pinned: bool = False
    create_default_packages: tuple[str, ...] = ()
    disallowed_packages: tuple[str, ...] = ()
    add_pip_as_python_dependency: bool = True
    override_virtual_packages: Mapping[str, str] = field(default_factory=dict)
    exclude_newer: str | None = None
    exclude_newer_package: Mapping[str, str] = field(default_factory=dict)
    channel_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    safety_checks: str = "enabled"
    path_conflict: str = "clobber"
    link_scripts: bool = True
    keep_generations: int = 3
    durability: str = "safe"
    lock_timeout: float = 600.0
    host_python: str = "copy"
    register_envs: bool = True
    changeps1: bool = True
    env_prompt: str = "({default_env}) "
    auto_stack: int = 0
    envvars_force_uppercase: bool = True
    auto_activate: bool = False
    auto_activate_directories: bool = False
    default_activation_env: str = "base"
    compile_bytecode: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes_environments(self) -> bool:
        """Whether commands may change environments: neither plan nor download only."""
        return not (self.dry_run or self.download_only)

    @property
    def cache_dir(self) -> Path:
        """Directory of repodata, package index pages and interpreter facts; safe to delete."""
        return self.root / "cache"


def default_values() -> dict[str, Any]:
    """Return the defaults of all settings by attribute; None for those that depend on others."""
    values = {}
    for each in fields(Settings):
        made = None if each.default_factory is MISSING else each.default_factory()
        values[each.name] = made if each.default is MISSING else each.default
    return values
