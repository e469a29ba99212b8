"""From a Plan to a changed environment: make the packages ready, then switch in one step.

::

    Plan ─> recover what was cut ─> packages ready ─> Executor: stage ─ SWITCH ─ pip ─> registered
"""

from __future__ import annotations

from functools import partial

from minicon.api.change.environments import write_variables
from minicon.api.change.package_preparation import prepare_packages
from minicon.api.change.pip_installation import install_and_record
from minicon.api.change.script_runner import script_runner
from minicon.api.plan.explicit import described_record
from minicon.api.plan.plan_effects import tell_fetched_scripts
from minicon.lean_dataclasses import replace
from minicon.models.prefix_record import LinkType
from minicon.prefix.environment.environments_txt import register_environment
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.link.stage_builder import StageOptions
from minicon.shell.activation_files import write_activation_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.fs.folder import Folder
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.prefix.plan.transaction import Transaction


def fetch_packages(services: Services, plan: Plan) -> None:
    """Fill the package cache for a plan, and change nothing else."""
    prepare_packages(services, plan.transaction.link)


def apply_plan(services: Services, plan: Plan, *, command_line: Sequence[str]) -> Prefix:
    """Carry a plan out. Afterwards the environment is the new one, or unchanged.

    Raises:
        PrefixError: ``scripts-not-as-shown``: others would run than somebody agreed to.
        MiniconError: Whatever a fetch, a package, the file system, a link script or pip does.
    """
    if plan.request.clone_of is not None:
        return _clone(services, plan, command_line)
    from shlex import join

    with services.package_cache.in_use():
        packages = prepare_packages(services, plan.transaction.link)
        tell_fetched_scripts(services, plan, packages)
        prefix = _executor(services, plan).execute(
            _described(plan.transaction, packages),
            packages,
            command=join(("minicon", *command_line)),
            reporter=services.reporter,
            before_switch=[partial(_finish_stage, plan=plan)],
            after_switch=_after_switch(services, plan),
        )
    _register(services, prefix)
    return prefix


def _clone(services: Services, plan: Plan, command_line: Sequence[str]) -> Prefix:
    """A clone is a copy of the environment itself: it needs neither network nor cache."""
    from minicon.api.change.renaming import clone_packages

    assert plan.request.clone_of is not None
    clone_packages(services, plan.request.clone_of, plan.prefix, command_line=command_line)
    prefix = Prefix(plan.prefix)
    _register(services, prefix)
    return prefix


def _register(services: Services, prefix: Prefix) -> None:
    if services.settings.register_envs:
        register_environment(services.registry.environments_txt, prefix.path)


def _described(
    transaction: Transaction, packages: Mapping[RepodataRecord, CachedPackage]
) -> Transaction:
    """The transaction with whole records: a lock file tells little more than names and hashes."""
    link = tuple(
        described_record(record, packages[record].directory)
        if record.source == "conda" and "build_number" not in record.data
        else record
        for record in transaction.link
    )
    return replace(transaction, link=link)


def _executor(services: Services, plan: Plan) -> Executor:
    from minicon import __version__
    from minicon.prefix.link.bytecode import BytecodeCompiler

    settings = services.settings
    link_type = LinkType.COPY if settings.always_copy else LinkType.HARDLINK
    return Executor(
        options=StageOptions(
            link_type=LinkType.SOFTLINK if settings.always_softlink else link_type,
            allow_softlinks=settings.allow_softlinks,
            path_conflict=settings.path_conflict,
            version=__version__,
        ),
        compile_bytecode=BytecodeCompiler(services.reporter) if settings.compile_bytecode else None,
        keep_generations=max(settings.keep_generations, 0),
        durable=settings.durability == "safe",
        lock_timeout=settings.lock_timeout,
        link_scripts=script_runner(services, plan.shown_scripts) if settings.link_scripts else None,
    )


def _finish_stage(stage: Folder, final: Path, *, plan: Plan) -> None:
    """The last touches to a tree that nobody sees yet: variables, and text for activation."""
    if plan.request.variables:
        write_variables(stage, plan.request.variables, of_file=True)
    write_activation_files(stage, final)


def _after_switch(services: Services, plan: Plan) -> list[Callable[[Path], None]]:
    """Steps that need the environment in its place; if one fails, all is undone."""
    if not plan.by_pip:
        return []
    return [partial(install_and_record, services, plan.by_pip, plan.index_options)]
