"""Find problems of environments, caches and configuration; fix them with --fix.

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
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor [-n | -p | --all] [--fix] [--quick]``."""
    parser.add_argument("--fix", action="store_true", help="fix what can be fixed")
    parser.add_argument("--all", action="store_true", help="check all known environments")
    parser.add_argument(
        "--quick", action="store_true", help="compare sizes only, without reading files"
    )
    parser.add_argument("--offline", action="store_true", help="fix from the package cache only")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print findings and fixes; return 1 if a problem remains."""
    findings = _examine(arguments, context)
    done: list[str] = []
    if (
        arguments.fix
        and not context.settings.dry_run
        and any(finding.is_problem for finding in findings)
    ):
        done = _fix(findings, context)
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
    from minicon.lean_dataclasses import replace

    services = context.services
    found: list[Finding] = []
    for path in _environments(arguments, context):
        found += check_environment(services, path, quick=arguments.quick)
    machine = check_machine(services)
    if arguments.name or arguments.prefix:  # problems elsewhere are not this environment's
        machine = [replace(finding, is_problem=False) for finding in machine]
    return [*found, *machine]


def _fix(findings: list[Finding], context: CommandContext) -> list[str]:
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
    for environment in dict.fromkeys(finding.environment for finding in shown):
        console.answer(f"{environment or 'outside of environments'}:")
        for finding in shown:
            if finding.environment == environment:
                mark = "-" if finding.is_problem else "i"
                where = f"{finding.path}: " if finding.kind == "leftover" else ""
                console.answer(f"  {mark} {where}{finding.text}")
    hints = dict.fromkeys(finding.hint for finding in shown if finding.hint)
    fixable = any(finding.is_problem and not finding.hint for finding in shown)
    if fixable and not arguments.fix:
        console.answer("hint: fix damaged packages with 'minicon doctor --fix'")
    for hint in hints:
        console.answer(f"hint: {hint}")
    if not any(finding.is_problem for finding in shown):
        console.answer("no problems found")
