"""Refusal: a response that says why a request is not answered."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.errors import MiniconError


class Refusal(Exception):
    """A request that is not answered.

    Attributes:
        status: HTTP status.
        reference: Stable kebab-case name of the reason.
        message: One lower-case sentence.
        hint: What to do, or None.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        reference: str,
        message: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reference = reference
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, status: int, error: MiniconError) -> Refusal:
        """Return the refusal for an error."""
        return cls(status, error.reference, error.message, hint=error.hint)

    def to_json(self) -> dict[str, object]:
        """Return the document for programs."""
        return {
            "error": {"reference": self.reference, "message": self.message, "hint": self.hint},
        }


def not_found(what: str) -> Refusal:
    """Return the refusal for something that does not exist."""
    return Refusal(404, "not-found", f"there is no {what}")
