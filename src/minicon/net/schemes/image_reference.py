"""Names of container images: ``data:1.0``, ``registry.example.org:5000/group/data@sha256:…``."""

from __future__ import annotations

from minicon.errors import UsageError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.url import Url
from minicon.net.schemes.oci_artifact import REPOSITORY, TAG, registry_url
from minicon.redaction import redact

_DIGEST = lazy_pattern(r"sha256:[0-9a-f]{64}")
_HOST = lazy_pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?"
)
#: Longest name with its host (distribution's grammar of references).
_LONGEST = 255
#: The registry whose name is not that of its server, and whose own images are in ``library``.
_DOCKER_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The name of an image (grammar of distribution/reference).

    Attributes:
        host: Name and port of the registry; empty for a name without one.
        repository: Path in the registry.
        tag: Its tag, ``latest`` if there is neither a tag nor a digest.
        digest: ``sha256:…``, or empty.
    """

    host: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Parse a name with an optional registry, tag and digest.

        The first part is a registry if it contains a dot or a colon, or is ``localhost``.

        Raises:
            UsageError: ``invalid-image-name``.
        """
        first, slash, rest = text.partition("/")
        has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        return cls._of(first if has_host else "", rest if has_host else text, text)

    @classmethod
    def of_url(cls, url: str) -> ImageReference:
        """Parse ``oci://registry/name``, with an optional tag and digest.

        Raises:
            UsageError: ``invalid-image-name``.
        """
        scheme, separator, rest = url.partition("://")
        if scheme != "oci" or not separator:
            raise _invalid(url, "it does not start with oci://")
        host, _, name = rest.partition("/")
        return cls._of(host.rpartition("@")[2], name, url, is_url=True)

    @classmethod
    def _of(cls, host: str, text: str, whole: str, *, is_url: bool = False) -> ImageReference:
        name, at, digest = text.partition("@")
        name, colon, tag = name.partition(":")
        if (is_url or host) and not _HOST.fullmatch(host):
            raise _invalid(whole, f"{redact(host)!r} is no registry")
        if not REPOSITORY.fullmatch(name) or len(f"{host}/{name}") > _LONGEST:
            why = "contains only lower-case letters, digits, and single separators . _ - /"
            raise _invalid(whole, f"the name {why}")
        if colon and not TAG.fullmatch(tag):
            why = "contains up to 128 letters, digits, and _ . -, and starts with none of . -"
            raise _invalid(whole, f"the tag {why}")
        if at and not _DIGEST.fullmatch(digest):
            raise _invalid(whole, "the digest is sha256: and 64 hexadecimal digits")
        if host == _DOCKER_HUB and "/" not in name:
            name = f"library/{name}"
        return cls(host, name, tag or ("" if at else "latest"), digest)

    def __str__(self) -> str:
        host = f"{self.host}/" if self.host else ""
        tag = f":{self.tag}" if self.tag else ""
        return f"{host}{self.repository}{tag}{'@' if self.digest else ''}{self.digest}"

    @property
    def registry(self) -> str:
        """Base URL of the registry."""
        if self.host == _DOCKER_HUB:
            return "https://registry-1.docker.io"
        return registry_url(self.host, Url(f"oci://{self.host}/").host)


def _invalid(text: str, why: str) -> UsageError:
    message = f"{redact(text)!r} is not the name of an image: {why}"
    hint = "write a name such as data:1.0, or oci://registry.example.org/data:1.0 in a registry"
    return UsageError("invalid-image-name", message, hint=hint)
