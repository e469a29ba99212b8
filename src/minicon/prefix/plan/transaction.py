"""Transaction: what a change of an environment will link and unlink, as data."""

from __future__ import annotations

from pathlib import Path

from minicon.errors import PrefixError
from minicon.lean_dataclasses import dataclass, field
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.records import RepodataRecord
from minicon.models.version import python_minor
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix
    from minicon.solver.request import Solution

_PLAN_VERSION = 1
#: Shape of :meth:`Transaction.from_plan`'s argument, for :func:`.shapes.check_shape`.
PLAN_SHAPE: Mapping[str, Any] = {
    "version": int,
    "prefix": str,
    "platform": str,
    "link": [dict],
    "unlink": [str],
    "unchanged": [str],
    "order": [str],
    "requested": {...: [str]},
    "update_specs": [str],
    "remove_specs": [str],
    "hold_backs": {...: str},
    "pip_requirements": [str],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One change of one environment. Pure data: the executor applies it.

    A package that changes is in both ``unlink`` (the old one) and ``link`` (the new one).

    Attributes:
        prefix: Absolute path of the environment.
        platform: Its subdir, for instance ``linux-64``.
        link: Packages to link, in order: dependencies come first.
        unlink: Packages to remove.
        unchanged: Packages that are not changed.
        order: Names of all packages of the result, in link order.
        requested: Per package name, the user's specs that it matches.
        update_specs: Specs that the user requested, for history.
        remove_specs: Specs that the user removed, for history.
        hold_backs: Per package name, one sentence why it is not the newest, or is downgraded.
        pip_requirements: Requirements that pip must install afterwards.
    """

    prefix: Path
    platform: str
    link: tuple[RepodataRecord, ...] = ()
    unlink: tuple[PrefixRecord, ...] = ()
    unchanged: tuple[PrefixRecord, ...] = ()
    order: tuple[str, ...] = ()
    requested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    update_specs: tuple[str, ...] = ()
    remove_specs: tuple[str, ...] = ()
    hold_backs: Mapping[str, str] = field(default_factory=dict)
    pip_requirements: tuple[PipRequirement, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be changed."""
        return not (self.link or self.unlink or self.pip_requirements)

    @property
    def changes(self) -> tuple[tuple[PrefixRecord, RepodataRecord], ...]:
        """Packages that are installed before and after, and differ: (old, new)."""
        return tuple((o, n) for o, n in self._pairs() if not is_same_package(o.record, n))

    @property
    def reinstalls(self) -> tuple[RepodataRecord, ...]:
        """Packages that are linked again though they are the same."""
        return tuple(n for o, n in self._pairs() if is_same_package(o.record, n))

    def _pairs(self) -> Iterable[tuple[PrefixRecord, RepodataRecord]]:
        old = {record.name: record for record in self.unlink}
        return ((old[n.name], n) for n in self.link if n.name in old)

    def to_json(
        self,
        fetch: Collection[RepodataRecord] = (),
        channel_name: Callable[[str], str] = str,
    ) -> dict[str, Any]:
        """The ``actions`` object of ``--json``: conda's shape, with more keys per package.

        Args:
            fetch: Records of ``link`` whose packages are not in the cache yet; interpreters of
                this machine are never fetched.
            channel_name: Gives the name of a channel's base URL.
        """
        link = [(record, dist_json(record, channel_name)) for record in self.link]
        actions: dict[str, Any] = {
            "FETCH": [
                shown
                for record, shown in link
                if record in fetch and record.source != "interpreter"
            ],
            "LINK": [shown for _, shown in link],
            "UNLINK": [dist_json(record.record, channel_name) for record in self.unlink],
        }
        shown = {key: value for key, value in actions.items() if value or key == "FETCH"}
        return {**shown, "PREFIX": str(self.prefix)}

    def to_plan(self) -> dict[str, Any]:
        """Serialize to JSON, so that the plan can be reviewed, saved and applied later."""
        return {
            "version": _PLAN_VERSION,
            "prefix": str(self.prefix),
            "platform": self.platform,
            "link": [{**record.to_json(), "source": record.source} for record in self.link],
            "unlink": [record.record.dist_name for record in self.unlink],
            "unchanged": [record.record.dist_name for record in self.unchanged],
            "order": list(self.order),
            "requested": {
                name: list(map(without_secrets, specs)) for name, specs in self.requested.items()
            },
            "update_specs": list(map(without_secrets, self.update_specs)),
            "remove_specs": list(map(without_secrets, self.remove_specs)),
            "hold_backs": dict(self.hold_backs),
            "pip_requirements": [each.text for each in self.pip_requirements],
        }

    @classmethod
    def from_plan(cls, plan: Mapping[str, Any], installed: Iterable[PrefixRecord]) -> Transaction:
        """Parse the result of :meth:`to_plan`.

        Args:
            plan: The JSON object.
            installed: The packages of the environment now.

        Raises:
            PrefixError: ``bad-plan``; ``plan-is-old``: the environment has changed since.
        """
        from minicon.models.strict_json import check_shape

        known = {record.record.dist_name: record for record in installed}
        try:
            check_shape(plan, PLAN_SHAPE)
            if plan["version"] != _PLAN_VERSION:
                raise ValueError(plan["version"])
            if {*plan["unlink"], *plan["unchanged"]} != set(known):
                raise PrefixError(
                    "plan-is-old",
                    f"{plan['prefix']} has changed since the plan was made",
                    hint="make the plan again: minicon plan",
                )
            return cls(
                prefix=Path(plan["prefix"]),
                platform=plan["platform"],
                link=tuple(_record_from_plan(data) for data in plan["link"]),
                unlink=tuple(known[name] for name in plan["unlink"]),
                unchanged=tuple(known[name] for name in plan["unchanged"]),
                order=tuple(plan["order"]),
                requested={name: tuple(specs) for name, specs in plan["requested"].items()},
                update_specs=tuple(plan["update_specs"]),
                remove_specs=tuple(plan["remove_specs"]),
                hold_backs=dict(plan["hold_backs"]),
                pip_requirements=tuple(
                    PipRequirement(text=text) for text in plan["pip_requirements"]
                ),
            )
        except ValueError as error:
            message = f"the plan cannot be read: {error}"
            raise PrefixError("bad-plan", message, hint="make it with minicon plan") from error


def make_transaction(
    prefix: Prefix,
    solution: Solution,
    *,
    platform: str,
    installed: Sequence[PrefixRecord] | None = None,
    update_specs: Sequence[str] = (),
    remove_specs: Sequence[str] = (),
    reinstall: Collection[str] = (),
) -> Transaction:
    """Compute the transaction that turns an environment into a solution.

    Args:
        prefix: The environment; it need not exist.
        solution: All packages that it shall have afterwards.
        platform: Its subdir.
        installed: Its packages now, including those that pip installed; read from ``conda-meta``
            if None.
        update_specs: Specs that the user requested, for history.
        remove_specs: Specs that the user removed, for history.
        reinstall: Names to link again though they are the same.

    Noarch python packages and wheels are linked again where python's minor version or its
    site-packages folder changes, since their files are in directories named after it.
    """
    old = {record.name: record for record in (prefix.records() if installed is None else installed)}
    new = {record.name: record for record in solution.records}
    python_moves = _python_key(old.get("python")) != _python_key(new.get("python"))
    link, unlink, unchanged = [], [], []
    for record in solution.records:
        before = old.get(record.name)
        if before and not _must_relink(
            before, record, python_moves=python_moves, reinstall=reinstall
        ):
            unchanged.append(before)
        else:
            link.append(record)
            unlink += [before] if before else []
    unlink += [record for name, record in old.items() if name not in new]
    return Transaction(
        prefix=prefix.path,
        platform=platform,
        link=tuple(link),
        unlink=tuple(sorted(unlink, key=lambda record: record.name)),
        unchanged=tuple(unchanged),
        order=tuple(new),
        requested=dict(solution.requested),
        update_specs=tuple(update_specs),
        remove_specs=tuple(remove_specs),
        hold_backs=solution.hold_backs,
        pip_requirements=solution.pip_requirements,
    )


def is_same_package(first: RepodataRecord, second: RepodataRecord) -> bool:
    """Whether two records describe the same build.

    Tools write channels of ``conda-meta`` records differently, so hashes decide where both records
    have one.
    """
    if first is second:
        return True
    if (first.dist_name, first.source) != (second.dist_name, second.source):
        return False
    for mine, theirs in ((first.sha256, second.sha256), (first.md5, second.md5)):
        if mine and theirs:
            return mine == theirs
    # What pip installed has no hash and no subdir.
    return first.source == "pypi" or first.subdir == second.subdir


def dist_json(record: RepodataRecord, channel_name: Callable[[str], str] = str) -> dict[str, Any]:
    """A package in ``--json`` output: its record, the keys of conda's dist object, its source."""
    url = without_secrets(record.url)
    channel = without_secrets(record.channel)
    base_url = url.removesuffix(f"/{record.subdir}/{record.fn}")
    if base_url == url:
        base_url = channel
    return {
        "arch": None,
        "md5": record.md5,
        "size": record.size,
        "constrains": list(record.constrains),
        **record.to_json(),
        "base_url": base_url,
        "build": record.build,
        "build_number": record.build_number,
        "build_string": record.build,
        "channel": channel_name(channel),
        "depends": list(record.depends),
        "dist_name": record.dist_name,
        "fn": record.fn,
        "name": record.name,
        "platform": record.subdir,
        "sha256": record.sha256,
        "source": record.source,
        "url": url,
        "version": record.version,
    }


def _must_relink(
    before: PrefixRecord, record: RepodataRecord, *, python_moves: bool, reinstall: Collection[str]
) -> bool:
    if record.name in reinstall or not is_same_package(before.record, record):
        return True
    if not python_moves or record.is_installed_by_pip:
        return False
    return record.noarch == "python" or record.is_wheel


def _python_key(python: PrefixRecord | RepodataRecord | None) -> tuple[str, ...]:
    """What the paths of Python packages depend on."""
    if python is None:
        return ()
    record = python if isinstance(python, RepodataRecord) else python.record
    path = record.data.get("python_site_packages_path") or ""
    return (python_minor(record.version), path)


def _record_from_plan(data: Mapping[str, Any]) -> RepodataRecord:
    package = {key: value for key, value in data.items() if key != "source"}
    return RepodataRecord(
        package,
        channel=data["channel"],
        subdir=data["subdir"],
        fn=data["fn"],
        url=data["url"],
        source=data["source"],
    )
