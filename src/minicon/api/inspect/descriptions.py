"""What people want to know first of an environment, and of one of its packages."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from minicon.api.inspect.explaining import environment_graph, name_in, requested_specs
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import usual_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def environment_facts(path: Path, *, platform: str) -> dict[str, Any]:
    """Describe an environment.

    Raises:
        NotAnEnvironment: It does not exist.
    """
    graph = environment_graph(path, platform=platform)
    prefix, records = Prefix(path), [each.record for each in graph.records.values()]
    sources = Counter(record.source for record in records)
    changed = prefix.last_modified
    return {
        "name": usual_name(path),
        "path": str(path),
        "last_changed": changed and f"{datetime.fromtimestamp(changed):%Y-%m-%d %H:%M}",
        "packages": len(records),
        "from_pypi": sources["pypi"],
        "python": prefix.python_version(),
        "requested": [*requested_specs(prefix, graph).values()],
        "channels": sorted({record.channel for record in records if record.channel}),
        "variables": sorted(prefix.environment_variables()),
        "frozen": prefix.frozen_message(),
        "writable": prefix.is_writable,
    }


def package_facts(path: Path, name: str, *, platform: str) -> dict[str, Any]:
    """Describe an installed package.

    Raises:
        NotAnEnvironment: The environment does not exist.
        PackageNotFound: The package is not installed.
    """
    graph = environment_graph(path, platform=platform)
    name = name_in(graph, path, name)
    installed = graph.records[name]
    record = installed.record
    return {
        "name": name,
        "version": record.version,
        "build": record.build,
        "channel": record.channel,
        "license": record.license,
        "environment": str(path),
        "requested": requested_specs(Prefix(path), graph).get(name),
        "files": len(installed.files),
        "dependencies": [str(each) for each in record.depends],
        "needed_by": sorted({each.parent for each in graph.dependents(name)}),
        "url": record.url,
        "sha256": record.sha256,
    }
