"""Minicon: environments with packages of any language, from channels, PyPI and this machine.

    >>> import minicon
    >>> minicon.Version("1.0rc1") < minicon.Version("1.0")
    True

Every public name is loaded when it is first used, so that importing minicon costs next to nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.changes import apply, create, install, remove, solve, update
    from minicon.config.settings import Settings
    from minicon.errors import MiniconError
    from minicon.models.channel import Channel
    from minicon.models.environment_spec import EnvironmentSpec
    from minicon.models.match_spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.models.version import Version
    from minicon.models.version_spec import VersionSpec
    from minicon.package.package_cache import PackageCache
    from minicon.prefix.prefix import Prefix
    from minicon.prefix.transaction import Transaction
    from minicon.shell.run import run
    from minicon.solver.request import Solution, SolveRequest

_HOMES = {
    "Channel": "models.channel",
    "EnvironmentSpec": "models.environment_spec",
    "MatchSpec": "models.match_spec",
    "MiniconError": "errors",
    "PackageCache": "package.package_cache",
    "Prefix": "prefix.prefix",
    "PrefixRecord": "models.prefix_record",
    "RepodataRecord": "models.records",
    "Reporter": "models.reporter",
    "Settings": "config.settings",
    "Solution": "solver.request",
    "SolveRequest": "solver.request",
    "Transaction": "prefix.transaction",
    "Version": "models.version",
    "VersionSpec": "models.version_spec",
    "apply": "api.changes",
    "create": "api.changes",
    "install": "api.changes",
    "remove": "api.changes",
    "run": "shell.run",
    "solve": "api.changes",
    "update": "api.changes",
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
    """Load a public name from its module on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'minicon' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"minicon.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
