"""PlanningContext: a request, its environment and its sources, before anything is solved."""

from __future__ import annotations

from minicon.api.plan.own_packages import OwnPackages, settle
from minicon.errors import PrefixError
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.store_entries import needs_recovery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.prefix_record import PrefixRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningContext:
    """A request with all that is known before solving.

    Attributes:
        prefix: The environment; it need not exist.
        present: Packages in it now, those that pip installed by hand included.
        sources: Where packages may come from.
        own: Packages in it that came from a directory, a file or a repository.
        recorded: The specs that its history records as requested, by package name.
    """

    services: Services
    request: ChangeRequest
    prefix: Prefix
    present: tuple[PrefixRecord, ...]
    sources: Sources
    own: OwnPackages
    recorded: Mapping[str, str]

    @property
    def installed(self) -> tuple[PrefixRecord, ...]:
        """Packages that the new state builds upon: none, if the environment is created again.

        Wheels are left out of which the request names another file, or other hashes.
        """
        if self.request.action == "create":
            return ()
        allows = self.request.packages.from_pip.allows
        return tuple([each for each in self.present if allows(each.record)])


def make_planning_context(services: Services, request: ChangeRequest) -> PlanningContext:
    """Read the environment and choose the sources.

    An environment whose last change was interrupted is recovered first.

    Raises:
        PrefixError: The environment cannot be read.
        ChannelError: The configuration forbids a channel.
        ConfigError, SpecError: No channel is left, or one cannot be read.
    """
    if needs_recovery(request.prefix):
        services.registry.recover(request.prefix)
    prefix = Prefix(request.prefix)
    present = _installed(prefix) if prefix.is_environment else ()
    request, own = settle(request, prefix, present)
    return PlanningContext(
        services=services,
        request=request,
        prefix=prefix,
        present=present,
        own=own,
        recorded=prefix.requested_specs() if prefix.is_environment else {},
        sources=services.sources(
            request.channels,
            override=request.override_channels,
            probe=needs_channels(request),
        ),
    )


def needs_channels(request: ChangeRequest) -> bool:
    """Whether packages have to be chosen from channels."""
    if request.lock is not None:
        return request.lock.lock.kind == "pylock"  # such a lock leaves python to choose
    is_bare = request.action == "create" and not request.packages
    return not (request.action == "remove" or is_bare or request.is_exact)


def refuse_frozen(prefix: Prefix, *, override: bool) -> None:
    """Refuse to change an environment that is marked frozen (CEP 22), unless ``override``.

    Raises:
        PrefixError: Reference ``environment-frozen``.
    """
    message = prefix.frozen_message()
    if message is not None and not override:
        raise PrefixError(
            "environment-frozen",
            f"{prefix.path} must not be changed: {message}",
            hint="--override-frozen changes it all the same",
        )


def _installed(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    from minicon.prefix.environment.site_packages import installed_packages

    return installed_packages(prefix)
