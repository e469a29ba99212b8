"""When each link script of a transaction runs.

::

    the environment ── copied, copy SWITCHED IN ── pre-unlink, pre-link ── next generation built
         │                                                                 from the copy
         └── kept aside until all is done, and put back if anything fails

    ── SWITCH ── post-unlink (of packages that went), post-link (of packages that came) ── done

The order of actions is conda's. What differs: ``pre-link`` scripts still see the packages that
go, ``post-unlink`` scripts see those that came, since files of all packages change in one step.
The copy is made, by hard links, only where there are scripts of the first kind. While scripts of
either kind run, the environment shares no file with anything else (``own_files.py``). A failure of
``pre-link`` and ``post-link`` undoes the transaction; one of ``pre-unlink`` and ``post-unlink``
is told, since a broken script must not forbid removing its package (conda does the same).
"""

from __future__ import annotations

import functools

from minicon.prefix.scripts.link_scripts import LinkScript, own_text, script_of, scripts_of_record
from minicon.prefix.scripts.own_files import own_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from minicon.prefix.generations.store import GenerationStore
    from minicon.prefix.plan.file_layout import PackagePlan
    from minicon.prefix.plan.transaction import Transaction
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner


class ScriptPhases:
    """The link scripts of one transaction.

    Args:
        runner: Runs them; None means that none run.
        transaction: What is done.
        plans: The packages to link.
        store: The environment's generations.

    Raises:
        PrefixError: Others would run than were shown.

    Attributes:
        before: Those that run before the packages change.
        after: Those that run once they have changed.
    """

    def __init__(
        self,
        runner: LinkScriptRunner | None,
        transaction: Transaction,
        plans: Sequence[PackagePlan],
        store: GenerationStore,
    ) -> None:
        self._runner = runner
        self._store = store
        self._messages: list[str] = []
        platform = transaction.platform
        gone = [
            [s for r in transaction.unlink for s in scripts_of_record(r, action, platform)]
            for action in ("pre-unlink", "post-unlink")
        ]
        here = [list(_scripts_of_plans(plans, a, platform)) for a in ("pre-link", "post-link")]
        if runner is not None:
            runner.check_shown((*here[0], *here[1]))
        none: tuple[LinkScript, ...] = ()
        self.before = (*gone[0], *here[0]) if runner else none
        self.after = (*gone[1], *here[1]) if runner else none

    def run_before(self, prefix: Path) -> None:
        """Run the first kind.

        Raises:
            LinkScriptFailed: A ``pre-link`` script failed.
        """
        with own_files(self._store):
            for script in self.before:
                self._run(own_text(script, prefix), prefix)

    def steps_after(self, former: Path) -> list[Callable[[Path], None]]:
        """What is to be called with the environment once it is in place.

        Args:
            former: Where the former tree will be, with the scripts of packages that went.
        """
        return [functools.partial(self._run_after, former)] if self.after else []

    def tell_messages(self) -> None:
        """What the scripts have to say is shown when all is done (CEP 34)."""
        if self._runner is not None:
            for message in self._messages:
                self._runner.reporter.note(message)

    def _run_after(self, former: Path, prefix: Path) -> None:
        with own_files(self._store):
            for script in self.after:
                tree = former if script.action == "post-unlink" else prefix
                self._run(own_text(script, tree), prefix)

    def _run(self, script: LinkScript, prefix: Path) -> None:
        assert self._runner is not None
        is_leaving = script.action.endswith("unlink")
        run = self._runner.run_quietly if is_leaving else self._runner.run
        message = run(script, prefix)
        if message:
            self._messages.append(f"{script.record.name}: {message}")


def _scripts_of_plans(
    plans: Iterable[PackagePlan], action: str, platform: str
) -> Iterable[LinkScript]:
    for plan in plans:
        path = script_of(plan.record, action, platform)
        if path is not None and plan.has_target(path):
            # Before the package is linked, its script can only run where the package lies.
            source = plan.directory / path if action == "pre-link" else None
            yield LinkScript(plan.record, action, path, source)
