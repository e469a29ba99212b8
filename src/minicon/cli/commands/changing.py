"""Show a plan, ask for confirmation, apply it, and report the result."""

from __future__ import annotations

import time

from minicon.errors import Declined, UsageError
from minicon.prefix.environment.prefix_location import is_empty, is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import Any

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.plan.request import ChangeRequest, Plan
    from minicon.cli.context import CommandContext

#: The effect of a change on programs that run from the environment.
PROGRAMS_KEEP = "they use the old files until they are restarted"


def solver_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a ChangeRequest that options set."""
    return {
        "channels": tuple(arguments.channels),
        "override_channels": arguments.override_channels,
        "update_policy": arguments.update_policy or "update_specs",
        "lowest": arguments.lowest,
        "capture": _capture(arguments.capture),
        "no_deps": arguments.no_deps,
        "only_deps": arguments.only_deps,
        "force_reinstall": arguments.force_reinstall,
        "constraints": tuple(arguments.constraints or ()),
        "override_frozen": arguments.override_frozen,
    }


def _capture(text: str | None) -> Path | None:
    """Return the file for the solver's input."""
    if not text:
        return None
    from minicon.fs.output_file import typed_output

    return typed_output(text)


def carry_out(
    request: ChangeRequest,
    context: CommandContext,
    *,
    ask: bool = True,
) -> int:
    """Plan a request, show the plan and, unless it is a dry run, apply it.

    A new plan is made and shown where the first turns out to be outdated, see
    :func:`minicon.api.change.attempts.plan_and_carry_out`.

    Args:
        request: The change.
        context: The context of the command.
        ask: Ask for confirmation, unless a setting says not to.

    Returns:
        The exit code.

    Raises:
        MiniconError: Planning or applying failed.
        Declined: The user said no.
    """
    from minicon.api.change.attempts import plan_and_carry_out

    def show_and_carry_out(plan: Plan) -> int:
        return carry_out_plan(plan, context, ask=ask)

    changes = context.settings.changes_environments
    return plan_and_carry_out(context.services, request, show_and_carry_out, changes_prefix=changes)


def carry_out_plan(plan: Plan, context: CommandContext, *, ask: bool = True) -> int:
    """Show a plan and, unless it is a dry run, apply it; see :func:`carry_out`."""
    from minicon.api.plan.plan_effects import as_shown, effects_of_plan

    console = context.console
    only_plans = context.settings.dry_run and not console.dialect.replaces_in_dry_runs
    if only_plans and plan.replaces_environment:
        raise _environment_exists(plan)
    context.write_notes(plan.source_notes, plan.notes)
    if plan.is_empty:
        return _nothing_to_do(plan, context)
    is_reviewed = _is_reviewed(context, ask=ask or plan.replaces_environment)
    effects = effects_of_plan(context.services, plan, preview=is_reviewed)
    if is_reviewed:
        plan = as_shown(plan, effects)
    _show(plan, effects, context)
    if context.settings.dry_run:
        return _finished(plan, effects, context, dry_run=True)
    if plan.replaces_environment:
        _confirm_replacement(plan, context)
    elif ask:
        confirm(context, default=not _is_directory(plan, context))
    from minicon.api.change.applying import apply_plan, fetch_packages

    started = time.monotonic()
    if context.settings.download_only:
        fetch_packages(context.services, plan)
    else:
        apply_plan(context.services, plan, command_line=context.command_line)
    seconds = time.monotonic() - started
    return _finished(plan, effects, context, dry_run=False, seconds=seconds)


def _show(plan: Plan, effects: PlanEffects, context: CommandContext) -> None:
    from minicon.cli.render.plan import plan_text

    if not (context.settings.quiet or context.console.json):
        console = context.console
        fold = console.is_terminal and not context.settings.verbosity
        console.answer(plan_text(plan, console, effects, fold=fold))
    warn_of_programs(effects, context, PROGRAMS_KEEP)
    if effects.menus:
        from minicon.api.plan.plan_effects import menu_text

        for record in effects.menus:
            context.console.note(menu_text(record))


def warn_of_programs(effects: PlanEffects, context: CommandContext, consequence: str) -> None:
    """Warn of programs that run from the environment, with the consequence for them."""
    if effects.processes:
        from minicon.api.plan.plan_effects import process_text

        running = process_text(effects.processes)
        context.console.warn(
            f"programs are running from this environment: {running}; {consequence}"
        )


def _is_reviewed(context: CommandContext, *, ask: bool) -> bool:
    """Whether a user reads the plan before it is applied, or instead."""
    is_seen = context.console.json or not context.settings.quiet
    return is_seen and (context.settings.dry_run or (ask and _asks(context)))


def _asks(context: CommandContext) -> bool:
    return not (context.settings.always_yes or context.console.json)


