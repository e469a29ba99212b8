"""PipRequirement: a Python project that pip has to build, from the request to the environment."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequirement:
    """A requirement that only pip can install, because it has to be built.

    Attributes:
        text: Lines of a requirement file; paths in it are absolute. May contain credentials.
        name: Normalized project name if the line contains it, else None.
        version: The one version that a lock names, where the file's name confirms it.
        depends: What it is known to depend on, as MatchSpec texts.
        is_editable: Whether it is installed in editable mode (PEP 660).
        location: URL of the directory, file or repository (with ``git+`` and ``@REVISION``) that
            it names, without credentials; empty if it names a project.
        extras: Extras of the project that it requests.
        origin: File and line, or an empty text.
    """

    text: str
    name: str | None = None
    version: str | None = None
    depends: tuple[str, ...] = ()
    is_editable: bool = False
    location: str = ""
    extras: tuple[str, ...] = ()
    origin: str = ""

    def __str__(self) -> str:
        return redact(self.text)
