"""From a Plan to a changed environment: prepare the packages, then switch in one step.

::

    Plan ─> packages prepared ─> Executor: recover ─ stage ─ SWITCH ─ pip ─> registered
"""

from __future__ import annotations

from functools import partial

from minicon.api.change.environments import clone_environment, link_script_runner
from minicon.api.change.pip_installation import install_and_record, record_pip_packages
from minicon.api.environment_variables import write_variables
from minicon.api.package_preparation import prepare_packages
from minicon.api.plan.plan_effects import note_fetched_scripts
from minicon.api.plan.solutions.exact_solutions import described_record
from minicon.lean_dataclasses import replace
from minicon.models.prefix_record import LinkType
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import check_prefix_location, mark_root
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
    """Fetch the packages of a plan into the cache; the environment is not changed."""
    prepare_packages(services, plan.transaction.link)


def apply_plan(services: Services, plan: Plan, *, command_line: Sequence[str]) -> Prefix:
    """Carry a plan out and return the environment; on an error it is unchanged.

    Raises:
        PrefixError: ``scripts-not-as-shown``: other link scripts would run than were shown.
        MiniconError: A package, the file system, a link script or pip fails.
    """
    check_prefix_location(plan.prefix)
    if plan.request.clone_of is not None:
        return _clone(services, plan, command_line)
    from shlex import join

    if plan.prefix == services.settings.root:
        mark_root(plan.prefix)
    with services.package_cache.in_use():
        packages = prepare_packages(services, plan.transaction.link)
        note_fetched_scripts(services, plan, packages)
        prefix = _executor(services, plan).execute(
            _described(plan.transaction, packages),
            packages,
            command=join(("minicon", *command_line)),
            reporter=services.reporter,
            before_switch=[partial(_finish_stage, plan=plan)],
            after_switch=_after_switch(services, plan),
        )
    services.registry.register(prefix.path)
    return prefix


def _clone(services: Services, plan: Plan, command_line: Sequence[str]) -> Prefix:
    """Copy the other environment itself, which needs neither network nor cache."""
    assert plan.request.clone_of is not None
    clone_environment(services, plan.request.clone_of, plan.prefix, command_line=command_line)
    prefix = Prefix(plan.prefix)
    services.registry.register(prefix.path)
    return prefix


def _described(
    transaction: Transaction, packages: Mapping[RepodataRecord, CachedPackage]
) -> Transaction:
    """Complete the records of a lock file, which has little more than names and hashes."""
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
    runner = link_script_runner(services, plan.shown_scripts)
    link_type = LinkType.COPY if settings.always_copy else LinkType.HARDLINK
    return Executor(
        options=StageOptions(
            link_type=LinkType.SOFTLINK if settings.always_softlink else link_type,
            allow_softlinks=settings.allow_softlinks,
            path_conflict=settings.path_conflict,
            version=__version__,
            channel_name=services.channel_names,
            channel_url=services.channel_names.url,
        ),
        compile_bytecode=BytecodeCompiler(services.reporter) if settings.compile_bytecode else None,
        keep_generations=max(settings.keep_generations, 0),
        durable=settings.durability == "safe",
        lock_timeout=settings.lock_timeout,
        link_scripts=runner if settings.link_scripts else None,
    )


def _finish_stage(stage: Folder, final: Path, *, plan: Plan) -> None:
    """Write variables and activation files into the new tree, before it is in use."""
    if plan.request.variables:
        write_variables(stage, plan.request.variables, of_file=True)
    write_activation_files(stage, final)


def _after_switch(services: Services, plan: Plan) -> list[Callable[[Path], None]]:
    """Return steps to take in the new environment; if one fails, the switch is undone."""
    if not plan.by_pip:
        names = [record.name for record in plan.adopted]
        platform = services.settings.platform
        record = partial(
            record_pip_packages,
            platform=platform,
            names=names,
            channel_name=services.channel_names,
        )
        return [record] if names else []
    return [partial(install_and_record, services, plan.by_pip, plan.index_options)]
