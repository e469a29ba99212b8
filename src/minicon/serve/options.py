"""ServeOptions: what an operator chooses when a server is started."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field
from minicon.serve.hosted import Allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minicon.serve.hosted import HostedChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What an operator chooses.

    Attributes:
        channels: The served channels by name.
        host: Address to listen at.
        port: Port; 0 is any that is free.
        url: URL that clients use, if a proxy is in front; None is that of each request.
        tokens: File of the tokens that reading needs; None means that none is needed.
        upload_tokens: File of the tokens for uploads; None means that there are no uploads.
        most_upload_bytes: Largest upload.
        allowed: What else solutions may use.
        solvers: Processes that solve.
        solve_seconds: Longest time of one solution, for all its platforms.
        log_requests: Whether each request is logged.
        most_waiting: Most requests that wait for a process; more are refused.
    """

    channels: Mapping[str, HostedChannel]
    host: str = "127.0.0.1"
    port: int = 8000
    url: str | None = None
    tokens: Path | None = None
    upload_tokens: Path | None = None
    most_upload_bytes: int = 8 << 30
    allowed: Allowed = field(default_factory=Allowed)
    solvers: int = 2
    solve_seconds: float = 30.0
    log_requests: bool = False
    most_waiting: int = 32
