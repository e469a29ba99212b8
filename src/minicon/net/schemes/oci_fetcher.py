"""OciFetcher: the Fetcher for ``oci://registry/channel/…``: channels in container registries.

::

    URL ─► Artifact ─► manifest (its layers, cached for seconds) ─► Layer ─► blob, by its digest
                          └─ 401 ─► RegistryLogin ─► once more

A layer's digest is its ETag: an index that has not changed costs a manifest. Every complete body is
compared with its digest. Registries redirect blobs to storage servers, which get no credentials.
"""

from __future__ import annotations

import threading
import time
from binascii import b2a_base64

from minicon.errors import ChannelError
from minicon.models.strict_json import read_json
from minicon.net.client.headers import EXPECTED_SHA256, Headers
from minicon.net.client.http_errors import status_error
from minicon.net.client.responses import AliasedResponse, BodyCheck
from minicon.net.schemes.oci_artifact import Artifact, Layer
from minicon.net.schemes.oci_images import ImageRepository
from minicon.net.schemes.oci_session import RegistrySession, empty_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.net.client.fetcher import Response

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json;q=0.5"
)
_LARGEST_MANIFEST = 1 << 22
#: Several files of a subdir are layers of one artifact: its manifest is requested once.
_CACHED_SECONDS = 10.0


class _Manifest:
    """A registry's response to a request for a manifest.

    Attributes:
        status: 200, or another status without a manifest.
        content: The decoded manifest.
        cache_control: The ``Cache-Control`` header.
    """

    def __init__(self, status: int, content: Any = None, cache_control: str | None = None) -> None:
        self.status = status
        self.content = content
        self.cache_control = cache_control


class OciFetcher:
    """Opens ``oci://`` URLs. Thread-safe.

    Args:
        session: Sends the requests.
        clock: Monotonic seconds.
    """

    def __init__(
        self, session: RegistrySession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._session = session
        self._manifests: dict[str, tuple[float, _Manifest]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Request a file of a channel; see :class:`minicon.net.client.fetcher.Fetcher`.

        Raises:
            ChannelError: ``invalid-url``, ``unsafe-redirect``, ``invalid-answer``; or the
                registry cannot be reached.
        """
        request = Headers(headers)
        artifact = Artifact.of(url)
        if artifact is None:
            return empty_response(url, 404)
        layer, cache_control = artifact.layer, None
        if EXPECTED_SHA256 in request:  # a package's blob is named by its hash
            layer = Layer(f"sha256:{request[EXPECTED_SHA256]}")
        if layer is None:
            fresh = "no-cache" in request.get("cache-control", "")
            manifest = self._manifest(url, artifact, fresh, timeout)
            layer = artifact.layer_in(manifest.content)
            cache_control = manifest.cache_control
            if layer is None:
                return empty_response(url, 404 if manifest.status == 200 else manifest.status)
        own = {"etag": f'"{layer.digest}"', "cache-control": cache_control}
        if layer.md5:
            own["content-md5"] = b2a_base64(bytes.fromhex(layer.md5), newline=False).decode()
        if request.get("if-none-match") == own["etag"]:
            return empty_response(url, 304, own)
        blob_url = artifact.blob_url(layer)
        response = self._session.request(url, artifact, blob_url, _for_blob(request, own), timeout)
        check = BodyCheck(layer.digest, layer.size)
        return AliasedResponse(url, response, blob_url, headers=own, check=check)

    def images(self, url: str) -> ImageRepository:
        """Return the images of a repository; see :class:`.oci_images.ImageRepository`."""
        return ImageRepository(self._session, url)

    def put(self, url: str, path: Path, headers: Mapping[str, str]) -> Response:
        """Upload a file of a channel; see :func:`minicon.net.schemes.oci_pushing.push`."""
        from minicon.net.schemes.oci_pushing import push

        return push(self, url, path, headers)

    def close(self) -> None:
        """Close all kept connections."""
        self._session.close()

    def manifest(self, url: str, artifact: Artifact) -> Any:
        """Return the present manifest of an artifact; None if there is none.

        Raises:
            ChannelError: The registry refuses, or cannot be reached.
        """
        found = self._manifest(url, artifact, True, None)
        if found.status not in (200, 404):
            raise status_error(url, found.status)
        return found.content

    def get(self, url: str, artifact: Artifact, address: str) -> Response:
        """Request another document of a registry, such as the tags of a repository.

        Args:
            url: The ``oci://`` URL, for credentials and messages.
            artifact: What the request is about.
            address: URL of the registry.

        Raises:
            ChannelError: As :meth:`open` does.
        """
        return self._session.request(url, artifact, address, {})

    def _manifest(
        self, url: str, artifact: Artifact, fresh: bool, timeout: float | None
    ) -> _Manifest:
        """The manifest of an artifact, requested once by threads that need it at the same time."""
        manifest_url = artifact.manifest_url
        with self._locks.setdefault(manifest_url, threading.Lock()):
            since, cached = self._manifests.get(manifest_url, (0.0, None))
            if cached is not None and not fresh and self._clock() - since < _CACHED_SECONDS:
                return cached
            headers = {"Accept": _MANIFESTS}
            with self._session.request(url, artifact, manifest_url, headers, timeout) as response:
                manifest = _read_manifest(manifest_url, response)
            self._manifests[manifest_url] = (self._clock(), manifest)
            return manifest


def _for_blob(request: Headers, own: Mapping[str, str | None]) -> dict[str, str]:
    """The headers for a blob. It is named by its content, so conditions are evaluated here."""
    passed = {name: request[name] for name in ("accept-encoding", "range") if name in request}
    if request.get("if-range", own["etag"]) != own["etag"]:
        passed.pop("range", None)
    return passed


def _read_manifest(url: str, response: Response) -> _Manifest:
    if response.status != 200:
        return _Manifest(response.status)
    try:
        content = read_json(response.read(_LARGEST_MANIFEST))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("layers"), list):
        message = f"{url} does not return the manifest of a channel's file"
        hint = "check that the URL is a conda channel"
        raise ChannelError("invalid-answer", message, hint=hint)
    return _Manifest(200, content, response.headers.get("cache-control"))
