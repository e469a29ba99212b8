"""Find what is wrong with environments and the machinery around them; with --fix mend it.

Examples:
  minicon doctor -n data
  minicon doctor --all --quick
  minicon doctor --fix -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from minicon.api.upkeep.health import Finding
    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor [-n | -p | --all] [--fix] [--quick]``."""
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    parser.add_argument("--all", action="store_true", help="every known environment")
    parser.add_argument("--quick", action="store_true", help="sizes only, no file is read")
    parser.add_argument("--offline", action="store_true", help="mend from the package cache alone")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print what was found and done; 1 if a problem is left."""
    findings = _examine(arguments, context)
    done: list[str] = []
    if arguments.fix and any(finding.is_problem for finding in findings):
        done = _mend(findings, context)
        findings = _examine(arguments, context)
    problems = [finding for finding in findings if finding.is_problem]
    console = context.console
    if console.json:
        listed = [finding.to_json() for finding in findings]
        console.document({"success": not problems, "done": done, "findings": listed})
    else:
        for sentence in done:
            console.answer(f"fixed: {sentence}")
        _show(findings, arguments, context)
    return 1 if problems else 0


def _environments(arguments: argparse.Namespace, context: CommandContext) -> list[Path]:
    named = arguments.name or arguments.prefix
    if named or (not arguments.all and context.services.environ.get("CONDA_PREFIX")):
        return [context.registry.existing(arguments.name, arguments.prefix)]
    return [entry.path for entry in context.registry.entries()]


def _examine(arguments: argparse.Namespace, context: CommandContext) -> list[Finding]:
    from minicon.api.upkeep.health import check_environment, check_machine

    services = context.services
    found: list[Finding] = []
    for path in _environments(arguments, context):
        found += check_environment(services, path, quick=arguments.quick)
    return [*found, *check_machine(services)]


def _mend(findings: list[Finding], context: CommandContext) -> list[str]:
    from minicon.api.upkeep.repairing import repair_environment, repair_machine

    done: list[str] = []
    for path in dict.fromkeys(f.environment for f in findings if f.environment):
        own = [finding for finding in findings if finding.environment == path]
        done += repair_environment(context.services, path, own, command_line=context.command_line)
    return [*done, *repair_machine(context.services)]


def _show(findings: list[Finding], arguments: argparse.Namespace, context: CommandContext) -> None:
    console = context.console
    verbose = context.settings.verbosity > 0
    shown = [f for f in findings if f.kind != "rejected-interpreter" or verbose]
    for place in dict.fromkeys(finding.environment for finding in shown):
        console.answer(f"{place or 'beside the environments'}:")
        for finding in shown:
            if finding.environment == place:
                mark = "-" if finding.is_problem else "i"
                where = f"{finding.path}: " if finding.kind == "leftover" else ""
                console.answer(f"  {mark} {where}{finding.text}")
    hints = dict.fromkeys(finding.hint for finding in shown if finding.hint)
    mendable = any(finding.is_problem and not finding.hint for finding in shown)
    if mendable and not arguments.fix:
        console.answer("hint: 'minicon doctor --fix' mends what is damaged")
    for hint in hints:
        console.answer(f"hint: {hint}")
    if not any(finding.is_problem for finding in shown):
        console.answer("all is well")
