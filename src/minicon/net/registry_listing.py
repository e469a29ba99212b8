"""List the packages of a channel in a registry: its repositories, their tags, and their layers.

The specification of registries has no directories. Repositories are those of the registry's catalog
(``/v2/_catalog``), which not every registry shows, and of names that the caller knows.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import check_shape, read_object
from minicon.net.client.http_errors import status_error
from minicon.net.parallel import run_parallel
from minicon.net.schemes.oci_artifact import Artifact, packages_in, registry_of
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.net.schemes.oci_artifact import Layer
    from minicon.net.schemes.oci_fetcher import OciFetcher

_PAGE = 1000
_LARGEST_PAGE = 1 << 24
_WORKERS = 16
_NEXT = lazy_pattern(r'<([^>]{1,2048})>\s*;\s*rel="?next"?')


class RegistryPackage(NamedTuple):
    """A package of a channel in a registry."""

    file_name: str
    layer: Layer


def list_repositories(registries: OciFetcher, url: str) -> list[str] | None:
    """Return the repositories below a URL, without its path; None if the registry has no catalog.

    Raises:
        ChannelError: The registry cannot be read.
    """
    registry, path = registry_of(url), urlsplit(url).path.strip("/")
    catalog = Artifact(registry, "", "", "")
    names = _pages(registries, url, catalog, f"{registry}/v2/_catalog?n={_PAGE}", "repositories")
    if names is None:
        return None
    return [name[len(path) + 1 :] for name in names if name.startswith(f"{path}/")]


def list_packages(registries: OciFetcher, url: str, names: Iterable[str]) -> list[RegistryPackage]:
    """Return the packages in some repositories of a subdir; those that do not exist have none.

    Args:
        registries: Sends the requests.
        url: Of the subdir.
        names: Last parts of the repositories.

    Raises:
        ChannelError: The registry cannot be read.
    """
    registry, path = registry_of(url), urlsplit(url).path.strip("/")

    def tags_of(name: str, _: object) -> list[Artifact]:
        repository = Artifact(registry, f"{path}/{name}", "", name)
        address = f"{registry}/v2/{path}/{name}/tags/list?n={_PAGE}"
        tags = _pages(registries, url, repository, address, "tags") or []
        return [Artifact(registry, f"{path}/{name}", tag, name) for tag in tags]

    def packages_of(artifact: Artifact, _: object) -> list[RegistryPackage]:
        manifest = registries.manifest(url, artifact)
        found = packages_in(manifest, artifact.file_name, artifact.tag)
        return [RegistryPackage(file_name, layer) for file_name, layer in found]

    artifacts = chain.from_iterable(run_parallel(tags_of, names, workers=_WORKERS))
    found = chain.from_iterable(run_parallel(packages_of, artifacts, workers=_WORKERS))
    return sorted(found, key=lambda package: package.file_name)


def _pages(
    registries: OciFetcher, url: str, artifact: Artifact, address: str, key: str
) -> list[str] | None:
    """Return the names in all pages of a list; None if the registry does not show it."""
    names: list[str] = []
    while address:
        with registries.get(url, artifact, address) as answer:
            if answer.status in (401, 403, 404, 405):
                return None
            if answer.status != 200:
                raise status_error(url, answer.status)
            found = _read_names(answer.read(_LARGEST_PAGE), key, url)
            following = _NEXT.search(answer.headers.get("link", ""))
        names += found
        address = urljoin(address, following[1]) if following and found else ""
        if not address.startswith(artifact.registry):  # nothing more, or another server
            break
    return names


def _read_names(body: bytes, key: str, url: str) -> list[str]:
    try:
        names: list[str] = read_object(body).get(key) or []
        check_shape(names, [str], key)
    except (ValueError, RecursionError) as error:
        message = f"{redact(url)}: the registry's answer is not a list of {key}"
        raise ChannelError("not-a-listing", message, hint="check the channel's URL") from error
    return names
