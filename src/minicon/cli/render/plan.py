"""Plans as text: what a change installs, updates and removes."""

from __future__ import annotations

from minicon.cli.render.listing import human_size, short_channel, table, terminal_width
from minicon.counted import counted
from minicon.lean_dataclasses import dataclass
from minicon.models.version import Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.plan.request import Plan
    from minicon.cli.console import Console
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.records import RepodataRecord

#: Size on disk, in bytes, from which on a plan shows it.
_LARGE = 10 * 1024**2
#: New dependencies from which on a plan in a terminal counts them.
_MOST_DEPENDENCIES = 25
#: Packages that are not the newest, from which on a plan in a terminal counts them.
_MOST_REASONS = 8
_INSTALL = "install"
#: Colours of sections; all others are magenta.
SECTION_STYLES = {_INSTALL: "green", "remove": "red", "downgrade": "red"}


def _roughly(size: float) -> str:
    """Return a size of at least some MiB, rounded to one significant digit."""
    mebibytes = size / 1024**2
    unit, amount = ("MiB", mebibytes) if mebibytes < 950 else ("GiB", mebibytes / 1024)
    return f"{float(f'{amount:.1g}'):.0f} {unit}"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a plan; all lines of all sections share their columns."""

    mark: str
    name: str
    version: str
    build: str
    channel: str
    size: str = ""
    reason: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts of all columns."""
        return (
            self.mark, self.name, self.version, self.build, self.channel, self.size, self.reason
        )  # fmt: skip


def plan_text(
    plan: Plan, console: Console, effects: PlanEffects | None = None, *, fold: bool = False
) -> str:
    """Return the changes of a plan, with sources, sizes and link scripts.

    Requested packages come first; then the others, by name.

    Args:
        plan: The plan.
        console: For colours.
        effects: Effects to show, such as link scripts; None shows none.
        fold: Count new dependencies in place of listing them, if they are many.
    """
    sections = [
        _environment(plan),
        *_packages(plan, console, fold=fold),
        _section("record what pip installed", [_pair("+", r) for r in plan.adopted]),
        _section("install with pip", map(_pip_row, plan.by_pip)),
        _section("variables", [_variable_row(*each) for each in plan.request.variables.items()]),
        console.prose(not_newest_text(plan, fold=fold)),
        _scripts(effects),
        console.prose(_totals(plan)),
    ]
    return "\n\n".join(section for section in sections if section)


def _packages(plan: Plan, console: Console, *, fold: bool) -> Iterator[str]:
    """Yield the sections of packages: those that are installed, changed and removed."""
    requested = {*plan.transaction.requested, *plan.request.packages.names}
    sections = _rows(plan)
    for rows in sections.values():
        rows.sort(key=lambda row: (row.name not in requested, row.name))
    shown = dict(sections)
    if fold and _INSTALL in shown:
        named = [row for row in shown[_INSTALL] if row.name in requested]
        if len(shown[_INSTALL]) - len(named) > _MOST_DEPENDENCIES:
            shown[_INSTALL] = named
    widths = _widths([row for rows in shown.values() for row in rows])
    for title, rows in sections.items():
        style, listed = SECTION_STYLES.get(title, "magenta"), shown[title]
        lines = [_line(row, widths, console, style, bold=row.name in requested) for row in listed]
        if len(listed) < len(rows):
            lines.append(f"  … and {len(rows) - len(listed)} dependencies (-v lists them)")
        yield "\n".join([f"{console.style(title, style)}:", *lines])


def _widths(rows: Sequence[_Row]) -> list[int]:
    """Return the widths of columns; a narrow terminal shows builds only where they change."""
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]
    columns = terminal_width()
    is_narrow = columns and sum(width + 2 for width in widths[:6] if width) > columns
    if is_narrow and not any("→" in row.build for row in rows):
        widths[3] = 0
    return widths


def _rows(plan: Plan) -> dict[str, list[_Row]]:
    """Return the rows of each section; sections without rows are left out."""
    transaction = plan.transaction
    changed = {old.record.name for old, _ in transaction.changes}
    changed |= {record.name for record in transaction.reinstalls}
    sections: dict[str, list[_Row]] = {
        _INSTALL: [_record_row("+", r) for r in transaction.link if r.name not in changed],
        **{title: [] for title in ("update", "downgrade", "rebuild", "change channel")},
        "reinstall": [_record_row("~", r) for r in transaction.reinstalls],
        "remove": [_record_row("-", o.record) for o in transaction.unlink if o.name not in changed],
    }
    for old, new in transaction.changes:
        title, row = _change(old.record, new, plan.solution.hold_backs.get(new.name, ""))
        sections[title].append(row)
    return {title: rows for title, rows in sections.items() if rows}


def _line(row: _Row, widths: Sequence[int], console: Console, style: str, *, bold: bool) -> str:
    """Return a row with the widths of all rows; sizes are aligned to the right."""
    cells = [cell.ljust(width) for cell, width in zip(row.cells, widths, strict=True)]
    cells[5] = row.size.rjust(widths[5])
    cells[0] = console.style(cells[0], style)
    if bold:
        cells[1] = console.style(cells[1], "bold")
    kept = [cell for cell, width in zip(cells, widths, strict=True) if width]
    line, columns = f"  {'  '.join(kept)}".rstrip(), terminal_width()
    before = sum(width + 2 for width in widths[:-1] if width)
    if row.reason and columns and before + 2 + len(row.reason) > columns:
        reason = console.prose(f"       {row.reason}")
        return f"{line.removesuffix(row.reason).rstrip()}\n{reason}"
    return line


