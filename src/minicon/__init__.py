"""Minicon: environments with packages of any language, from channels, PyPI and this machine.

    >>> import minicon
    >>> minicon.Version("1.0rc1") < minicon.Version("1.0")
    True

Public names are imported on first use, so that ``import minicon`` takes almost no time.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.verbs import apply, create, install, remove, solve, update
    from minicon.config.settings import Settings
    from minicon.errors import MiniconError
    from minicon.models.channel import Channel
    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.match_spec.version_spec import VersionSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.models.version import Version
    from minicon.package.cache.package_cache import PackageCache
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.plan.transaction import Transaction
    from minicon.shell.run import run
    from minicon.solver.request import Solution, SolveRequest

_HOMES = {
    "Channel": "models.channel",
    "EnvironmentSpec": "models.environment_files.environment_spec",
    "MatchSpec": "models.match_spec.spec",
    "MiniconError": "errors",
    "PackageCache": "package.cache.package_cache",
    "Prefix": "prefix.environment.prefix",
    "PrefixRecord": "models.prefix_record",
    "RepodataRecord": "models.records",
    "Reporter": "models.reporter",
    "Settings": "config.settings",
    "Solution": "solver.request",
    "SolveRequest": "solver.request",
    "Transaction": "prefix.plan.transaction",
    "Version": "models.version",
    "VersionSpec": "models.match_spec.version_spec",
    "apply": "api.verbs",
    "create": "api.verbs",
    "install": "api.verbs",
    "remove": "api.verbs",
    "run": "shell.run",
    "solve": "api.verbs",
    "update": "api.verbs",
}

__all__ = [
    "Channel",
    "EnvironmentSpec",
    "MatchSpec",
    "MiniconError",
    "PackageCache",
    "Prefix",
    "PrefixRecord",
    "RepodataRecord",
    "Reporter",
    "Settings",
    "Solution",
    "SolveRequest",
    "Transaction",
    "Version",
    "VersionSpec",
    "__version__",
    "apply",
    "create",
    "install",
    "remove",
    "run",
    "solve",
    "update",
]


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'minicon' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"minicon.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
