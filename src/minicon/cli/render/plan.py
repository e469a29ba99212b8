"""Plans as text: what a change installs, updates and removes."""

from __future__ import annotations

from minicon.cli.render.listing import human_size, short_channel, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.plan.request import Plan
    from minicon.cli.console import Console
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.records import RepodataRecord

#: Size on disk, in bytes, from which on a plan shows it.
_LARGE = 10 * 1024**2


def _roughly(size: float) -> str:
    """Return a size of at least some MiB, rounded to one significant digit."""
    mebibytes = size / 1024**2
    unit, amount = ("MiB", mebibytes) if mebibytes < 950 else ("GiB", mebibytes / 1024)
    return f"{float(f'{amount:.1g}'):.0f} {unit}"


def plan_text(plan: Plan, console: Console, effects: PlanEffects | None = None) -> str:
    """Return the changes of a plan, with sources, sizes and link scripts.

    Args:
        plan: The plan.
        console: For colours.
        effects: Effects to show, such as link scripts; None shows none.
    """
    transaction = plan.transaction
    changed = {old.record.name for old, _ in transaction.changes}
    changed |= {record.name for record in transaction.reinstalls}
    sections = [
        _environment(plan),
        _section(
            console.style("install", "green"),
            [_record_row("+", r) for r in transaction.link if r.name not in changed],
        ),
        _section(
            console.style("change", "yellow"),
            [
                _change_row(old.record, new, plan.solution.hold_backs.get(new.name, ""))
                for old, new in transaction.changes
            ],
        ),
        _section(
            console.style("reinstall", "yellow"),
            [_record_row("~", r) for r in transaction.reinstalls],
        ),
        _section(
            console.style("remove", "red"),
            [_record_row("-", o.record) for o in transaction.unlink if o.name not in changed],
        ),
        _section("record what pip installed", [_record_row("+", r) for r in plan.adopted]),
        _section("install with pip", map(_pip_row, plan.by_pip)),
        _section("variables", [_variable_row(*each) for each in plan.request.variables.items()]),
        not_newest_text(plan),
        _scripts(effects),
        _totals(plan),
    ]
    return "\n\n".join(section for section in sections if section)


def _environment(plan: Plan) -> str:
    if not plan.replaces_environment:
        return f"environment: {plan.prefix}"
    transaction = plan.transaction
    before = len(transaction.unlink) + len(transaction.unchanged)
    after = len(transaction.link) + len(transaction.unchanged)
    now = f"{before} package{'s' * (before != 1)} now"
    return f"replaces the environment: {plan.prefix} ({now}, {after} afterwards)"


def _section(title: str, rows: Iterable[Sequence[str]]) -> str:
    body = table(rows, indent=2)
    return f"{title}:\n{body}" if body else ""


def _record_row(mark: str, record: RepodataRecord) -> tuple[str, ...]:
    where = short_channel(record.channel)
    return (mark, record.name, record.version, record.build, where, human_size(record.size))


def _pip_row(requirement: PipRequirement) -> tuple[str, ...]:
    needs = f"needs {', '.join(requirement.depends)}" if requirement.depends else ""
    return ("*", str(requirement), needs)


def _variable_row(name: str, value: str | None) -> tuple[str, ...]:
    return ("-", name, "") if value is None else ("+", name, value)


def _change_row(old: RepodataRecord, new: RepodataRecord, reason: str) -> tuple[str, ...]:
    def shown(record: RepodataRecord) -> str:
        same = old.version == new.version
        return f"{record.version} {record.build}" if same else record.version

    return ("~", new.name, shown(old), "→", shown(new), short_channel(new.channel), reason)


def not_newest_text(plan: Plan) -> str:
    """Return the packages that are not the newest and do not change, each with the reason."""
    changed = {new.name for _, new in plan.transaction.changes}
    rows = [
        (name, reason) for name, reason in plan.solution.hold_backs.items() if name not in changed
    ]
    return _section("not the newest", rows)


def _scripts(effects: PlanEffects | None) -> str:
    if effects is None:
        return ""
    rows = [("!", s.action, "of", s.record.dist_name, s.path) for s in effects.scripts]
    listed = _section("link scripts to run (skip them with --no-link-scripts)", rows)
    if listed and effects.unknown:
        listed += "\n  and scripts of packages that are not downloaded yet"
    return listed


def _totals(plan: Plan) -> str:
    count = len(plan.transaction.link)
    if not count:
        return ""
    fetched = len(plan.fetch)
    cached = count - fetched
    parts = [f"{count} package{'s' * (count != 1)} to link"]
    if fetched:
        sizes = [record.size for record in plan.fetch if record.source != "interpreter"]
        size = human_size(plan.download_size)
        if None in sizes:
            size = f"at least {size}" if any(sizes) else "of unknown size"
        unpacked = plan.unpacked_size
        if unpacked >= _LARGE:
            size += f", about {_roughly(unpacked)} on disk"
        parts.append(f"{fetched} to download ({size})")
    if cached:
        parts.append(f"{cached} from the cache")
    return ", ".join(parts)