def _environment(plan: Plan) -> str:
    if not plan.replaces_environment:
        return f"environment: {plan.prefix}"
    transaction = plan.transaction
    before = len(transaction.unlink) + len(transaction.unchanged)
    after = len(transaction.link) + len(transaction.unchanged)
    now = f"{counted(before, 'package')} now"
    return f"replaces the environment: {plan.prefix} ({now}, {after} afterwards)"


def _section(title: str, rows: Iterable[Sequence[str]]) -> str:
    body = table(rows, indent=2)
    return f"{title}:\n{body}" if body else ""


def _record_row(mark: str, record: RepodataRecord) -> _Row:
    build = record.build if record.source == "conda" else ""
    channel = short_channel(record.channel)
    return _Row(mark, record.name, record.version, build, channel, human_size(record.size))


def _pair(mark: str, record: RepodataRecord) -> tuple[str, ...]:
    return (mark, record.name, record.version)


def _pip_row(requirement: PipRequirement) -> tuple[str, ...]:
    needs = f"needs {', '.join(requirement.depends)}" if requirement.depends else ""
    return ("*", str(requirement), needs)


def _variable_row(name: str, value: str | None) -> tuple[str, ...]:
    return ("-", name, "") if value is None else ("+", name, value)


def _change(old: RepodataRecord, new: RepodataRecord, reason: str) -> tuple[str, _Row]:
    """Return the section of a change, and its row."""

    def both(before: str, after: str) -> str:
        return after if before == after else f"{before} → {after}"

    channel = both(short_channel(old.channel), short_channel(new.channel))
    if old.version != new.version:
        title, mark = ("downgrade", "↓") if _is_downgrade(old, new) else ("update", "↑")
        build = ""
    else:
        title, mark = ("rebuild", "~") if old.channel == new.channel else ("change channel", "~")
        build = both(old.build, new.build)
    version = both(old.version, new.version)
    reason = reason.removeprefix(f"{new.name} {new.version}, ")
    return title, _Row(mark, new.name, version, build, channel, human_size(new.size), reason)


def _is_downgrade(old: RepodataRecord, new: RepodataRecord) -> bool:
    return Version(new.version) < Version(old.version)


def not_newest_text(plan: Plan, *, fold: bool = False) -> str:
    """Return why packages that do not change are not the newest, one sentence each.

    Args:
        plan: The plan.
        fold: Show the first sentences only, if they are many.
    """
    changed = {new.name for _, new in plan.transaction.changes}
    reasons = [why for name, why in plan.solution.hold_backs.items() if name not in changed]
    shown = reasons[:_MOST_REASONS] if fold else reasons
    rows = [(reason,) for reason in shown]
    if len(shown) < len(reasons):
        rows.append((f"… and {len(reasons) - len(shown)} more (-v lists them)",))
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
        changes = plan.transaction.unlink or plan.transaction.unchanged or plan.by_pip
        is_bare = plan.request.action == "create" and not changes
        return "no packages: the environment is empty" if is_bare else ""
    fetched = len(plan.downloads)
    read = len(plan.fetch) - fetched
    cached = count - len(plan.fetch)
    parts = [f"{counted(count, 'package')} to link"]
    if fetched:
        sizes = [record.size for record in plan.downloads]
        size = human_size(plan.download_size)
        if None in sizes:
            size = f"at least {size}" if any(sizes) else "of unknown size"
        unpacked = plan.unpacked_size
        if unpacked >= _LARGE:
            size += f", about {_roughly(unpacked)} on disk"
        parts.append(f"{fetched} to download ({size})")
    for number, source in ((read, "this machine"), (cached, "the cache")):
        if number:
            parts.append(f"{number if number < count else 'all'} from {source}")
    return ", ".join(parts) if count > 1 else ", ".join(parts).replace("all from", "from")


def done_text(plan: Plan, seconds: float) -> str:
    """Return what a change has done, in how many seconds, and what was downloaded for it."""
    transaction = plan.transaction
    changed = len(transaction.changes) + len(transaction.reinstalls)
    downgraded = sum(_is_downgrade(old.record, new) for old, new in transaction.changes)
    counts = {
        "installed": len(transaction.link) - changed,
        "updated": len(transaction.changes) - downgraded,
        "downgraded": downgraded,
        "reinstalled": len(transaction.reinstalls),
        "removed": len(transaction.unlink) - changed,
    }
    done = [(verb, number) for verb, number in counts.items() if number]
    if not done:
        return "Done."
    *others, (verb, number) = done
    last = f"{verb} {counted(number, 'package')}"
    text = f"{', '.join(f'{v} {n}' for v, n in others)} and {last}" if others else last
    text += f" in {seconds:.1f} s"
    size = plan.download_size
    return f"{text[0].upper()}{text[1:]}{f' ({human_size(size)} downloaded)' if size else ''}."
