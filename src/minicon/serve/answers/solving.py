"""Solve what a client wants, for some platforms, and return solutions and explanations as data."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from minicon.api.lock.lock_inputs import LockInputs
from minicon.api.lock.lock_targets import choose_targets
from minicon.api.plan.requested_packages import parse_packages
from minicon.api.plan.solving import solve_packages
from minicon.constants import HOST_CHANNEL, PYPI_PREFIX
from minicon.errors import SolveError, SpecError
from minicon.models.environment_files.lockfile import host_url
from minicon.models.match_spec.spec import MatchSpec
from minicon.redaction import without_secrets
from minicon.serve.answers.channels import BASE
from minicon.serve.answers.requested import read_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from minicon.api.lock.lock_inputs import LockTarget
    from minicon.models.records import RepodataRecord
    from minicon.serve.answers.channels import KnownChannels
    from minicon.solver.request import Solution

_MOST_PLATFORMS = 8
_USUAL_PLATFORM = "linux-64"
_HASHES = ("sha256", "md5")


def solve(
    known: KnownChannels,
    *,
    channels: Sequence[str],
    specs: Sequence[str],
    environment: str,
    platforms: Sequence[str],
    virtual_packages: Sequence[str],
    readable: Sequence[str],
    public: str,
) -> dict[str, Any]:
    """Solve for each platform.

    Args:
        known: The channels.
        channels: Names of channels, first has priority; none means those of the file, else all
            that are readable.
        specs: Specs as typed.
        environment: Text of an environment file, or empty.
        platforms: Subdirs; none means those of the file, else ``linux-64``.
        virtual_packages: Facts of the machines, such as ``__cuda=12.4``.
        readable: Names of the served channels that the client may read.
        public: URL of the server.

    Raises:
        SpecError: The request is invalid.
        ChannelError: A channel cannot be read.
    """
    offered = [*readable, *known.allowed]
    unknown = [name for name in channels if name not in offered]
    if unknown:
        hint = f"offered are: {', '.join(offered)}"
        raise SpecError("channel-not-offered", f"no channel {unknown[0]!r} is offered", hint=hint)
    read = partial(
        read_wanted,
        specs,
        environment,
        offered=offered,
        public=public,
        allow_pypi=known.allow_pypi,
    )
    first = read(platforms[0] if platforms else _USUAL_PLATFORM)
    names = [*(channels or first.channels or readable)]
    targets = _targets(known, platforms or first.platforms, virtual_packages)
    wanted = {target.platform: read(target.platform) for target in targets}
    return {
        "name": first.name,
        "channels": names,
        "specs": list(dict.fromkeys(text for each in wanted.values() for text in each.texts)),
        "notes": list(dict.fromkeys(note for each in wanted.values() for note in each.notes)),
        "results": [
            _solve_for(known, target, names, wanted[target.platform].texts) for target in targets
        ],
    }


def _targets(
    known: KnownChannels, platforms: Sequence[str], virtual_packages: Sequence[str]
) -> Sequence[LockTarget]:
    if len(platforms) > _MOST_PLATFORMS:
        raise SpecError("too-many-requests", f"more than {_MOST_PLATFORMS} platforms are requested")
    return choose_targets(
        known.services(),
        LockInputs(files=(), folder=Path()),
        platforms=platforms or (_USUAL_PLATFORM,),
        virtual_packages=virtual_packages,
    )


def _solve_for(
    known: KnownChannels, target: LockTarget, channels: Sequence[str], texts: Sequence[str]
) -> dict[str, Any]:
    services = known.services(target)
    facts = [f"{f.name}={f.version}={f.build}" for f in services.virtual_packages]
    result: dict[str, Any] = {"platform": target.platform, "virtual_packages": facts}
    try:
        solution = solve_packages(
            services,
            parse_packages(texts),
            (*map(known.channel_text, channels), *([HOST_CHANNEL] if known.allow_host else [])),
            add_pip=services.settings.add_pip_as_python_dependency,
            max_seconds=known.seconds,
        )
    except SolveError as error:
        return {**result, "solved": False, "error": _failure(error, texts)}
    finally:
        services.close()
    return {
        **result,
        "solved": True,
        "notes": list(solution.notes),
        "packages": [_package(solution, record) for record in solution.records],
        "to_build": [each.text for each in solution.pip_requirements],
    }


def _package(solution: Solution, record: RepodataRecord) -> dict[str, Any]:
    reasons = solution.reasons.get(record.name, ())
    url: str | None = without_secrets(record.url)
    if record.url.startswith(f"{BASE}/"):
        url = None  # the server has it, and knows where
    elif record.source == "interpreter":
        url = host_url(record.version)
    requested = solution.requested.get(record.name, ())
    return {
        "name": record.name,
        "version": record.version,
        "build": record.build,
        "channel": record.channel,
        "subdir": record.subdir,
        "fn": record.fn,
        "url": url,
        "size": record.size,
        "license": record.license,
        "depends": list(record.depends),
        "requested": list(requested),
        "needed_by": sorted({reason.parent for reason in reasons if reason.parent}),
        "held_back": solution.hold_backs.get(record.name) if requested else None,
        "source": record.source,
        **{key: getattr(record, key) for key in _HASHES},
    }


def _failure(error: SolveError, texts: Sequence[str]) -> Mapping[str, Any]:
    explanation = getattr(error, "explanation", None)
    details = {} if explanation is None else explanation.to_json()
    fixes = [{**fix, "specs": _fixed(texts, fix)} for fix in details.get("fixes", ())]
    return {
        "reference": error.reference,
        "message": error.message.partition("\n")[0],
        "sentences": details.get("sentences") or error.message.split("\n")[1:],
        "fixes": fixes,
        "hint": None if fixes else error.hint,
    }


def _fixed(texts: Sequence[str], fix: Mapping[str, Any]) -> list[str] | None:
    """Return the specs with which a fix was solved; None if it changes something else."""
    changed = [text for text in texts if fix["replaces"] in (text, _normal(text))]
    if not changed:
        return None
    kept = [text for text in texts if text not in changed]
    return [*kept, fix["spec"]] if fix["spec"] else kept or None


def _normal(text: str) -> str:
    return text if text.startswith(PYPI_PREFIX) else str(MatchSpec(text))
