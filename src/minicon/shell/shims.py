"""Shims: files with the names of conda's own, for programs that call conda, mamba or micromamba.

``conda``, ``mamba`` and ``micromamba`` are links to minicon, which speaks the dialect of the name
it is started with. Beside them lie the scripts that clients source. A list of them records the
root prefix, so that the programs use it without any variable, and what to remove again.
"""

from __future__ import annotations

import os

from minicon.errors import ShellError
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS = ("conda", "mamba", "micromamba")
#: ``eval`` would join the lines of the hook.
_CSH = """\
set __mc_hook = `mktemp`
{} shell.csh hook > "$__mc_hook"
source "$__mc_hook"
\\rm -f "$__mc_hook"
unset __mc_hook"""
_LIST = os.path.join("condabin", "minicon-shims.txt")


@dataclass(frozen=True, slots=True)
class Shims:
    """The files of one directory, each by its path relative to the directory.

    Attributes:
        directory: Absolute path of the directory.
        links: Links, and what they point to.
        texts: Files, and their contents; the last is the list of all.
    """

    directory: str
    links: Mapping[str, str]
    texts: Mapping[str, str]

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, relative to the directory."""
        return (*self.links, *self.texts)


def make_shims(directory: str, *, root: str, executable: str) -> Shims:
    """Return the files to write.

    Args:
        directory: Absolute path of their directory.
        root: The root prefix that the programs use, unless MINICON_ROOT is set.
        executable: Absolute path of the minicon program.
    """
    from minicon.shell.shells import get_shell

    def quoted(shell: str, program: str) -> str:
        return get_shell(shell).quote(os.path.join(directory, "bin", program))

    hooks = {p: f"{quoted('posix', p)} shell.posix hook" for p in PROGRAMS}
    conda = f'eval "$({hooks["conda"]})" && conda'
    lines: dict[tuple[str, ...], str] = {
        ("bin", "activate"): f'{conda} activate "$@"',
        ("bin", "deactivate"): f"{conda} deactivate",
        **{("etc", "profile.d", f"{p}.sh"): f'eval "$({hook})"' for p, hook in hooks.items()},
        ("etc", "profile.d", "conda.csh"): _CSH.format(quoted("csh", "conda")),
        (
            "etc",
            "fish",
            "conf.d",
            "conda.fish",
        ): f"{quoted('fish', 'conda')} shell.fish hook | source",
    }
    folders = ("bin", "condabin")
    links = {os.path.join(folder, p): executable for folder in folders for p in PROGRAMS}
    texts = {
        os.path.join(*path): f"# Written by 'minicon shims'.\n{line}\n"
        for path, line in lines.items()
    }
    texts[_LIST] = "\n".join([root, *links, *texts, _LIST, ""])
    return Shims(directory, links, texts)


def write_shims(shims: Shims) -> None:
    """Write the files; those of an earlier call are replaced.

    Raises:
        ShellError: Reference ``foreign-shim``: another program has a file of that name.
        FileError: A file cannot be written; those before it have been.
    """
    from minicon.fs import operations

    own = set(_listed(shims.directory)[1:])
    for path in shims.paths:
        whole = os.path.join(shims.directory, path)
        if os.path.lexists(whole) and path not in own:
            raise ShellError(
                "foreign-shim",
                f"{whole} exists, and minicon did not write it",
                hint="choose another directory: minicon shims DIR",
            )
    for path in reversed(shims.paths):  # the list first, so that all can be removed again
        whole = os.path.join(shims.directory, path)
        with operations.describing("write", whole):
            operations.make_directory(os.path.dirname(whole))
            if path in shims.links:
                if os.path.lexists(whole):
                    operations.remove_file(whole)
                operations.symbolic_link(shims.links[path], whole)
            else:
                operations.replace_file(whole, shims.texts[path].encode(), 0o644)


def remove_shims(directory: str) -> list[str]:
    """Remove the files that :func:`write_shims` wrote, and directories that are then empty.

    Returns:
        Absolute paths of the removed files.

    Raises:
        ShellError: Reference ``no-shims``: there are none.
        FileError: A file cannot be removed.
    """
    from minicon.fs import operations

    listed = _listed(directory)[1:]
    if not listed:
        raise ShellError("no-shims", f"{directory} has no shims", hint="minicon shims DIR --undo")
    paths = [os.path.join(directory, path) for path in listed]
    for path in paths:
        with operations.describing("remove", path):
            if os.path.lexists(path):
                operations.remove_file(path)
    for folder in sorted({os.path.dirname(path) for path in paths}, key=len, reverse=True):
        while folder != directory and os.path.isdir(folder) and not os.listdir(folder):
            operations.remove_directory(folder)
            folder = os.path.dirname(folder)
    return paths


def shims_directory(program: str) -> str | None:
    """Return the directory of the shim that a program was started by; None if it is none."""
    folder = os.path.dirname(os.path.abspath(program)) if os.sep in program else None
    if folder is None or os.path.basename(folder) not in ("bin", "condabin"):
        return None
    directory = os.path.dirname(folder)
    return directory if os.path.isfile(os.path.join(directory, _LIST)) else None


def recorded_root(program: str) -> str | None:
    """Return the root prefix that the shims beside a program record; None without shims."""
    directory = shims_directory(program)
    return _listed(directory)[0] if directory else None


def _listed(directory: str) -> list[str]:
    """Return the root prefix and the paths that the list names; paths that leave are skipped."""
    try:
        with open(os.path.join(directory, _LIST), encoding="utf-8") as reader:
            root, *paths = reader.read().splitlines() or [""]
    except OSError:
        return [""]
    inside = [p for p in paths if p and not os.path.isabs(p) and ".." not in p.split(os.sep)]
    return [root, *inside]
