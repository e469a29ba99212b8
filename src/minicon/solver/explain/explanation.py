"""Explanation: why a request cannot be met and which changes help, as data."""

from __future__ import annotations

from minicon.counted import counted
from minicon.errors import Unsatisfiable
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: An error message has ten lines: the headline, this many sentences, and the fixes.
_SENTENCES = 5
_FIXES = 3


@dataclass(frozen=True, slots=True)
class Fix:
    """A change to the request with which it was solved.

    Attributes:
        text: The change, in words.
        spec: The spec to type instead, or None if the change is another one.
        replaces: The demand that it changes.
    """

    text: str
    spec: str | None
    replaces: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request cannot be met.

    Attributes:
        core: Demands that contradict each other; without any one of them they don't.
        sentences: The derivation of the contradiction, in order, shared causes once.
        fixes: Changes that were found to work, each by itself.
        headline: The first line; None for "… cannot be installed together".
        missing: Names of packages that are needed and that no channel has.
    """

    core: tuple[str, ...]
    sentences: tuple[str, ...]
    fixes: tuple[Fix, ...]
    headline: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """Headline and sentences, shortened in the middle if there are many."""
        return self._with_headline(_shortened(self.sentences))

    @property
    def whole_message(self) -> str:
        """Headline and all sentences."""
        return self._with_headline(self.sentences)

    def _with_headline(self, sentences: Iterable[str]) -> str:
        return "\n".join([self._headline(), *(f"  {each}" for each in sentences)])

    @property
    def hint(self) -> str | None:
        """The fixes, numbered if there are several."""
        texts = [fix.text for fix in self.fixes[:_FIXES]]
        if len(texts) < 2:
            return texts[0] if texts else None
        return "\n".join(
            ["each of these works:", *(f"  {n}. {text}" for n, text in enumerate(texts, 1))]
        )

    def _headline(self) -> str:
        if self.headline is not None:
            return self.headline
        if not self.core:
            return "the dependencies of the installed packages cannot be met"
        if len(self.core) == 1:
            return f"{self.core[0]} cannot be installed"
        listed = ", ".join(self.core[:-1]) + f" and {self.core[-1]}"
        return f"{listed} cannot be installed together"

    def to_json(self) -> dict[str, Any]:
        """All of it, for ``--json``."""
        return {
            "core": list(self.core),
            "sentences": list(self.sentences),
            "fixes": [
                {"text": fix.text, "spec": fix.spec, "replaces": fix.replaces} for fix in self.fixes
            ],
        }

    def as_error(self) -> ConflictError:
        """The error to raise."""
        return ConflictError(self)


class ConflictError(Unsatisfiable):
    """The demands of a request contradict each other.

    Attributes:
        explanation: Why, and what helps.
    """

    def __init__(self, explanation: Explanation) -> None:
        super().__init__("unsatisfiable", explanation.message, hint=explanation.hint)
        self.explanation = explanation


def _shortened(sentences: tuple[str, ...]) -> list[str]:
    if len(sentences) <= _SENTENCES:
        return list(sentences)
    tail = 2
    head = _SENTENCES - tail - 1
    left_out = len(sentences) - head - tail
    return [
        *sentences[:head],
        f"… {counted(left_out, 'more step')} (shown by -v) …",
        *sentences[-tail:],
    ]
