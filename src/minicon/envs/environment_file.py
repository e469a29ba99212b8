"""Read and write environment files: environment.yml, lists of specs, explicit lists.

The kind of a file depends on its content: ``@EXPLICIT`` means an explicit list; the extensions
``.yml``, ``.yaml`` and ``.json``, or a line that begins with ``dependencies:``, mean an
environment.yml; anything else is a list of specs, one per line, in which requirements that only
pip accepts go to ``pip``.
"""

from __future__ import annotations

import re

from minicon.config import strict_yaml
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.environment_files.environment_spec import EnvironmentSpec
from minicon.models.environment_files.explicit_list import (
    ExplicitList,
    is_explicit,
    parse_explicit_list,
)
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.subdir import selects
from minicon.models.url import is_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.envs.input_text import InputText

_YAML = (".yml", ".yaml", ".json")
_COMMENT = lazy_pattern(r"(?:^|\s)#.*", re.DOTALL)
_YAML_KEY = lazy_pattern(r"^(?:name|channels|dependencies):(?:\s|$)", re.MULTILINE)
_TEMPLATE = lazy_pattern(r"^[^#\n]*(?:\{\{|\{%)", re.MULTILINE)
_EXPORT_PLATFORM = lazy_pattern(r"#\s*platform:\s*([a-z0-9_\-]+)\s*$", re.MULTILINE)


def parse_environment(file: InputText, *, platform: str) -> EnvironmentSpec:
    """Parse an environment file of any kind.

    Args:
        file: The file.
        platform: Subdir for which selectors are evaluated.

    Raises:
        SpecError: ``invalid-yaml``, ``invalid-environment-file``, ``invalid-explicit-list``,
            ``invalid-spec``: each names the file and mostly the line.
    """
    text, source = file.text, file.source
    if len(text) > strict_yaml.MAX_BYTES:
        hint = "an environment file is a small text file; is this the right file?"
        raise SpecError("invalid-environment-file", f"{source!r} is too large", hint=hint)
    try:
        return _parse(text, file.name, platform, source)
    except SpecError as error:
        if _TEMPLATE.search(text):
            error.hint = "this looks like a template (Jinja): render it first"
        raise


def _parse(text: str, name: str, platform: str, source: str) -> EnvironmentSpec:
    if is_explicit(text):
        explicit = parse_explicit_list(text, source=source)
        platforms = (explicit.platform,) if explicit.platform else ()
        return EnvironmentSpec(explicit=explicit.entries, platforms=platforms)
    if name.lower().endswith(_YAML) or _YAML_KEY.search(text):
        return _parse_yaml(text, platform, source)
    return _parse_list(text, platform, source)


def write_environment_file(spec: EnvironmentSpec) -> str:
    """Return the text of an environment.yml (or explicit list) that parses to the same spec.

    Secrets in URLs are left out; the values of variables are written as they are.
    """
    import yaml

    if spec.explicit:
        return str(ExplicitList(spec.explicit, spec.platforms[0] if spec.platforms else None))

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    text: str = yaml.dump(
        spec.to_data(),
        Dumper=Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=4096,
    )
    return text


def _parse_yaml(text: str, platform: str, source: str) -> EnvironmentSpec:
    data = strict_yaml.load(_select_lines(text, platform), source=source)
    if data is None:
        hint = "start with name:, channels:, dependencies:"
        raise SpecError("invalid-environment-file", f"{source}: the file is empty", hint=hint)
    return EnvironmentSpec.from_data(data, platform=platform, source=source)


def _select_lines(text: str, platform: str) -> str:
    """Empty the lines whose comment selector (``# [linux]``) excludes the platform.

    Comments in brackets that are not selectors (``# [testing]``) are comments.
    """
    lines = text.split("\n")
    for index, line in enumerate(lines):
        selector = _comment_selector(line)
        if selector and selects(selector, platform) is False:
            lines[index] = ""
    return "\n".join(lines)


def _comment_selector(line: str) -> str:
    """Return ``linux`` for ``- numpy  # [linux]``; an empty text for a line without selector."""
    line = line.rstrip()
    start = line.rfind("[")
    before = line[:start].rstrip() if start >= 0 and line.endswith("]") else ""
    text = before[:-1].rstrip()
    is_comment = before.endswith("#") and before[-2:-1].isspace()
    return line[start + 1 : -1] if is_comment and text and not text.startswith("#") else ""


def _parse_list(text: str, platform: str, source: str) -> EnvironmentSpec:
    """Parse one spec per line, as in ``conda list --export`` and requirements files."""
    specs: list[str] = []
    pip: list[str] = []
    text = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for number, line in enumerate(_select_lines(text, platform).splitlines(), 1):
        line = line.strip() if is_url(line.strip()) else _COMMENT.sub("", line).strip()
        if not line:
            continue
        if line.startswith("-") or " --hash=" in line or _is_only_for_pip(line):
            pip.append(line)
        else:
            specs.append(_checked(line, f"{source}, line {number}"))
    platforms = tuple(dict.fromkeys(_EXPORT_PLATFORM.findall(text)))
    return EnvironmentSpec(dependencies=tuple(specs), pip=tuple(pip), platforms=platforms)


def _checked(line: str, origin: str) -> str:
    try:
        MatchSpec(line)
    except SpecError as error:
        error.context = f"while reading {origin}"
        raise
    return line


def _is_only_for_pip(line: str) -> bool:
    """Whether a line is a PEP 508 requirement (extras, markers, URLs, ===) and no conda spec."""
    try:
        MatchSpec(line)
    except SpecError:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            Requirement(line)
        except InvalidRequirement:
            return re.match(r"(?:git|hg|svn|bzr)\+", line) is not None
        return True
    return False
