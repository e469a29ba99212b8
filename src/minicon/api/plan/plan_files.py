"""Plan files: a change that is saved, reviewed and carried out later.

::

    Plan ─ plan_document ─> JSON ─ review ─> read_plan ─ same environment? same text? ─> Plan

The file names every package by URL and hash, so what is installed is what was reviewed; and the
state of the environment that it was made for, so it is never applied to another one.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from minicon.api.package_preparation import local_packages
from minicon.api.plan.environment_requests import refuse_foreign_directory
from minicon.api.plan.plan_effects import LINK_ACTIONS, scripts_json
from minicon.api.plan.request import ChangeRequest, Plan
from minicon.api.plan.requested_packages import parse_packages
from minicon.constants import PYPI_PREFIX
from minicon.errors import PrefixError, SpecError
from minicon.fs.operations import describing
from minicon.fs.plain_file import read_named_file
from minicon.fs.safe_path import user_path_problem
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.strict_json import check_shape, read_object
from minicon.models.subdir import check_subdir
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import is_empty, is_environment
from minicon.prefix.environment.site_packages import installed_packages
from minicon.prefix.generations.recovery import recover
from minicon.prefix.plan.transaction import PLAN_SHAPE, Transaction
from minicon.redaction import redact, shortened
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import in_link_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, NoReturn

    from minicon.api.plan.plan_effects import PlanEffects
    from minicon.api.services import Services
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.prefix_record import PrefixRecord

FORMAT = 2
_LARGEST_PLAN = 64 * 1024 * 1024
_ACTIONS = ("create", "install", "update", "remove")
_SOURCES = ("conda", "pypi", "interpreter")
_RECORD = {"channel": str, "subdir": str, "fn": str, "url": str, "source": str}
_SHAPE = {
    "action": str,
    "state": str,
    "variables": {...: (str, None)},
    "pip_specs": [str],
    "pip_lines": [[str]],
    "by_pip": [{"position": int, "requirement": str}],
    "adopted": [str],
    "clone_of": (str, None),
    "clone_state": (str, None),
    "link_scripts": ([{"package": str, "action": str}], None),
    "transaction": {**PLAN_SHAPE, "link": [_RECORD]},
}


def plan_document(plan: Plan, effects: PlanEffects) -> dict[str, Any]:
    """Return a plan as JSON.

    Args:
        plan: What will be done.
        effects: Their link scripts will run, and no others.

    Raises:
        SpecError: The request holds a secret (in a line for pip), which must not be saved.
    """
    request = plan.request
    document: dict[str, Any] = {
        "minicon_plan": FORMAT,
        "action": request.action,
        "state": _state(_installed(request.prefix)),
        "transaction": plan.transaction.to_plan(),
        "variables": dict(request.variables),
        "pip_specs": [t for t in request.packages.texts if t.startswith(PYPI_PREFIX)],
        "pip_lines": [[line, str(folder)] for line, folder in request.packages.pip_lines],
        "by_pip": [
            {"position": position, "requirement": str(each)}
            for position, each in enumerate(request.packages.from_pip.pip_requirements)
            if each in plan.by_pip
        ],
        "adopted": [record.name for record in plan.adopted],
        "clone_of": str(request.clone_of) if request.clone_of else None,
        "clone_state": _state(_installed(request.clone_of)) if request.clone_of else None,
        "link_scripts": scripts_json(effects.scripts),
        "link_scripts_unknown": [record.dist_name for record in effects.unknown],
    }
    if any(redact(text) != text for text in _texts(document)):
        raise SpecError(
            "secret-in-plan",
            "the request holds a credential, which a plan must not",
            hint="put it into a variable and write ${VARIABLE} instead",
        )
    return {**document, "digest": _digest(document)}


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON value, names of members too."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def read_plan(services: Services, path: Path) -> Plan:
    """Read a plan, and check that the environment has not changed since it was made.

    Raises:
        FileError: It cannot be read.
        PrefixError: ``bad-plan``, ``plan-was-edited``, or ``plan-is-old``.
    """
    document = _load(path)
    if document.get("minicon_plan") != FORMAT:
        _bad(path, "it is not a plan of this version")
    digest = document.pop("digest", None)
    if digest != _digest(document):
        raise PrefixError(
            "plan-was-edited",
            f"{path} was edited after minicon wrote it",
            hint="make the plan again; what was reviewed must be what is done",
        )
    try:
        return _plan(services, document)
    except ValueError as error:
        _bad(path, str(error))


def _plan(services: Services, document: Mapping[str, Any]) -> Plan:
    check_shape(document, _SHAPE)
    data = document["transaction"]
    _check_records(data)
    prefix = _absolute(data["prefix"])
    if document["action"] not in _ACTIONS:
        raise ValueError("action")
    clone_of = _absolute(text) if (text := document.get("clone_of")) else None
    refuse_foreign_directory(services, prefix)
    if not (is_environment(prefix) or is_empty(prefix)):
        raise PrefixError(
            "not-an-environment",
            f"{prefix} exists and is not an environment",
            hint="move it elsewhere, or create the environment without a plan",
        )
    recover(prefix)
    installed = _installed(prefix)
    _check_state(prefix, document["state"])
    if clone_of:
        _check_state(clone_of, document.get("clone_state"))
    transaction = Transaction.from_plan(data, installed)
    lines = tuple((line, _absolute(folder)) for line, folder in document["pip_lines"])
    packages = parse_packages(document["pip_specs"], lines, environ=services.environ)
    request = ChangeRequest(
        action=document["action"],
        prefix=prefix,
        packages=packages,
        clone_of=clone_of,
        variables=document["variables"],
    )
    from_lines = _planned(packages.from_pip.pip_requirements, document["by_pip"])
    records = [*transaction.link, *(each.record for each in transaction.unchanged)]
    fetch = tuple(r for r in transaction.link if services.package_cache.find(r) is None)
    return Plan(
        request=request,
        transaction=transaction,
        solution=Solution(
            records=in_link_order({record.name: record for record in records}),
            requested=transaction.requested,
            pip_requirements=transaction.pip_requirements,
            hold_backs=transaction.hold_backs,
        ),
        fetch=fetch,
        local=local_packages(services, fetch),
        by_pip=(*from_lines, *transaction.pip_requirements),
        adopted=tuple(
            each.record for each in transaction.unchanged if each.name in document["adopted"]
        ),
        index_options=packages.from_pip.options,
        shown_scripts=frozenset(
            (script["package"], script["action"])
            for script in document.get("link_scripts") or ()
            if script["action"] in LINK_ACTIONS
        ),
    )


def _planned(
    parsed: Sequence[PipRequirement], planned: Iterable[Mapping[str, Any]]
) -> Iterator[PipRequirement]:
    """Yield what pip has to build. Its lines are parsed again, since a plan holds no secrets."""
    by_position = dict(enumerate(parsed))
    for each in planned:
        requirement = by_position.get(each["position"])
        if requirement is None or str(requirement) != each["requirement"]:
            _refuse_old(f"{each['requirement']!r} (a line for pip)")
        yield requirement


def _check_state(prefix: Path, expected: object) -> None:
    if expected != _state(_installed(prefix)):
        _refuse_old(str(prefix))


def _refuse_old(what: str) -> NoReturn:
    message = f"{what} has changed since the plan was made"
    raise PrefixError("plan-is-old", message, hint="make the plan again")


def _check_records(data: Mapping[str, Any]) -> None:
    """Check texts that are used as paths and URLs: a plan file may come from anyone."""
    try:
        check_subdir(data["platform"])
        for record in data["link"]:
            check_record_fields(record, fn=record["fn"], subdir=record["subdir"])
            check_record_values(record, record["fn"])
    except SpecError as error:
        raise ValueError(error.message) from None
    for record in data["link"]:
        if record["source"] not in _SOURCES:
            raise ValueError(f"the source of {record['fn']}")
        has_hash = record.get("sha256") or record.get("md5")
        if record["source"] != "interpreter" and not has_hash:
            raise ValueError(f"{record['fn']} has no hash")


def _absolute(text: str) -> Path:
    if not os.path.isabs(text) or user_path_problem(text):
        raise ValueError(f"{shortened(text, 80)!r} is not an absolute path")
    return Path(text)


def _load(path: Path) -> dict[str, Any]:
    with describing("read", path):
        text = read_named_file(path, _LARGEST_PLAN)
    try:
        return read_object(text)
    except ValueError as error:
        _bad(path, f"it is not a plan in JSON ({str(error)[:80]})")


def _bad(path: Path, why: str) -> NoReturn:
    raise PrefixError(
        "bad-plan", f"{path} cannot be used: {why}", hint="make it with 'minicon plan … > FILE'"
    )


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _installed(path: Path) -> tuple[PrefixRecord, ...]:
    prefix = Prefix(path)
    return installed_packages(prefix) if prefix.is_environment else ()


def _state(records: Iterable[PrefixRecord]) -> str:
    """Return the SHA-256 of all packages of an environment."""
    lines = sorted(
        f"{r.record.dist_name} {r.record.sha256 or r.record.md5 or r.record.url}" for r in records
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
