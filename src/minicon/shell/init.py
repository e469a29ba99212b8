"""``minicon init``: add the hook to the start files of shells, or remove it.

minicon adds a few lines between two markers, as conda does. They source a static hook file in
``MINICON_ROOT/shell``, so that no program runs when a shell starts. Running ``init`` again changes
nothing, text outside the markers is preserved, and files are replaced atomically.

:func:`plan_init` only reads; :func:`apply_changes` writes.
"""

from __future__ import annotations

import os

from minicon.errors import ShellError, UsageError
from minicon.lean_dataclasses import dataclass
from minicon.shell.clients import clients_in
from minicon.shell.hook import COMPLETION_FILES, HookFacts, render_hook_files
from minicon.shell.shells import PosixShell, get_shell
from minicon.shell.start_files import (
    KEY,
    START_FILES,
    VALUE,
    autorun_after,
    read_autorun,
    write_autorun,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.shell.commands import ShellContext

_NOTE = "# !! Contents within this block are managed by 'minicon init' !!"
#: Programs, and the name in their marks. Clients look for the block of mamba, and move it.
_MARKED = {"minicon": "minicon", "conda": "conda", "mamba": "mamba", "micromamba": "mamba"}
START, END = "# >>> minicon initialize >>>", "# <<< minicon initialize <<<"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after the change.

    Attributes:
        shell: Name of the shell.
        path: Path with links resolved; for cmd.exe, a value of the registry.
        before: The current text; None if the file does not exist.
        after: The new text; None to remove the file.
    """

    shell: str
    path: str
    before: str | None
    after: str | None

    @property
    def action(self) -> str:
        """``unchanged``, ``created``, ``modified`` or ``removed``."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "created"
        return "modified" if self.after is not None else "removed"

    def diff(self) -> str:
        """Return the change as a unified diff, for ``--dry-run`` and ``-v``."""
        import difflib

        before = (self.before or "").splitlines(keepends=True)
        after = (self.after or "").splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, self.path, self.path))


def plan_init(
    shells: Sequence[str],
    *,
    context: ShellContext,
    executable: str,
    completions: Mapping[str, str] | None = None,
    reverse: bool = False,
    system: bool = False,
    clients: str = "minicon",
    program: str = "minicon",
) -> list[FileChange]:
    """Return the changes that ``minicon init`` would make, without writing anything.

    Args:
        shells: Names of shells.
        context: From :func:`minicon.shell.commands.shell_context`.
        executable: Absolute path of the minicon program.
        completions: Shell name → its completion script.
        reverse: Remove the hook.
        system: Change the start files for all users instead of the user's own.
        clients: The dialect whose functions the hook defines too.
        program: The name that minicon was started with. Its own block is replaced, as that
            program does, and all blocks that minicon wrote.

    Raises:
        UsageError: minicon knows no start file of a shell.
        ShellError: A start file cannot be read, has only one of the two markers, or belongs to
            another user.
    """
    hooks: dict[str, FileChange] = {}
    changes: list[FileChange] = []
    for name in dict.fromkeys(shells):
        files = _hook_changes(name, context, executable, clients)
        lines = _lines(name, files[-1].path, executable)
        changes.extend(
            _start_file_change(name, path, "" if reverse else lines, _MARKED[program])
            for path in _start_files(name, context, system=system)
        )
        if name == "cmd.exe":
            before = read_autorun(system=system)
            after = autorun_after(before, files[-1].path, reverse=reverse)
            changes.append(FileChange(name, registry_path(system=system), before, after))
        files += _completion_changes(name, context, completions or {})
        hooks.update((each.path, each) for each in files)
    if reverse:
        return changes  # keep the hook file: running shells may source it again
    return [*hooks.values(), *changes]


def apply_changes(changes: Iterable[FileChange]) -> None:
    """Write the changed files.

    Raises:
        FileError: A file cannot be written; the files before it have been replaced.
    """
    from minicon.fs import operations

    for change in changes:
        if change.action == "unchanged":
            continue
        if change.path in _REGISTRY:
            write_autorun(change.after, system=change.path == registry_path(system=True))
            continue
        with operations.describing("write", change.path):
            if change.after is None:
                operations.remove_file(change.path)
                continue
            operations.make_directory(os.path.dirname(change.path))
            mode = 0o644 if change.before is None else os.stat(change.path).st_mode & 0o777
            data = change.after.encode("utf-8", "surrogateescape")
            operations.replace_file(change.path, data, mode)


def refresh_hooks(context: ShellContext, executable: str) -> list[FileChange]:
    """Return the changes that update existing hook files after settings or minicon changed."""
    seen: dict[str, FileChange] = {}
    for name in START_FILES:
        before = _hook_changes(name, context, executable)[-1].before
        if before is not None:
            changes = _hook_changes(name, context, executable, clients_in(before))
            seen.update((change.path, change) for change in changes)
    return [change for change in seen.values() if change.action != "unchanged"]


