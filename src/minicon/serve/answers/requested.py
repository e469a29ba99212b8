"""What a client wants to be solved: specs and environment files, from people who are not trusted.

Nothing in them may name a file of this machine or an address: no paths, no URLs, no options of pip,
no variables, and no channel but those that are offered.
"""

from __future__ import annotations

from pathlib import Path

from minicon.constants import PYPI_PREFIX, WHEEL_EXTENSION
from minicon.envs.environment_file import parse_environment
from minicon.envs.input_text import InputText
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.parser import is_package_reference
from minicon.models.match_spec.spec import MatchSpec
from minicon.pypi.requirement_syntax import parse_requirement
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from minicon.models.environment_files.environment_spec import EnvironmentSpec

_MOST_SPECS = 200
_LONGEST_SPEC = 500
_BUILT_IN = frozenset({"nodefaults", "defaults", "host", "pypi"})
#: Characters of requirements that could refer to a file, an address or a variable.
_FORBIDDEN = ("/", "\\", "$", "@", "://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to solve for one platform.

    Attributes:
        texts: Specs, and ``pypi:`` requirements.
        channels: Offered channels that the environment file names.
        platforms: Platforms that it names.
        name: Its name, or None.
        notes: What of it is left out.
    """

    texts: tuple[str, ...]
    channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    name: str | None = None
    notes: tuple[str, ...] = ()


def read_wanted(
    specs: Sequence[str],
    environment: str,
    platform: str,
    *,
    offered: Collection[str],
    public: str,
    allow_pypi: bool,
) -> Wanted:
    """Read specs and an environment file for one platform.

    Args:
        specs: Specs as typed.
        environment: Text of an environment file, or empty.
        platform: Subdir, for the selectors of the file.
        offered: Names of the channels that may be used.
        public: URL of the server, in front of names of channels.
        allow_pypi: Whether projects of PyPI may be requested.

    Raises:
        SpecError: One of them is invalid, or refers to something else.
    """
    texts = [text.strip() for text in specs if text.strip()]
    wanted = Wanted(texts=tuple(texts))
    if environment.strip():
        file = InputText(environment, "", "the environment file", Path("/"))
        spec = parse_environment(file, platform=platform)
        wanted = _of_file(spec, texts, offered, public)
    if not wanted.texts:
        raise SpecError("nothing-requested", "no package is requested", hint="name one")
    if len(wanted.texts) > _MOST_SPECS:
        raise SpecError("too-many-requests", f"more than {_MOST_SPECS} packages are requested")
    for text in wanted.texts:
        _check(text, offered, allow_pypi=allow_pypi)
    return wanted


def _of_file(
    spec: EnvironmentSpec, texts: Sequence[str], offered: Collection[str], public: str
) -> Wanted:
    if spec.explicit:
        hint = "paste an environment.yml or a list of specs"
        raise SpecError("already-locked", "the file names exact packages already", hint=hint)
    for line in spec.pip:
        if line.startswith("-"):
            raise _refused(line, "is an option of pip")
    names = [_channel_name(text, public) for text in spec.channels]
    return Wanted(
        texts=(*texts, *spec.dependencies, *(f"{PYPI_PREFIX}{line}" for line in spec.pip)),
        channels=tuple(dict.fromkeys(name for name in names if name in offered)),
        platforms=spec.platforms,
        name=spec.name,
        notes=tuple(_left_out(spec, names, offered)),
    )


def _channel_name(text: str, public: str) -> str:
    return text.rstrip("/").removeprefix(f"{public}/")


def _left_out(
    spec: EnvironmentSpec, names: Iterable[str], offered: Collection[str]
) -> Iterator[str]:
    for name in names:
        if name not in offered and name not in _BUILT_IN:
            yield f"the channel {shortened(name, 80)} of the file is not offered here"
    if spec.groups:
        yield f"groups of the file are left out: {shortened(', '.join(spec.groups), 200)}"
    if spec.variables:
        yield "variables of the file are left out"


def _check(text: str, offered: Collection[str], *, allow_pypi: bool) -> None:
    if len(text) > _LONGEST_SPEC or not text.isprintable():
        raise _refused(text, "is too long, or has characters that no spec has")
    if text.startswith(PYPI_PREFIX):
        _check_requirement(text, allow_pypi=allow_pypi)
        return
    if "://" in text or WHEEL_EXTENSION in text or is_package_reference(text):
        raise _refused(text, "is a file or an address, not a spec")
    spec = MatchSpec(text)
    for channel in (spec.channel, *spec.channels):
        if channel is not None and channel not in offered:
            raise _refused(text, "names a channel that is not offered here")
    if spec.url is not None or spec.fn is not None:
        raise _refused(text, "names a file")


def _check_requirement(text: str, *, allow_pypi: bool) -> None:
    if not allow_pypi:
        raise _refused(text, "is a project of PyPI, which is not offered here")
    requirement = text.removeprefix(PYPI_PREFIX)
    if any(part in requirement for part in _FORBIDDEN):
        raise _refused(text, "is a file or an address, not a requirement")
    try:
        parse_requirement(requirement)
    except ValueError:
        raise _refused(text, "is not a requirement (PEP 508)") from None


def _refused(text: str, why: str) -> SpecError:
    return SpecError("refused-spec", f"{shortened(text, 120)!r} {why}")
