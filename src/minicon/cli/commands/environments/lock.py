"""Lock exact packages for one or more platforms, from any machine.

Examples:
  minicon lock                      environment.yml -> conda-lock.yml
  minicon lock --platform linux-64 --platform osx-arm64
  minicon lock --update numpy       everything else stays if possible
  minicon lock --check              exit code 1 if the lock is out of date
  minicon lock --for cluster.json   for the machine of 'minicon info --profile'
  minicon lock merge BASE OURS THEIRS
"""

from __future__ import annotations

from pathlib import Path

from minicon.cli import options
from minicon.fs.safe_path import typed_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.lock.lock_inputs import LockInputs, LockTarget
    from minicon.api.lock.locking import LockChange
    from minicon.cli.context import CommandContext
    from minicon.models.environment_files.lockfile import Lockfile

DEFAULT_FILE = "environment.yml"
DEFAULT_LOCK = "conda-lock.yml"
_SHOWN_CHANGES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``lock [-f FILE]... [--platform P]... [-o FILE] [--update PKG]... [--check]``."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="merge BASE OURS THEIRS",
        help="merge three lock files, as git's merge driver",
    )
    add = parser.add_argument
    add("-f", "--file", dest="files", action="append", default=[], metavar="FILE",
        help=f"file to lock (default: {DEFAULT_FILE}; may be repeated)")  # fmt: skip
    add(
        "-o",
        "--output",
        default=None,
        metavar="FILE",
        help=f"lock file to write (default: {DEFAULT_LOCK}); - is stdout",
    )
    options.add_platforms(parser, "platform to lock, for example linux-64 (may be repeated)")
    add("--for", dest="profiles", action="append", default=[], metavar="PROFILE.json",
        help="machine to lock for, saved with 'minicon info --profile'")  # fmt: skip
    add("--virtual-package", dest="virtual_packages", action="append", default=[],
        metavar="NAME=VERSION", help="virtual package of the targets: __glibc=2.36")  # fmt: skip
    add("--update", action="append", default=[], metavar="PACKAGE",
        help="update only this package and what it requires (may be repeated)")  # fmt: skip
    add("--keep", action="store_true", help="keep locked versions that still satisfy the file")
    add("--check", action="store_true", help="only check whether the lock is up to date")
    add("-d", "--dry-run", action="store_true", help="show the changes and stop")
    add("--path", metavar="FILE", help="with merge: path of the merged file (git's %%P)")
    options.add_channel_options(parser, one_platform=False)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Lock, check or merge."""
    from minicon.errors import UsageError
    from minicon.fs.output_file import is_stream, typed_output

    if arguments.words:
        if arguments.words[0] != "merge" or len(arguments.words) != 4:
            raise UsageError(
                "unknown-words",
                f"unexpected argument {arguments.words[0]!r}",
                hint="pass files with -f, or use 'minicon lock merge BASE OURS THEIRS'",
            )
        return _merge(arguments, context)
    output = typed_output(arguments.output or DEFAULT_LOCK)
    if is_stream(output):
        _refuse_without_lock(arguments, output)
    before = _read(output, context) if output.exists() and not is_stream(output) else None
    inputs = _inputs(arguments, output, before)
    if arguments.check:
        return _check(output, before, inputs, context)
    return _lock(arguments, context, output, before, inputs)


def _refuse_without_lock(arguments: argparse.Namespace, output: Path) -> None:
    """Refuse options that are about an existing lock, which a stream does not have."""
    from minicon.errors import UsageError

    given = {"--check": arguments.check, "--keep": arguments.keep, "--update": arguments.update}
    for option in filter(given.get, given):
        raise UsageError(
            "no-lock",
            f"{option} reads an existing lock, and {output} has none",
            hint="name the lock file with -o FILE",
        )


def _inputs(arguments: argparse.Namespace, output: Path, before: Lockfile | None) -> LockInputs:
    from minicon.api.input_files import default_environment_file, local_path
    from minicon.api.lock.lock_inputs import LockInputs, named_channels
    from minicon.fs.output_file import is_stream

    channels, override = tuple(arguments.channels), arguments.override_channels
    if before is not None and not channels:
        channels, is_complete = named_channels(before)
        override = override or is_complete
    folder = Path.cwd() if is_stream(output) else output.absolute().parent
    files = tuple(map(local_path, arguments.files))
    if not files and before is not None:
        files = tuple(folder / source for source in before.sources)
    return LockInputs(
        files=files or (Path(default_environment_file()),),
        folder=folder,
        channels=channels,
        override_channels=override,
    )


def _read(path: Path, context: CommandContext) -> Lockfile:
    from minicon.envs.locks.lock_files import read_lock_file
    from minicon.errors import SpecError

    lock = read_lock_file(path, platform=context.settings.platform)
    if lock is None or lock.kind != "conda-lock":
        raise SpecError(
            "not-a-conda-lock",
            f"{path} is not a conda-lock.yml and was not overwritten",
            hint="choose another file with -o",
        )
    return lock


def _targets(
    arguments: argparse.Namespace,
    context: CommandContext,
    inputs: LockInputs,
    before: Lockfile | None,
) -> tuple[LockTarget, ...]:
    from minicon.api.lock.lock_targets import choose_targets

    return choose_targets(
        context.services,
        inputs,
        platforms=arguments.platforms,
        profiles=[typed_path(profile) for profile in arguments.profiles],
        virtual_packages=arguments.virtual_packages,
        before=before,
    )


def _lock(
    arguments: argparse.Namespace,
    context: CommandContext,
    output: Path,
    before: Lockfile | None,
    inputs: LockInputs,
) -> int:
    from minicon.api.lock.locking import lock_changes, make_lock
    from minicon.envs.locks.lock_files import write_lock_file
    from minicon.errors import UsageError

    keep = arguments.keep or bool(arguments.update)
    if arguments.update and before is None:
        hint = "create the lock first, without --update"
        raise UsageError("no-lock", f"{output} does not exist", hint=hint)
    targets = _targets(arguments, context, inputs, before)
    lock = make_lock(
        context.services,
        inputs,
        targets,
        before=before if keep else None,
        update=arguments.update,
    )
    changes = lock_changes(before, lock)
    if not context.settings.dry_run:
        write_lock_file(output, lock)
    _report(arguments, context, output, lock, changes if before else None)
    return 0


def _report(
    arguments: argparse.Namespace,
    context: CommandContext,
    output: Path,
    lock: Lockfile,
    changes: tuple[LockChange, ...] | None,
) -> None:
    from minicon.fs.output_file import STDOUT

    console, dry_run = context.console, context.settings.dry_run
    has_lock = str(output) == STDOUT and not dry_run  # stdout
    counts = {p: sum(x.platform == p for x in lock.packages) for p in lock.platforms}
    if console.json:
        document = {"success": True, "file": str(output), "packages": counts}
        document["changes"] = [_change_object(change) for change in changes or ()]
        document |= {"dry_run": True} if dry_run else {}
        if not has_lock:
            console.document(document)
        return
    answer = console.note if has_lock else console.answer
    for change in (changes or ())[:_SHOWN_CHANGES]:
        forced = arguments.update and change.name not in arguments.update
        reason = "  (changed as a dependency)" if forced else ""
        before, after = change.before or "none", change.after or "none"
        answer(f"  {change.name} [{change.platform}]: {before} → {after}{reason}")
    if changes is not None and len(changes) > _SHOWN_CHANGES:
        answer(f"  … and {len(changes) - _SHOWN_CHANGES} more")
    shown = ", ".join(f"{platform} ({count})" for platform, count in counts.items())
    verb = "would lock" if dry_run else "locked"
    answer(f"{verb} {shown} in {output}")


def _change_object(change: LockChange) -> dict[str, str | None]:
    return {
        "name": change.name,
        "platform": change.platform,
        "before": change.before,
        "after": change.after,
    }


def _check(
    output: Path, before: Lockfile | None, inputs: LockInputs, context: CommandContext
) -> int:
    from minicon.api.lock.lock_inputs import stale_platforms

    console = context.console
    stale = stale_platforms(context.services, inputs, before) if before else ("all",)
    if console.json:
        console.document({"success": not stale, "file": str(output), "stale": list(stale)})
    elif before is None:
        console.answer(f"{output} does not exist; run 'minicon lock'")
    elif stale:
        console.answer(f"{output} is out of date for {', '.join(stale)}; run 'minicon lock --keep'")
    else:
        console.answer(f"{output} is up to date")
    return 1 if stale else 0


def _merge(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.api.lock.lock_merging import merge_lock_files

    base, ours, theirs = (typed_path(word) for word in arguments.words[1:])
    path = typed_path(arguments.path) if arguments.path else ours
    outcome = merge_lock_files(context.services, base, ours, theirs, target=path)
    console = context.console
    if console.json:
        console.document(
            {
                "success": outcome.settled,
                "solved": outcome.solved,
                "conflicts": list(outcome.conflicts),
                "reason": outcome.reason,
            }
        )
    elif outcome.settled:
        how = "merged by solving again" if outcome.solved else "merged"
        newer = f"; newer versions of {', '.join(outcome.conflicts)}" if outcome.conflicts else ""
        console.note(
            f"{arguments.path or ours}: {how}{newer}; check it with 'minicon lock --check'"
        )
    else:
        console.warn(f"{arguments.path or ours} could not be merged: {outcome.reason}")
        console.warn("merge the environment file, then run 'minicon lock --keep'")
    return 0 if outcome.settled else 1
