"""Plans, packages and tables as text."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.plan.request import Plan
    from minicon.cli.console.console import Console
    from minicon.models.records import RepodataRecord


#: Bytes on disk from which on a plan tells them.
_WORTH_TELLING = 10 * 1024**2


def human_size(size: float | None) -> str:
    """1536 as ``1.5 KiB``; an empty text for None."""
    if size is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return ""


def _roughly(size: float) -> str:
    """An estimate of millions of bytes, with one digit that means something."""
    mebibytes = size / 1024**2
    unit, amount = ("MiB", mebibytes) if mebibytes < 950 else ("GiB", mebibytes / 1024)
    return f"{float(f'{amount:.1g}'):.0f} {unit}"


def table(rows: Iterable[Sequence[str]], *, indent: int = 0) -> str:
    """Rows with columns lined up, two blanks apart."""
    kept = [tuple(row) for row in rows]
    if not kept:
        return ""
    widths = [max(len(row[i]) for row in kept) for i in range(len(kept[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in kept
    )
    return "\n".join(" " * indent + line for line in lines)


def short_channel(channel: str) -> str:
    """The last part of a channel that is a URL: enough to recognise it in a table."""
    return channel.rstrip("/").rsplit("/", 1)[-1] if "://" in channel else channel


def plan_text(plan: Plan, console: Console, announcement: PlanEffects | None = None) -> str:
    """What will be added, changed and removed, from where, how much, and what will run."""
    transaction = plan.transaction
    changed = {old.record.name for old, _ in transaction.changes}
    changed |= {record.name for record in transaction.reinstalls}
    sections = [
        f"environment: {plan.prefix}",
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
        _section("through pip", [("*", str(requirement)) for requirement in plan.by_pip]),
        _section("variables", [_variable_row(*each) for each in plan.request.variables.items()]),
        _held_back(plan),
        _scripts(announcement),
        _totals(plan),
    ]
    return "\n\n".join(section for section in sections if section)


def _section(title: str, rows: Iterable[Sequence[str]]) -> str:
    body = table(rows, indent=2)
    return f"{title}:\n{body}" if body else ""


def _record_row(mark: str, record: RepodataRecord) -> tuple[str, ...]:
    where = short_channel(record.channel)
    return (mark, record.name, record.version, record.build, where, human_size(record.size))


def _variable_row(name: str, value: str | None) -> tuple[str, ...]:
    return ("-", name, "") if value is None else ("+", name, value)


def _change_row(old: RepodataRecord, new: RepodataRecord, reason: str) -> tuple[str, ...]:
    def shown(record: RepodataRecord) -> str:
        same = old.version == new.version
        return f"{record.version} {record.build}" if same else record.version

    return ("~", new.name, shown(old), "→", shown(new), short_channel(new.channel), reason)


def _held_back(plan: Plan) -> str:
    changed = {new.name for _, new in plan.transaction.changes}
    rows = [
        (name, reason) for name, reason in plan.solution.hold_backs.items() if name not in changed
    ]
    return _section("not the newest", rows)


def _scripts(announcement: PlanEffects | None) -> str:
    if announcement is None:
        return ""
    rows = [("!", s.action, "of", s.record.dist_name, s.path) for s in announcement.scripts]
    listed = _section("will run (--no-link-scripts leaves it out)", rows)
    if listed and announcement.unknown:
        listed += "\n  and what packages bring that are still to fetch"
    return listed


def _totals(plan: Plan) -> str:
    count = len(plan.transaction.link)
    if not count:
        return ""
    fetched = len(plan.fetch)
    cached = count - fetched
    parts = [f"{count} package{'s' * (count != 1)} to link"]
    if fetched:
        size = human_size(plan.download_size)
        unpacked = plan.unpacked_size
        if unpacked >= _WORTH_TELLING:
            size += f", about {_roughly(unpacked)} on disk"
        parts.append(f"{fetched} to fetch ({size})")
    if cached:
        parts.append(f"{cached} from the cache")
    return ", ".join(parts)
