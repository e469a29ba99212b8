"""Convert wheels, and what they need, into packages of a channel; import their modules."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from minicon.api.change.tool_environment import make_tool_environment, plan_tool_environment
from minicon.api.channels.build import convert_records
from minicon.constants import HOST_CHANNEL, PYPI_BUILD, PYPI_CHANNEL, PYPI_PREFIX, WHEEL_EXTENSION
from minicon.errors import PackageError, UsageError
from minicon.fs import operations
from minicon.fs.hashing import hash_file
from minicon.lean_dataclasses import dataclass
from minicon.models.package_names import normalize_pypi_name
from minicon.models.records import RepodataRecord
from minicon.models.subdir import NOARCH
from minicon.prefix.environment.prefix import Prefix
from minicon.publish.channel_index import index_channel
from minicon.pypi.wheels.filenames import split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.api.services import Services

_SECONDS = 300
_LAST_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What to convert.

    Attributes:
        wheels: Paths of wheels, and ``pypi:`` requirements.
        closure: Whether to convert their dependencies too.
        python: Minor version of python for which wheels of requirements are chosen, or empty.
        channels: Where python, and dependencies that are conda packages already, come from.
        override: Whether configured channels are left out.
    """

    wheels: Sequence[str]
    closure: bool = False
    python: str = ""
    channels: Sequence[str] = ()
    override: bool = False

    @property
    def python_spec(self) -> str:
        """The python to request."""
        return f"python={self.python}" if self.python else "python"


def convert_wheels(services: Services, conversion: Conversion, directory: Path) -> list[Path]:
    """Convert wheels and index the channel.

    Args:
        services: Sources and the package cache.
        conversion: What to convert.
        directory: Of the channel; created if missing.

    Returns:
        Paths of the package files.

    Raises:
        UsageError: ``not-a-wheel``: an argument is neither a wheel nor a ``pypi:`` requirement.
        PackageError: A wheel is broken, or no conda platform can use it.
        SolveError: A requirement, or a dependency of it, cannot be satisfied.
    """
    records = _records(services, conversion)
    built = convert_records(services, records, directory)
    index_channel(directory)
    return built


def _records(services: Services, conversion: Conversion) -> list[RepodataRecord]:
    for text in conversion.wheels:
        if not text.startswith(PYPI_PREFIX) and not text.endswith(WHEEL_EXTENSION):
            message = f"{text} is neither the path of a wheel nor a requirement"
            raise UsageError("not-a-wheel", message, hint=f"write {PYPI_PREFIX}{text}")
    paths = [text for text in conversion.wheels if text.endswith(WHEEL_EXTENSION)]
    if conversion.closure:
        return _planned(services, conversion, conversion.wheels)
    requirements = [text for text in conversion.wheels if text.startswith(PYPI_PREFIX)]
    planned = _planned(services, conversion, requirements) if requirements else []
    names = set(map(_project, requirements))
    return [*map(_record_of, map(Path, paths)), *(r for r in planned if r.name in names)]


def _planned(
    services: Services, conversion: Conversion, wheels: Sequence[str]
) -> list[RepodataRecord]:
    """The wheels of an environment with these requirements, which is only planned."""
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_tool_environment(
            services,
            Path(folder) / "environment",
            [conversion.python_spec, *wheels],
            conversion.channels,
            override=conversion.override,
        )
    # pip is installed beside every python, requested or not.
    is_requested = "pip" in map(_project, wheels)
    found = (record for record in plan.install if record.source == "pypi")
    return [record for record in found if record.name != "pip" or is_requested]


def _project(text: str) -> str:
    """The normalized project of a requirement, or of a wheel's path."""
    if text.endswith(WHEEL_EXTENSION):
        return normalize_pypi_name(Path(text).name.partition("-")[0])
    from minicon.pypi.requirement_syntax import parse_requirement

    return normalize_pypi_name(parse_requirement(text.removeprefix(PYPI_PREFIX)).name)


def _record_of(path: Path) -> RepodataRecord:
    """A record of a wheel on disk."""
    name = split_wheel_name(path.name)
    if name is None:
        raise PackageError("unsupported-wheel", f"{path.name} is not named like a wheel")
    with operations.describing("read", path):
        digest = hash_file(path)
    data = {
        "name": name.name,
        "version": name.version,
        "build": PYPI_BUILD,
        "build_number": 0,
        "depends": [],
        "sha256": digest.sha256,
        "size": digest.size,
        "subdir": NOARCH,
        "noarch": "python",
    }
    return RepodataRecord(
        data,
        channel=PYPI_CHANNEL,
        subdir=NOARCH,
        fn=path.name,
        url=path.absolute().as_uri(),
        source="pypi",
    )


def check_imports(
    services: Services, conversion: Conversion, built: Iterable[Path], directory: Path
) -> list[str]:
    """Install converted packages into an environment of their own, and import their modules.

    Their code runs.

    Args:
        services: Sources and caches.
        conversion: What was converted.
        built: Paths of the package files; those of other platforms are left out.
        directory: Of the channel.

    Returns:
        Names of the modules that were imported.

    Raises:
        PackageError: ``import-failed``, with the last lines of the traceback.
        SolveError: The packages cannot be installed together.
    """
    subdirs = (services.settings.platform, NOARCH)
    usable = [path for path in built if path.parent.name in subdirs]
    specs = ["=".join(path.name.removesuffix(".conda").rsplit("-", 2)) for path in usable]
    others = conversion.channels
    if not (others or services.settings.channels or conversion.override):
        # Without any, python and wheels are from these; naming the directory must not change that.
        others = (HOST_CHANNEL, PYPI_CHANNEL)
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_tool_environment(
            services,
            Path(folder) / "environment",
            [conversion.python_spec, *specs],
            [str(directory), *others],
            override=conversion.override,
        )
        make_tool_environment(services, plan, ("channel", "convert"))
        prefix = Prefix(Path(folder) / "environment")
        names = {spec.partition("=")[0] for spec in specs}
        modules = _modules(prefix, names)
        for module in modules:
            _import(prefix, module)
    return modules


def _modules(prefix: Prefix, names: set[str]) -> list[str]:
    """Importable modules directly in site-packages that packages of these names have."""
    folder = f"{prefix.python_layout.site_packages}/" if prefix.python_layout else ""
    found = set()
    for record in prefix.readable_records():
        for path in record.files if record.name in names else ():
            first, _, rest = path.removeprefix(folder).partition("/")
            is_module = not rest and first.endswith((".py", ".so", ".pyd"))
            is_package = rest == "__init__.py"
            if path.startswith(folder) and (is_module or is_package):
                found.add(first.partition(".")[0])
    return sorted(name for name in found if name.isidentifier())


def _import(prefix: Prefix, module: str) -> None:
    layout = prefix.python_layout
    python = str(prefix.path / (layout.executable if layout else "bin/python"))
    done = subprocess.run(
        [python, "-I", "-c", f"import {module}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        reason = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        message = f"the module {module} cannot be imported: {reason}"
        raise PackageError("import-failed", message, hint="see the traceback above")
