"""``minicon init``: put the hook into the start files of shells, or take it out again.

A start file gets a few lines between two markers (conda's form, minicon's name); they source a
static hook file in ``MINICON_ROOT/shell``, so that no program runs when a shell starts. Running
it again changes nothing; nothing outside the markers is touched; a file is replaced whole.

Planning (:func:`plan_init`) reads, :func:`apply_changes` writes.
"""

from __future__ import annotations

import os

from minicon.errors import ShellError, UsageError
from minicon.shell.autorun import KEY, VALUE, autorun_after, read_autorun, write_autorun
from minicon.shell.hook import COMPLETION_FILES, HookFacts, render_hook_files
from minicon.shell.shells import PosixShell, get_shell
from minicon.shell.start_files import START_FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.shell.commands import ShellContext

START = "# >>> minicon initialize >>>"
END = "# <<< minicon initialize <<<"
_NOTE = "# !! Contents within this block are managed by 'minicon init' !!"


class FileChange:
    """One file before and after. Treat as immutable.

    Attributes:
        shell: For which shell.
        path: Links resolved; for cmd.exe a value of the registry.
        before: Its text; None when there is no such file.
        after: Its new text; None when it shall go.
    """

    __slots__ = ("after", "before", "path", "shell")

    def __init__(self, shell: str, path: str, before: str | None, after: str | None) -> None:
        self.shell = shell
        self.path = path
        self.before = before
        self.after = after

    @property
    def action(self) -> str:
        """``unchanged``, ``created``, ``modified`` or ``removed``."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "created"
        return "modified" if self.after is not None else "removed"

    def diff(self) -> str:
        """The change as a unified diff, for ``--dry-run`` and ``-v``."""
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
) -> list[FileChange]:
    """What ``minicon init`` would change; nothing is written.

    Args:
        shells: Names; empty means the user's own (``$SHELL``).
        context: From :func:`minicon.shell.commands.shell_context`.
        executable: Absolute path of the minicon program.
        completions: Shell name → the script that completes command lines in it.
        reverse: Take the hook out.
        system: The machine's start files instead of the user's.

    Raises:
        UsageError: A shell that has no start file known here.
        ShellError: A start file cannot be read, has a marker without its counterpart, or belongs
            to someone else.
    """
    names = list(dict.fromkeys(shells)) or [_own_shell(context)]
    hooks: dict[str, FileChange] = {}
    changes: list[FileChange] = []
    for name in names:
        files = _hook_changes(name, context, executable)
        lines = _lines(name, files[-1].path, executable)
        changes.extend(
            _start_file_change(name, path, lines, reverse=reverse)
            for path in _start_files(name, context, system=system)
        )
        if name == "cmd.exe":
            before = read_autorun(system=system)
            after = autorun_after(before, files[-1].path, reverse=reverse)
            changes.append(FileChange(name, registry_path(system=system), before, after))
        files += _completion_changes(name, context, completions or {})
        hooks.update((each.path, each) for each in files)
    if reverse:
        return changes  # the hook file stays: shells that run now may source it again
    return [*hooks.values(), *changes]


def apply_changes(changes: Iterable[FileChange]) -> None:
    """Write the files that change.

    Raises:
        FileError: A file cannot be written; those before it are done, and whole.
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
    """Changes that bring existing hook files up to date, after settings or minicon changed."""
    seen: dict[str, FileChange] = {}
    for name in START_FILES:
        changes = _hook_changes(name, context, executable)
        if changes[-1].before is not None:
            seen.update((change.path, change) for change in changes)
    return [change for change in seen.values() if change.action != "unchanged"]


def registry_path(*, system: bool = False) -> str:
    """What stands for a start file of cmd.exe."""
    return f"HKEY_{'LOCAL_MACHINE' if system else 'CURRENT_USER'}\\{KEY}\\{VALUE}"


_REGISTRY = (registry_path(), registry_path(system=True))


def _own_shell(context: ShellContext) -> str:
    name = os.path.basename(context.environ.get("SHELL", ""))
    if name in START_FILES:
        return name
    raise UsageError(
        "no-shell-named",
        f"no shell is named and $SHELL is {name!r}",
        hint="minicon init " + "|".join(sorted(START_FILES)),
    )


def _start_files(name: str, context: ShellContext, *, system: bool) -> list[str]:
    if name not in START_FILES:
        raise UsageError(
            "no-start-file",
            f"minicon knows no start file of {name!r}",
            hint="one of: "
            + ", ".join(sorted(START_FILES))
            + '; elsewhere, eval "$(minicon shell.posix hook)"',
        )
    find = START_FILES[name]
    return find(context.home, context.environ, system)


def _hook_changes(name: str, context: ShellContext, executable: str) -> list[FileChange]:
    """The hook's files; the one to source is the last."""
    if name not in START_FILES:
        _start_files(name, context, system=False)
    folder = os.path.join(context.options.root, "shell")
    facts = HookFacts(executable, context.options, context.envs_dirs, context.environ)
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
    """What stands between the markers."""
    shell = get_shell(name)
    place, program = shell.quote(hook), shell.quote(executable)
    if isinstance(shell, PosixShell):
        return (
            f"if [ -r {place} ]; then\n    . {place}\n"
            f"elif [ -x {program} ]; then\n"
            f'    eval "$({program} shell.{name} hook)"\nfi\n'
        )
    if shell.name == "fish":
        return f"if test -r {place}\n    source {place}\nend\n"
    if shell.name == "csh":
        return f"if ( -r {place} ) source {place}\n"
    if shell.name == "powershell":
        return f"If (Test-Path {place}) {{ . {place} }}\n"
    if shell.name == "cmd.exe":
        return f'@IF EXIST "{hook}" @CALL "{hook}"\n'
    return f"source {place}\n"


def _start_file_change(name: str, path: str, lines: str, *, reverse: bool) -> FileChange:
    target = os.path.realpath(path)
    before = _read(target)
    _check_owner(target)
    text = before or ""
    inside = "" if reverse else f"{START}\n{_NOTE}\n{lines}{END}\n"
    after = _replace_block(text, inside, target)
    if before is None and not after:
        return FileChange(name, target, None, None)
    return FileChange(name, target, before, after)


def _replace_block(text: str, inside: str, path: str) -> str:
    """TEXT with the marked block replaced by INSIDE, or with INSIDE at its end."""
    starts, ends = text.count(START), text.count(END)
    if starts != ends or (starts and text.index(START) > text.index(END)):
        raise ShellError(
            "broken-start-file",
            f"{path} has a minicon marker without its counterpart",
            hint=f"remove the lines from {START!r} to {END!r} by hand, then run init again",
        )
    if not starts:
        gap = "" if not text or not inside else "\n" if text.endswith("\n") else "\n\n"
        return text + gap + inside
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    tail = tail.removeprefix("\r").removeprefix("\n")
    while START in tail:
        kept, _, rest = tail.partition(START)
        tail = kept + rest.partition(END)[2].removeprefix("\n")
    if not inside and head.endswith("\n\n"):
        head = head[:-1]  # the empty line that init had put before the block
    return head + inside + tail


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
    """A file that is replaced gets our owner, so it must be ours already."""
    if os.name == "posix" and os.path.exists(path) and os.stat(path).st_uid != os.geteuid():
        raise ShellError(
            "foreign-start-file",
            f"{path} belongs to another user",
            hint="run init as that user (without sudo)",
        )
