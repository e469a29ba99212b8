"""One S3 server for all tests of buckets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.s3_server import S3Server


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running