def confirm(context: CommandContext, *, default: bool = True) -> None:
    """Ask whether to proceed, unless a setting says not to.

    Args:
        context: The context of the command.
        default: The meaning of an empty line, and of the end of input if it is yes.

    Raises:
        Declined: The user said no.
        UsageError: The user cannot be asked.
    """
    if not _asks(context):
        return
    if not context.console.confirm("\nProceed?", default=default):
        raise Declined


def _is_directory(plan: Plan, context: CommandContext) -> bool:
    """Whether the new environment is a directory that has other files; conda's default is no."""
    creates = plan.request.action == "create" and plan.prefix != context.settings.root
    return creates and not (is_environment(plan.prefix) or is_empty(plan.prefix))


def _environment_exists(plan: Plan) -> UsageError:
    return UsageError(
        "environment-exists",
        f"{plan.prefix} exists, and 'create' replaces the environment",
        hint="add packages with 'minicon install', or those of a file with 'minicon env update'; "
        "--yes replaces the environment",
    )


def _confirm_replacement(plan: Plan, context: CommandContext) -> None:
    """Ask whether an existing environment may be replaced; only ``--yes`` answers for the user.

    Raises:
        Declined: The user said no.
        UsageError: The user cannot be asked.
    """
    if context.settings.always_yes:
        return
    refusal = _environment_exists(plan)
    if context.console.json:
        raise refusal
    try:
        is_agreed = context.console.confirm("\nReplace the environment?", default=False)
    except UsageError:
        raise refusal from None
    if not is_agreed:
        raise Declined


def _nothing_to_do(plan: Plan, context: CommandContext) -> int:
    held_back = dict(plan.solution.hold_backs)
    message = "All requested packages already installed."
    if held_back:
        message = "Nothing to change: newer versions are excluded."
    if context.console.json:
        document = {"success": True, "prefix": str(plan.prefix), "message": message}
        context.console.document(document | ({"hold_backs": held_back} if held_back else {}))
    elif not context.settings.quiet:
        from minicon.cli.render.plan import not_newest_text

        fold = context.console.is_terminal and not context.settings.verbosity
        reasons = context.console.prose(not_newest_text(plan, fold=fold))
        context.console.answer("\n\n".join(filter(None, [reasons, message])))
    return 0


def _finished(
    plan: Plan,
    effects: PlanEffects,
    context: CommandContext,
    *,
    dry_run: bool,
    seconds: float = 0,
) -> int:
    console = context.console
    if console.json:
        console.document(_document(plan, effects, context, dry_run=dry_run))
    elif dry_run:
        console.note("\ndry run; nothing was changed")
    elif not console.quiet:
        if context.settings.download_only:
            console.answer("\nDownloaded; the environment was not changed.")
        else:
            from minicon.cli.render.plan import done_text

            console.answer(f"\n{done_text(plan, seconds)}{_next_step(plan, context)}")
    return 0


def _clone_facts(plan: Plan) -> dict[str, Any]:
    """Return conda's further keys of ``create --clone --json``."""
    if plan.request.clone_of is None:
        return {}
    paths = {"src_prefix": str(plan.request.clone_of), "dst_prefix": str(plan.prefix)}
    return {**paths, "untracked_files": []}


def _document(
    plan: Plan, effects: PlanEffects, context: CommandContext, *, dry_run: bool
) -> dict[str, Any]:
    """Return the document of a change: conda's shape, with more keys."""
    document: dict[str, Any] = {"success": True, "prefix": str(plan.prefix)}
    if dry_run:
        document["dry_run"] = True
    fetched = frozenset(plan.fetch)
    document["actions"] = plan.transaction.to_json(fetched, context.services.channel_names.own)
    if plan.by_pip:
        document["pip"] = [
            {"requirement": str(each), "depends": list(each.depends)} for each in plan.by_pip
        ]
    document |= _clone_facts(plan)
    if plan.notes or plan.source_notes:
        document["notes"] = [*plan.source_notes, *plan.notes]
    if effects.menus:
        document["menus"] = [record.dist_name for record in effects.menus]
    if effects.scripts:
        from minicon.api.plan.plan_effects import scripts_json

        document["link_scripts"] = scripts_json(effects.scripts)
    if dry_run and effects.unknown:
        document["link_scripts_unknown"] = [r.dist_name for r in effects.unknown]
    return document


def _next_step(plan: Plan, context: CommandContext) -> str:
    """Return what to type after an environment was created, or replaced."""
    if plan.request.action != "create":
        return ""
    import shlex

    from minicon.prefix.environment.prefix_location import usual_name
    from minicon.shell.locate import find_named

    path, name = str(plan.prefix), usual_name(plan.prefix)
    found = find_named(name, map(str, context.settings.envs_dirs))
    is_named = path in (found, str(context.settings.root))
    name = shlex.quote(name if is_named else path)
    step = f"\nActivate it with: minicon activate {name}"
    if plan.replaces_environment:
        step += (
            f"\nGo back to the earlier one with: minicon undo {'-n' if is_named else '-p'} {name}"
        )
    return context.console.named(step)