def registry_path(*, system: bool = False) -> str:
    """Return the name of the registry value that replaces a start file for cmd.exe."""
    return f"HKEY_{'LOCAL_MACHINE' if system else 'CURRENT_USER'}\\{KEY}\\{VALUE}"


_REGISTRY = (registry_path(), registry_path(system=True))


def _start_files(name: str, context: ShellContext, *, system: bool) -> list[str]:
    if name not in START_FILES:
        raise UsageError(
            "no-start-file",
            f"minicon does not know the start file of {name!r}",
            hint="one of: "
            + ", ".join(sorted(START_FILES))
            + '; in other shells, eval "$(minicon shell.posix hook)"',
        )
    find = START_FILES[name]
    return find(context.home, context.environ, system)


def _hook_changes(
    name: str, context: ShellContext, executable: str, clients: str = "minicon"
) -> list[FileChange]:
    """Return the changes of the hook's files; the last is the file to source."""
    if name not in START_FILES:
        _start_files(name, context, system=False)
    folder = os.path.join(context.options.root, "shell")
    facts = HookFacts(executable, context.options, context.envs_dirs, context.environ, clients)
    files = render_hook_files(name, facts, folder)
    paths = {os.path.join(folder, file): text for file, text in files.items()}
    return [FileChange(name, path, _read(path), text) for path, text in paths.items()]


def _completion_changes(
    name: str, context: ShellContext, completions: Mapping[str, str]
) -> list[FileChange]:
    if name not in completions or name not in COMPLETION_FILES:
        return []
    path = os.path.join(context.options.root, "shell", *COMPLETION_FILES[name].split("/"))
    return [FileChange(name, path, _read(path), completions[name])]


def _lines(name: str, hook: str, executable: str) -> str:
    """Return the lines between the markers."""
    shell = get_shell(name)
    path, program = shell.quote(hook), shell.quote(executable)
    if isinstance(shell, PosixShell):
        return (
            f"if [ -r {path} ]; then\n    . {path}\n"
            f"elif [ -x {program} ]; then\n"
            f'    eval "$({program} shell.{name} hook)"\nfi\n'
        )
    if shell.name == "fish":
        return f"if test -r {path}\n    source {path}\nend\n"
    if shell.name == "csh":
        return f"if ( -r {path} ) source {path}\n"
    if shell.name == "powershell":
        return f"If (Test-Path {path}) {{ . {path} }}\n"
    if shell.name == "cmd.exe":
        return f'@IF EXIST "{hook}" @CALL "{hook}"\n'
    return f"source {path}\n"


def _start_file_change(name: str, path: str, lines: str, marked: str) -> FileChange:
    target = os.path.realpath(path)
    before = _read(target)
    _check_owner(target)
    start, end = _marks(marked)
    inside = f"{start}\n{_NOTE}\n{lines}{end}\n" if lines else ""
    after = _replace_block(before or "", inside, marked, target)
    if before is None and not after:
        return FileChange(name, target, None, None)
    return FileChange(name, target, before, after)


def _marks(marked: str) -> tuple[str, str]:
    return START.replace("minicon", marked), END.replace("minicon", marked)


def _replace_block(text: str, inside: str, marked: str, path: str) -> str:
    """Return the text with the marked blocks replaced by ``inside``, or with ``inside`` appended.

    Args:
        text: The whole file.
        inside: The new block; empty to remove it.
        marked: The name in the marks whose blocks are replaced, also those of that program.
        path: The path of the file, for errors.
    """
    import re

    first = None
    for name in dict.fromkeys((marked, *_MARKED.values())):
        start, end = _marks(name)
        blocks = list(re.finditer(f"{start}.*?{end}(\r?\n)?", text, re.DOTALL))
        all_of_them = name in (marked, "minicon")
        if all_of_them and not len(blocks) == text.count(start) == text.count(end):
            raise ShellError(
                "broken-start-file",
                f"{path} contains only one of the two markers of {name!r}",
                hint=f"remove the lines from {start!r} to {end!r}, then run '{marked} init' again",
            )
        for block in reversed(blocks):
            if all_of_them or _NOTE in block[0]:
                begin = block.start()
                if (not inside or first is not None) and text[:begin].endswith("\n\n"):
                    begin -= 1  # the empty line that init had added before the block
                text = text[:begin] + text[block.end() :]
                first = begin if first is None else min(first, begin)
    if first is not None:
        return text[:first] + inside + text[first:]
    if not inside or (not text and marked == "minicon"):
        return text + inside
    # the clients that move mamba's block look for the line break before it too
    return text + ("\n" if not text or text.endswith("\n") else "\n\n") + inside


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as reader:
            return reader.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ShellError(
            "unreadable-start-file", f"cannot read {path}: {error.strerror}"
        ) from error


def _check_owner(path: str) -> None:
    """Refuse a file of another user: replacing it would change its owner."""
    if os.name == "posix" and os.path.exists(path) and os.stat(path).st_uid != os.geteuid():
        raise ShellError(
            "foreign-start-file",
            f"{path} belongs to another user",
            hint="run init as that user (without sudo)",
        )
