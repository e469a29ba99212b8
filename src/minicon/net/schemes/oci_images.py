"""ImageRepository: read and push the images of a registry (OCI distribution-spec 1.1).

::

    pull   GET  manifests/TAG ─► index ─► manifest ─► GET blobs/DIGEST
    push   HEAD blobs/DIGEST ─ 404 ─► POST blobs/uploads ─ 201: mounted from the base image
                                              └─ 202 ─► PUT
           PUT  manifests/TAG, once all blobs are present
"""

from __future__ import annotations

import hashlib
import time
from typing import TypeVar
from urllib.parse import quote

from minicon.errors import ChannelError, HashMismatch
from minicon.lean_dataclasses import dataclass
from minicon.net.client.http_errors import status_error
from minicon.net.client.retry import RetryPolicy
from minicon.net.credentials.origin import next_url
from minicon.net.schemes.image_reference import ImageReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    from minicon.net.client.fetcher import Response
    from minicon.net.schemes.oci_session import RegistrySession

Result = TypeVar("Result")

#: Errors that may not occur again.
_TRANSIENT = ("server-busy", "server-failed", "connection-broken", "timed-out")
#: Media types of images and of lists of them, of both formats that registries serve.
_ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_LARGEST_MANIFEST = 1 << 22
_CHUNK = 1 << 20
_BYTES = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class _Access:
    """What a token must allow in a registry."""

    registry: str
    scopes: tuple[str, ...]


class ImageRepository:
    """The images of one repository.

    Args:
        session: Sends requests to registries.
        url: ``oci://registry/name``, with a tag or digest.
        sleep: Waits; replaced in tests.

    Attributes:
        url: The URL, without credentials.
        reference: Its parts.

    Raises:
        UsageError: ``invalid-image-name``.
    """

    def __init__(
        self, session: RegistrySession, url: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.reference = ImageReference.of_url(url)
        self.url = f"oci://{self.reference}"
        self._session = session
        self._sleep = sleep
        self._retry = RetryPolicy()
        self._base = f"{self.reference.registry}/v2/{self.reference.repository}"
        self._access = self._access_to("pull")

    def allow_push(self, base: ImageRepository | None = None) -> None:
        """Request to push from now on, and to mount blobs of a base image in the registry."""
        self._access = self._access_to("pull,push", base)

    def _access_to(self, actions: str, base: ImageRepository | None = None) -> _Access:
        scopes = [f"repository:{self.reference.repository}:{actions}"]
        if base is not None and self._is_beside(base):
            scopes.append(f"repository:{base.reference.repository}:pull")
        return _Access(self.reference.registry, tuple(scopes))

    def _is_beside(self, other: ImageRepository) -> bool:
        """Whether another repository is in the same registry."""
        own, its = self.reference, other.reference
        return own.registry == its.registry and own.repository != its.repository

    def manifest(self, digest: str = "") -> bytes:
        """Return the manifest or index of a digest, by default that of the reference.

        Raises:
            ChannelError: It does not exist, or the registry cannot be reached.
            HashMismatch: It has another content than its digest says.
        """
        reference = digest or self.reference.digest or self.reference.tag
        with self._get(f"manifests/{reference}", {"Accept": _ACCEPTED}) as response:
            data = response.read(_LARGEST_MANIFEST)
        if reference.startswith("sha256:") and reference[7:] != hashlib.sha256(data).hexdigest():
            message = f"{self.url}: manifest {reference} has another sha256"
            raise HashMismatch("hash-mismatch", message, hint="try again; a proxy may change it")
        return data

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yield a blob, which the caller verifies. Raises ChannelError."""
        with self._get(f"blobs/{digest}", {}) as response:
            yield from response.chunks(_CHUNK)

    def push_blob(
        self, digest: str, content: Callable[[], BinaryIO], *, base: ImageRepository | None = None
    ) -> bool:
        """Push a blob that the repository does not have yet.

        Args:
            digest: ``sha256:…``, which the registry verifies.
            content: Opens its content; called for every try, and not if it is not needed.
            base: A repository with the blob, maybe in the same registry: then it is not sent.

        Returns:
            Whether its content was sent.

        Raises:
            ChannelError: The registry cannot be reached, or refuses it.
        """
        return self._retried(lambda: self._push_blob(digest, content, base))

    def push_manifest(self, data: bytes, media_type: str) -> None:
        """Push the manifest of an image whose blobs are present, under the tag or digest.

        Raises:
            ChannelError: The registry cannot be reached, or refuses it.
        """
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        reference = self.reference.tag or digest

        def push() -> None:
            url, headers = f"{self._base}/manifests/{reference}", {"Content-Type": media_type}
            with self._send("PUT", url, headers, lambda: data) as response:
                self._require(response, 201)
                stored = response.headers.get("docker-content-digest", digest)
            if stored != digest:
                message = f"{self.url}: the registry stored {stored} in place of {digest}"
                raise ChannelError("hash-mismatch", message, hint="try again")

        self._retried(push)

    def _push_blob(
        self, digest: str, content: Callable[[], BinaryIO], base: ImageRepository | None
    ) -> bool:
        with self._send("HEAD", f"{self._base}/blobs/{digest}") as response:
            if response.status != 404:
                self._require(response, 200)
                return False
        address = f"{self._base}/blobs/uploads/"
        if base is not None and self._is_beside(base):
            address += f"?mount={quote(digest)}&from={quote(base.reference.repository, safe='')}"
        with self._send("POST", address) as response:
            if response.status == 201:
                return False
            self._require(response, 202)
            target = next_url(address, response.headers.get("location", ""))
        target += f"{'&' if '?' in target else '?'}digest={quote(digest)}"
        with self._send("PUT", target, _BYTES, content) as response:
            self._require(response, 201)
        return True

    def _get(self, path: str, headers: Mapping[str, str]) -> Response:
        response = self._session.request(self.url, self._access, f"{self._base}/{path}", headers)
        if response.status != 200:
            response.close()
            raise status_error(self.url, response.status)
        return response

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], BinaryIO | bytes] | None = None,
    ) -> Response:
        def send(url: str, headers: Mapping[str, str]) -> Response:
            body = content() if content is not None else None
            try:
                return self._session.send(method, url, headers, body)
            finally:
                if body is not None and not isinstance(body, bytes):
                    body.close()

        return self._session.request(self.url, self._access, url, headers or {}, send=send)

    def _require(self, response: Response, status: int) -> None:
        if response.status != status:
            raise status_error(self.url, response.status, verb="push to")

    def _retried(self, push: Callable[[], Result]) -> Result:
        """Call a function again while it fails for a reason that may pass."""
        for number in range(1, self._retry.retries + 1):
            try:
                return push()
            except ChannelError as error:
                if error.reference not in _TRANSIENT:
                    raise
            self._sleep(self._retry.wait_before(number))
        return push()
