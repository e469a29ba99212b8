"""Read ``pip:`` sections and requirement files, and the files that they include."""

from __future__ import annotations

import os

from minicon.errors import SpecError
from minicon.fs.plain_file import decode_text, read_named_file
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.requirements.requirement_entry import (
    BUILD_OPTIONS,
    absolute_path,
    parse_editable,
    parse_entry,
    split_url,
)
from minicon.pypi.requirements.requirement_lines import (
    Line,
    invalid_line,
    logical_lines,
    split_options,
)
from minicon.pypi.requirements.requirements import (
    IndexOptions,
    IndexRequirement,
    RequirementSet,
)
from minicon.pypi.urls import is_remote, local_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from minicon.pypi.requirements.requirement_lines import Option

#: Requirement files that include one another deeper than this include themselves.
_DEEPEST = 20
_URL_OPTIONS = ("--index-url", "--extra-index-url", "--find-links")
#: Options of pip without effect in minicon: wheels are always preferred.
_IGNORED_OPTIONS = ("--prefer-binary", "--only-binary", "--use-feature", "--no-deps")


def parse_requirements(
    lines: Iterable[str],
    *,
    folder: Path,
    origin: str = "",
    environ: Mapping[str, str] | None = None,
) -> RequirementSet:
    """Parse the lines of a ``pip:`` section or a requirement file.

    Args:
        lines: As written.
        folder: Base of relative paths.
        origin: Name of the file, for messages.
        environ: Values of ``${VARIABLE}``.

    Raises:
        SpecError: A line cannot be parsed, or a file that it names does not exist.
    """
    reader = _Reader(environ or {})
    reader.read(lines, folder, origin, constraints=False, depth=0)
    return reader.result()


class _Reader:
    """Collects the requirements and options of lines and of the files that they include."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._found: list[IndexRequirement | PipRequirement] = []
        self._constraints: list[IndexRequirement] = []
        self._options = IndexOptions()
        self._no_binary: set[str] = set()

    def result(self) -> RequirementSet:
        wheels = [entry for entry in self._found if self._is_for_index(entry)]
        others = [entry for entry in self._found if not self._is_for_index(entry)]
        for entry in (*wheels, *self._constraints):
            if self._options.pre and isinstance(entry, IndexRequirement):
                entry.requirement.specifier.prereleases = True
        if self._options.require_hashes:
            _check_hashes(self._found)
        return RequirementSet(
            requirements=tuple([e for e in wheels if isinstance(e, IndexRequirement)]),
            pip_requirements=tuple(map(_for_pip, others)),
            constraints=tuple(self._constraints),
            options=self._options,
        )

    def read(
        self, lines: Iterable[str], folder: Path, origin: str, *, constraints: bool, depth: int
    ) -> None:
        for line in logical_lines(lines, origin, folder, self._environ):
            text, options = split_options(line)
            if text:
                self._add(parse_entry(text, options, line), line, constraints=constraints)
                continue
            for option in options:
                if option.name in ("--requirement", "--constraint"):
                    limits = constraints or option.name == "--constraint"
                    self.include(option.value, line, constraints=limits, depth=depth + 1)
                elif option.name == "--editable":
                    self._add(parse_editable(option.value, line), line, constraints=constraints)
                elif option.name not in BUILD_OPTIONS:
                    self._apply(option, line)

    def include(self, target: str, line: Line, *, constraints: bool, depth: int) -> None:
        """Read another requirement file."""
        if depth > _DEEPEST:
            raise invalid_line(line, "requirement files include one another in a circle")
        split_url(target, line)
        if is_remote(target):
            raise invalid_line(line, "requirement files are not read from the network")
        path = _included_path(target, line)
        try:
            text = decode_text(read_named_file(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise invalid_line(line, f"cannot read {path}: {why}") from error
        lines = text.splitlines()
        self.read(lines, path.parent, os.fspath(path), constraints=constraints, depth=depth)

    def _add(
        self, entry: IndexRequirement | PipRequirement, line: Line, *, constraints: bool
    ) -> None:
        if not constraints:
            self._found.append(entry)
        elif isinstance(entry, IndexRequirement):
            self._constraints.append(entry)
        else:
            raise invalid_line(line, "a constraint must be a name with versions")

    def _apply(self, option: Option, line: Line) -> None:
        """Apply an option of the whole file; a later value replaces an earlier, lists grow."""
        name, value = option
        if name in _URL_OPTIONS:
            split_url(value, line)
        if name == "--find-links":
            value = _find_links(value, line)
        if name in ("--no-binary", "--only-binary"):
            names = value.split(",") if name == "--no-binary" else ()
            self._no_binary.update(n if n == ":all:" else normalize_pypi_name(n) for n in names)
            return
        changes = {
            "--index-url": IndexOptions(index_url=value),
            "--extra-index-url": IndexOptions(extra_index_urls=(value,)),
            "--find-links": IndexOptions(find_links=(value,)),
            "--no-index": IndexOptions(no_index=True),
            "--trusted-host": IndexOptions(trusted_hosts=(value,)),
            "--pre": IndexOptions(pre=True),
            "--require-hashes": IndexOptions(require_hashes=True),
        }
        if name in changes:
            self._options = self._options.merged_with(changes[name])
        elif name not in _IGNORED_OPTIONS:
            raise invalid_line(line, f"the option {name} is not valid in a requirement file")

    def _is_for_index(self, entry: IndexRequirement | PipRequirement) -> bool:
        if not isinstance(entry, IndexRequirement):
            return False
        forbidden = {":all:", entry.requirement.name} & self._no_binary
        return entry.direct is not None or not forbidden


def _for_pip(entry: IndexRequirement | PipRequirement) -> PipRequirement:
    """Return an entry as one for pip; one whose wheels are forbidden keeps its ``--no-binary``."""
    if isinstance(entry, PipRequirement):
        return entry
    hashes = "".join(f" --hash=sha256:{value}" for value in entry.hashes)
    name = entry.requirement.name
    text = f"--no-binary={name}\n{entry.requirement}{hashes}"
    return PipRequirement(text=text, name=name, origin=entry.origin)


def _check_hashes(entries: Sequence[IndexRequirement | PipRequirement]) -> None:
    for entry in entries:
        hashed = entry.hashes if isinstance(entry, IndexRequirement) else "--hash=" in entry.text
        if not hashed:
            subject = entry.requirement if isinstance(entry, IndexRequirement) else entry
            raise SpecError(
                "no-hash",
                f"--require-hashes is set and {subject} has no hash",
                context=f"while reading {entry.origin}" if entry.origin else None,
                hint="add --hash=sha256:… to it, or remove --require-hashes",
            )


def _included_path(target: str, line: Line) -> Path:
    if target.startswith("file:/"):
        target = str(local_path(target) or target)
    return absolute_path(target.removeprefix("file:"), line)


def _find_links(value: str, line: Line) -> str:
    """Make a relative folder absolute: it is relative to the requirement file, as in pip."""
    if "://" in value:
        return value
    return os.fspath(absolute_path(value, line))
