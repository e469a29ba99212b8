"""What pip would find installed in an environment: the constraints of a pip step."""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.models.package_name import normalize_pypi_name
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import is_project_name, parse_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_METADATA = ("*.dist-info/METADATA", "*.egg-info/PKG-INFO")


def installed_constraints(site_packages: Path) -> list[str]:
    """``name==version`` of every distribution in a site-packages folder, by name.

    Read from the distributions' own metadata, since a conda package's name and version need not
    be those that pip knows it by. Cost: one small file each.
    """
    found = {}
    for pattern in _METADATA:
        for path in site_packages.glob(pattern):
            try:
                metadata = CoreMetadata.from_text(path.read_text("utf-8", "replace"))
            except (OSError, PackageError):
                continue
            version = parse_version(metadata.version)
            if is_project_name(metadata.name) and version is not None:
                found[normalize_pypi_name(metadata.name)] = str(version)
    return [f"{name}=={version}" for name, version in sorted(found.items())]
