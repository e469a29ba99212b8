"""From the metadata of a wheel to the packages that are built of it."""

from __future__ import annotations

from email.parser import HeaderParser

from minicon.models.subdir import NOARCH
from minicon.publish.wheel_builds import builds_of
from minicon.publish.wheel_conversion import BuildTarget
from minicon.publish.wheel_dependencies import Target, dependencies_of
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: Key of ``about.json`` → labels of ``Project-URL``, of which the first present counts.
_URLS = {
    "home": ("homepage", "home", "home-page"),
    "dev_url": ("source", "repository", "source code", "github", "development"),
    "doc_url": ("documentation", "docs"),
}


def targets_of(
    filename: str, metadata_text: str, conda_name: Callable[[str], str], timestamp: int
) -> Iterator[BuildTarget]:
    """Yield the packages of a wheel: one, or one for each machine that it supports.

    Args:
        filename: Of the wheel.
        metadata_text: Its METADATA.
        conda_name: Name of the conda package for that of a project.
        timestamp: Of the build, in milliseconds; 0 if unknown.

    Raises:
        PackageError: Its metadata is invalid, or no conda platform or python can use it.
    """
    metadata = CoreMetadata.from_text(metadata_text)
    name = split_wheel_name(filename)
    number = name.build[0] if name and name.build else 0
    for build in builds_of(filename, metadata.requires_python):
        target = Target(build.subdir, build.python)
        found = dependencies_of(metadata.requirements(), metadata.extras, target, conda_name)
        index: dict[str, Any] = {
            "name": conda_name(metadata.name),
            "version": metadata.version,
            "build": f"{build.tag}_{number}",
            "build_number": number,
            "depends": [*build.depends, *found.depends],
            "constrains": list(build.constrains),
            "noarch": "python",
            "subdir": build.subdir,
            "timestamp": timestamp,
        }
        if found.extra_depends:
            index["extra_depends"] = found.extra_depends
        if metadata.license:
            index["license"] = metadata.license
        if build.subdir == NOARCH:
            del index["constrains"]
        about = about_of(metadata_text, metadata)
        yield BuildTarget(index, about, metadata.name)


def about_of(metadata_text: str, metadata: CoreMetadata) -> dict[str, str]:
    """Return ``info/about.json``: summary, license and URLs of a project."""
    headers = HeaderParser().parsestr(metadata_text.partition("\n\n")[0])
    urls = {"home-page": headers.get("Home-page", "")}
    for line in headers.get_all("Project-URL") or ():
        label, _, url = str(line).partition(",")
        urls.setdefault(label.strip().lower(), url.strip())
    about = {"summary": metadata.summary or "", "license": metadata.license or ""}
    for key, labels in _URLS.items():
        about[key] = next((urls[label] for label in labels if urls.get(label)), "")
    return {key: text for key, text in about.items() if text}
