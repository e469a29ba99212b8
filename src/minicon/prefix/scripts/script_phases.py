"""Run the link scripts of a transaction at the right time.

::

    the environment ── copied, copy SWITCHED IN ── pre-unlink, pre-link ── next generation built
         │                                                                 from the copy
         └── kept until all is done, and restored if anything fails

    ── SWITCH ── post-unlink (of removed packages), post-link (of new packages) ── done

The order of actions is conda's. Unlike conda's, ``pre-link`` scripts still see removed packages,
and ``post-unlink`` scripts see new ones, since the files of all packages change in one step. The
copy is made, by hard links, only if there are ``pre-`` scripts. While scripts run, the environment
shares no file with anything else (``working_copy.py``). A failure of ``pre-link`` and ``post-link``
undoes the transaction; one of ``pre-unlink`` and ``post-unlink`` is only reported, since a broken
script must not prevent the removal of its package (as in conda).
"""

from __future__ import annotations

import functools

from minicon.prefix.scripts.link_scripts import readable_script
from minicon.prefix.scripts.script_files import LinkScript, script_of, scripts_of_record
from minicon.prefix.scripts.working_copy import unshared_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from minicon.prefix.generations.store import GenerationStore
    from minicon.prefix.plan.package_plan import PackagePlan
    from minicon.prefix.plan.transaction import Transaction
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner


class ScriptPhases:
    """The link scripts of one transaction.

    Args:
        runner: Runs them; None skips them.
        transaction: What changes.
        plans: The packages to link.
        store: The environment's generations.

    Raises:
        PrefixError: ``scripts-not-as-shown``: the scripts differ from those in the plan.

    Attributes:
        before: Scripts that run before the packages change.
        after: Scripts that run after the switch.
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
        self._messages: list[tuple[str, str]] = []
        platform = transaction.platform
        leaving = [
            [s for r in transaction.unlink for s in scripts_of_record(r, action, platform)]
            for action in ("pre-unlink", "post-unlink")
        ]
        coming = [list(_scripts_of_plans(plans, a, platform)) for a in ("pre-link", "post-link")]
        if runner is not None:
            runner.check_shown((*coming[0], *coming[1]))
        none: tuple[LinkScript, ...] = ()
        self.before = (*leaving[0], *coming[0]) if runner else none
        self.after = (*leaving[1], *coming[1]) if runner else none

    def run_before(self, prefix: Path) -> None:
        """Run the scripts that run before the packages change.

        Raises:
            LinkScriptFailed: A ``pre-link`` script failed.
        """
        with unshared_files(self._store):
            for script in self.before:
                self._run(readable_script(script, prefix), prefix)

    def steps_after(self, previous: Path) -> list[Callable[[Path], None]]:
        """Functions to call with the environment's path after the switch.

        Args:
            previous: Where the previous tree will be, with the scripts of removed packages.
        """
        return [functools.partial(self._run_after, previous)] if self.after else []

    def report_messages(self) -> None:
        """Report the scripts' messages once all is done (CEP 34)."""
        if self._runner is not None:
            for message in self._messages:
                self._runner.reporter.message(*message)

    def _run_after(self, previous: Path, prefix: Path) -> None:
        with unshared_files(self._store):
            for script in self.after:
                tree = previous if script.action == "post-unlink" else prefix
                self._run(readable_script(script, tree), prefix)

    def _run(self, script: LinkScript, prefix: Path) -> None:
        assert self._runner is not None
        is_leaving = script.action.endswith("unlink")
        run = self._runner.run_quietly if is_leaving else self._runner.run
        message = run(script, prefix)
        if message:
            self._messages.append((script.record.name, message))


def _scripts_of_plans(
    plans: Iterable[PackagePlan], action: str, platform: str
) -> Iterable[LinkScript]:
    for plan in plans:
        path = script_of(plan.record, action, platform)
        if path is not None and plan.has_target(path):
            # Before the package is linked, its script is only in the package cache.
            source = plan.directory / path if action == "pre-link" else None
            yield LinkScript(plan.record, action, path, source)
