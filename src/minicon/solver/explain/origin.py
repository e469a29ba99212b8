"""Origin: who asked for a root, so that explanations can name it and offer to change it."""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.match_spec.spec import MatchSpec


class Kind(Enum):
    """The ways in which something can be demanded."""

    SPEC = "spec"
    """The user typed it now."""
    HISTORY = "history"
    """The user asked for it earlier."""
    PIN = "pin"
    CONSTRAINT = "constraint"
    INSTALLED = "installed"
    """It is installed and must not change."""
    PYTHON_MINOR = "python minor"
    """Python's minor version stays unless python is named."""
    REMOVAL = "removal"
    WHEEL = "wheel"
    """Something from PyPI needs it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One demand.

    Attributes:
        kind: Which way it came.
        text: The spec as its author wrote it.
        spec: The spec, where it is one.
    """

    kind: Kind
    text: str
    spec: MatchSpec | None = None

    @property
    def sentence(self) -> str:
        """What it says, for an explanation: ``you asked for numpy <2``."""
        return _SENTENCES[self.kind].format(self.text)


_SENTENCES = {
    Kind.SPEC: "you asked for {}",
    Kind.HISTORY: "you asked earlier for {}",
    Kind.PIN: "{} is pinned",
    Kind.CONSTRAINT: "{} is a constraint",
    Kind.INSTALLED: "{} is installed and must not change",
    Kind.PYTHON_MINOR: "{} is installed and keeps its minor version unless you name python",
    Kind.REMOVAL: "{} is to be removed",
    Kind.WHEEL: "{}",
}
