"""Which Python projects a request names, and which installed ones it updates."""

from __future__ import annotations

from minicon.models.package_names import normalize_pypi_name
from minicon.solver.joint.requirements import project_of
from minicon.solver.reachability import reachable
from minicon.solver.request import UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.solver.request import SolveRequest


def requested_projects(request: SolveRequest) -> frozenset[str]:
    """Projects that a request names, be it by the name of a conda package."""
    conda = [spec.exact_name for spec in request.specs if spec.exact_name]
    names = [*conda, *(requirement.name for requirement in request.requirements)]
    projects = map(normalize_pypi_name, names)
    return frozenset([*projects, *(project_of(name, request.wheels) for name in conda)])


def updated_projects(request: SolveRequest) -> frozenset[str]:
    """Installed projects that a request updates to their newest version, and all that it names."""
    installed = {normalize_pypi_name(each.name): each.record for each in request.installed}

    def depended_on(name: str) -> Iterator[str]:
        for text in installed[name].depends if name in installed else ():
            yield normalize_pypi_name(text.split()[0])

    if request.update_policy is UpdatePolicy.UPDATE_ALL:
        return frozenset(installed)
    if request.update_policy is UpdatePolicy.UPDATE_DEPS:
        return frozenset(reachable(requested_projects(request), depended_on))
    return requested_projects(request)
