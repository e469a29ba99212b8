"""Show a plan, ask for confirmation, apply it, and report the result."""

from __future__ import annotations

from minicon.errors import ChannelError, PrefixError, UsageError
from minicon.fs.safe_path import typed_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.plan.request import ChangeRequest, Plan
    from minicon.cli.context import CommandContext

#: Another process may change the environment while a plan for it is made or shown.
_ATTEMPTS = 6
#: References of errors after which a new plan is made and shown.
_PLAN_AGAIN = ("environment-changed", "scripts-not-as-shown")
#: The effect of a change on programs that run from the environment.
PROGRAMS_KEEP = "they use the old files until they are restarted"


def solver_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a ChangeRequest that options set."""
    return {
        "channels": tuple(arguments.channels),
        "override_channels": arguments.override_channels,
        "update_policy": arguments.update_policy or "update_specs",
        "lowest": arguments.lowest,
        "capture": typed_path(arguments.capture) if arguments.capture else None,
        "no_deps": arguments.no_deps,
        "only_deps": arguments.only_deps,
        "force_reinstall": arguments.force_reinstall,
        "use_pins": not arguments.no_pin,
        "constraints": tuple(arguments.constraints or ()),
        "override_frozen": arguments.override_frozen,
    }


def carry_out(
    request: ChangeRequest,
    arguments: argparse.Namespace,
    context: CommandContext,
    *,
    ask: bool = True,
) -> int:
    """Plan a request, show the plan and, unless it is a dry run, apply it.

    A new plan is made and shown if another process changed the environment meanwhile, if a channel
    lacks a package that its repodata lists, or if packages contain other link scripts than shown.

    Args:
        request: The change.
        arguments: The parsed arguments.
        context: The context of the command.
        ask: Ask for confirmation, unless a setting says not to.

    Returns:
        The exit code.

    Raises:
        MiniconError: Planning or applying failed.
        UsageError: The user declined.
    """
    from minicon.api.change.stale_repodata import is_worth_planning_again
    from minicon.api.plan.planning import make_plan

    for left in reversed(range(_ATTEMPTS)):
        plan = make_plan(context.services, request)
        try:
            return carry_out_plan(plan, arguments, context, ask=ask)
        except PrefixError as error:
            if error.reference not in _PLAN_AGAIN or not left:
                raise
            context.console.note(f"{error.message}: planning again")
        except ChannelError as error:
            if not is_worth_planning_again(context.services, request, error):
                raise
    raise AssertionError("unreachable")


def carry_out_plan(
    plan: Plan, arguments: argparse.Namespace, context: CommandContext, *, ask: bool = True
) -> int:
    """Show a plan and, unless it is a dry run, apply it; see :func:`carry_out`."""
    from minicon.api.plan.plan_effects import announce, as_shown

    console = context.console
    for note in plan.notes:
        console.note(note)
    if plan.is_empty:
        return _nothing_to_do(plan, context)
    is_reviewed = _is_reviewed(context, ask=ask)
    announcement = announce(context.services, plan, look=is_reviewed)
    if is_reviewed:
        plan = as_shown(plan, announcement)
    _show(plan, announcement, context)
    if context.settings.dry_run:
        return _finished(plan, announcement, arguments, context, dry_run=True)
    if ask:
        _confirm(context)
    from minicon.api.change.applying import apply_plan, fetch_packages

    if arguments.download_only:
        fetch_packages(context.services, plan)
    else:
        apply_plan(context.services, plan, command_line=context.command_line)
    return _finished(plan, announcement, arguments, context, dry_run=False)


def _show(plan: Plan, announcement: PlanEffects, context: CommandContext) -> None:
    from minicon.cli.render.plan import plan_text

    if not (context.settings.quiet or context.console.json):
        context.console.answer(plan_text(plan, context.console, announcement))
    warn_of_programs(announcement, context, PROGRAMS_KEEP)
    if announcement.menus:
        from minicon.api.plan.plan_effects import menu_text

        for record in announcement.menus:
            context.console.note(menu_text(record))


def warn_of_programs(announcement: PlanEffects, context: CommandContext, consequence: str) -> None:
    """Warn of programs that run from the environment, with the consequence for them."""
    if announcement.processes:
        from minicon.api.plan.plan_effects import process_text

        running = process_text(announcement.processes)
        context.console.warn(
            f"programs are running from this environment: {running}; {consequence}"
        )


def _is_reviewed(context: CommandContext, *, ask: bool) -> bool:
    """Whether a user reads the plan before it is applied, or instead."""
    is_seen = context.console.json or not context.settings.quiet
    return is_seen and (context.settings.dry_run or (ask and _asks(context)))


def _asks(context: CommandContext) -> bool:
    return not (context.settings.always_yes or context.console.json)


def _confirm(context: CommandContext) -> None:
    if not _asks(context):
        return
    if not context.console.confirm("\nProceed?"):
        raise UsageError("declined", "Aborted; nothing was changed.")


def _nothing_to_do(plan: Plan, context: CommandContext) -> int:
    message = "All requested packages already installed."
    if context.console.json:
        context.console.document({"success": True, "prefix": str(plan.prefix), "message": message})
    elif not context.settings.quiet:
        context.console.answer(message)
    return 0


def _finished(
    plan: Plan,
    announcement: PlanEffects,
    arguments: argparse.Namespace,
    context: CommandContext,
    *,
    dry_run: bool,
) -> int:
    console = context.console
    if console.json:
        document: dict[str, Any] = {"success": True, "prefix": str(plan.prefix)}
        if dry_run:
            document["dry_run"] = True
        fetched = frozenset(plan.fetch)
        document["actions"] = plan.transaction.to_json(fetch=fetched)
        if plan.notes:
            document["notes"] = list(plan.notes)
        if announcement.menus:
            document["menus"] = [record.dist_name for record in announcement.menus]
        if announcement.scripts:
            from minicon.api.plan.plan_effects import scripts_json

            document["link_scripts"] = scripts_json(announcement.scripts)
        if dry_run and announcement.unknown:
            document["link_scripts_unknown"] = [r.dist_name for r in announcement.unknown]
        console.document(document)
    elif dry_run:
        console.note("\ndry run; nothing was changed")
    elif not console.quiet:
        console.answer(f"\n{_summary(plan, arguments)}")
    return 0


def _summary(plan: Plan, arguments: argparse.Namespace) -> str:
    if arguments.download_only:
        return "Downloaded; the environment was not changed."
    if plan.request.action != "create":
        return "Done."
    name = plan.prefix.name if plan.prefix.parent.name == "envs" else plan.prefix
    return f"Done. To activate it, run: minicon activate {name}"
