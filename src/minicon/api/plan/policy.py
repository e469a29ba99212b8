"""``disallowed_packages``: what the configuration forbids to install, whoever asks for it."""

from __future__ import annotations

from minicon.errors import SolveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.models.records import RepodataRecord


def refuse_disallowed(specs: Sequence[str], records: Iterable[RepodataRecord]) -> None:
    """Refuse a change that would link a package which the configuration disallows.

    As in conda the choice of packages is not influenced: what is chosen is looked at. What is
    installed already may stay.

    Args:
        specs: The setting, MatchSpec texts.
        records: What would be linked.

    Raises:
        SpecError: The setting holds what is no spec.
        SolveError: Reference ``package-disallowed``.
    """
    if not specs:
        return
    from minicon.models.match_spec.spec import MatchSpec

    disallowed = [(text, MatchSpec(text)) for text in specs]
    for record in records:
        for text, spec in disallowed:
            if spec.matches(record):
                raise SolveError(
                    "package-disallowed",
                    f"{record.dist_name} would be installed, and the configuration disallows it",
                    context=f"disallowed_packages: {text}",
                    hint="ask for something else; 'minicon config --show-sources "
                    "disallowed_packages' tells where that is written",
                )
