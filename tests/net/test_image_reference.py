"""Names of container images: the grammar of distribution, and Docker's registry."""

from __future__ import annotations

import pytest

from minicon.errors import UsageError
from minicon.net.schemes.image_reference import ImageReference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("data", ("", "data", "latest", "")),
        ("data:1.0", ("", "data", "1.0", "")),
        ("team/data:1.0", ("", "team/data", "1.0", "")),
        ("localhost:5000/data", ("localhost:5000", "data", "latest", "")),
        ("localhost/data", ("localhost", "data", "latest", "")),
        ("reg.test/a/b__c-d.e:_x", ("reg.test", "a/b__c-d.e", "_x", "")),
        (f"reg.test/data@{DIGEST}", ("reg.test", "data", "", DIGEST)),
        (f"reg.test/data:1@{DIGEST}", ("reg.test", "data", "1", DIGEST)),
    ],
)
def test_names(text: str, parts: tuple[str, ...]) -> None:
    found = ImageReference.parse(text)
    assert (found.host, found.repository, found.tag, found.digest) == parts
    assert str(found) == (text if ":" in text.rpartition("/")[2] else f"{text}:latest")


@pytest.mark.parametrize(
    "text",
    [
        *("", "Data", "data:", "data:.x", "a//b", "/data", "a..b", "-a", "data:" + "x" * 129),
        *("data@sha256:1", "x" * 256, "http://reg.test/data", "reg.test:port/data", "a b", "a\nb"),
    ],
)
def test_invalid_names(text: str) -> None:
    with pytest.raises(UsageError, match="is not the name of an image"):
        ImageReference.parse(text)


def test_urls() -> None:
    found = ImageReference.of_url("oci://me:secret@reg.test:443/data:1.0")
    assert str(found) == "reg.test:443/data:1.0"
    assert found.registry == "https://reg.test:443"
    assert ImageReference.of_url("oci://127.0.0.1:5000/data").registry == "http://127.0.0.1:5000"
    docker = ImageReference.of_url("oci://docker.io/debian:stable-slim")
    assert (docker.registry, docker.repository) == (
        "https://registry-1.docker.io",
        "library/debian",
    )
    with pytest.raises(UsageError) as refused:
        ImageReference.of_url("oci://me:secret@reg.test/Data")
    assert "secret" not in refused.value.message
