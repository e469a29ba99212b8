"""Link scripts: code of packages that runs when they are linked or unlinked (CEP 34).

The plan lists them before anything is changed. They run in the environment, and where the system
supports it they cannot write outside of it: not to the package cache either, where a ``pre-link``
script is, and which all environments share. :mod:`minicon.prefix.scripts.script_phases` decides
when each of them runs.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from minicon.constants import GENERATIONS_INSIDE
from minicon.errors import LinkScriptFailed, PrefixError
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.reporter import SilentReporter
from minicon.prefix.plan.clobber import shadow_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from minicon.models.reporter import Reporter
    from minicon.prefix.scripts.script_files import LinkScript

_MESSAGES = ".messages.txt"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/full")
_SHOWN_LINES = 6
_LONGEST_MESSAGE = 1 << 16
_READ_ONLY = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer must not block
    | getattr(os, "O_CLOEXEC", 0)
)


def readable_script(script: LinkScript, tree: Path) -> LinkScript:
    """A script with its file in a tree, where another package's file may have its path."""
    if script.source is not None:
        return script
    hidden = tree / shadow_path(script.record.dist_name, script.path)
    return replace(script, source=hidden if hidden.is_file() else tree / script.path)


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A command line with its environment variables."""

    words: Sequence[str]
    variables: Mapping[str, str]


def plainly_activated(prefix: Path, command: ScriptCommand) -> ScriptCommand:
    """Set PATH and CONDA_PREFIX of a command as activation would; nothing else."""
    folders = [prefix / "bin"] if os.name == "posix" else [prefix, prefix / "Scripts"]
    path = os.pathsep.join([*map(str, folders), command.variables.get("PATH", os.defpath)])
    return replace(
        command, variables={**command.variables, "PATH": path, "CONDA_PREFIX": str(prefix)}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkScriptRunner:
    """Runs link scripts.

    Attributes:
        root_prefix: ROOT_PREFIX of scripts.
        activated: Changes a command to run in the activated environment.
        confine: Whether to limit writing to the environment where the system supports it.
        reporter: Notified of the scripts' messages.
        timeout: Seconds after which a script is killed.
        shown: Package (``name-version-build``) and action of the new packages' scripts that the
            user confirmed; None allows all.
    """

    root_prefix: Path
    activated: Callable[[Path, ScriptCommand], ScriptCommand] = plainly_activated
    confine: bool = True
    reporter: Reporter = field(default_factory=SilentReporter)
    timeout: float = 3600.0
    shown: frozenset[tuple[str, str]] | None = None

    def check_shown(self, coming: Iterable[LinkScript]) -> None:
        """Refuse scripts that the plan did not show: it was made before packages were verified.

        Raises:
            PrefixError: ``scripts-not-as-shown``.
        """
        found = {(script.record.dist_name, script.action) for script in coming}
        if self.shown is None or found == self.shown:
            return
        package, action = min(found ^ self.shown)
        what = (
            "which was not in the plan"
            if (package, action) in found
            else "which was in the plan, is not in the package"
        )
        raise PrefixError(
            "scripts-not-as-shown",
            f"the {action} script of {package}, {what}",
            hint="make the plan again; --no-link-scripts links without running scripts",
        )

    def run(self, script: LinkScript, prefix: Path) -> str:
        """Run one script.

        Returns:
            Its message to the user (``.messages.txt``); often empty.

        Raises:
            LinkScriptFailed: It failed or timed out.
        """
        import tempfile

        temporary = Path(tempfile.mkdtemp(prefix="minicon-"))
        try:
            self._run(script, prefix, temporary)
        except LinkScriptFailed as error:
            message = _take_message(prefix)
            if not message:
                raise
            context = "\n".join(filter(None, (error.context, message)))
            raise LinkScriptFailed(
                error.reference, error.message, context=context, hint=error.hint
            ) from error
        finally:
            remove_tree(temporary)
        return _take_message(prefix)

    def run_quietly(self, script: LinkScript, prefix: Path) -> str:
        """As :meth:`run`, but only warn of a failure: it must not prevent a removal."""
        try:
            return self.run(script, prefix)
        except LinkScriptFailed as error:
            self.reporter.warn("\n".join(filter(None, (error.message, error.context))))
            return ""

    def _run(self, script: LinkScript, prefix: Path, temporary: Path) -> None:
        from subprocess import TimeoutExpired

        from minicon.prefix.scripts.script_process import run_script

        file = script.source or prefix / script.path
        plain = ScriptCommand(_command(file), self._variables(script, prefix, temporary))
        if (
            script.action == "pre-link"
        ):  # the package is not linked yet, so nothing of it can be activated
            command = _with_script_folder(prefix, file, plain)
        else:
            command = self.activated(prefix, plain)
        limited = self._limited(command.words, prefix, temporary)
        try:
            finished = run_script(
                limited or command.words,
                variables=command.variables,
                folder=file.parent,
                timeout=self.timeout,
                is_supervised=limited is not None,
            )
        except (OSError, TimeoutExpired) as error:
            raise _failed(script, _reason(error)) from error
        if finished.status:
            lines = finished.output.splitlines()[-_SHOWN_LINES:]
            raise _failed(script, f"exit status {finished.status}", lines)

    def _limited(self, words: Sequence[str], prefix: Path, temporary: Path) -> Sequence[str] | None:
        from minicon.prefix.scripts.confinement import confined

        writable = [str(prefix), str(temporary), *_DEVICES] if self.confine else None
        return confined(words, writable, [str(prefix / GENERATIONS_INSIDE)])

    def _variables(self, script: LinkScript, prefix: Path, temporary: Path) -> dict[str, str]:
        """The variables of CEP 34; SOURCE_DIR of a pre-link script is the package, as in conda."""
        record = script.record
        of_package = script.action == "pre-link" and script.source
        source = str(script.source).removesuffix(script.path) if of_package else str(prefix)
        return {
            **os.environ,
            "ROOT_PREFIX": str(self.root_prefix),
            "PREFIX": str(prefix),
            "SOURCE_DIR": source.rstrip(os.sep),
            "PKG_NAME": record.name,
            "PKG_VERSION": record.version,
            "PKG_BUILDNUM": str(record.build_number),
            "TMPDIR": str(temporary),
        }


def _with_script_folder(prefix: Path, file: Path, command: ScriptCommand) -> ScriptCommand:
    """Put the directory of a script first on PATH, and set CONDA_PREFIX."""
    path = os.pathsep.join([str(file.parent), command.variables.get("PATH", os.defpath)])
    variables = {**command.variables, "PATH": path, "CONDA_PREFIX": str(prefix)}
    return replace(command, variables=variables)


def _take_message(prefix: Path) -> str:
    """Read and remove a script's message to the user. A link is not followed."""
    path = prefix / _MESSAGES
    try:
        descriptor = os.open(path, _READ_ONLY)
    except FileNotFoundError:
        return ""
    except OSError:  # a link, or a directory on Windows
        text = b""
    else:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        text = os.read(descriptor, _LONGEST_MESSAGE) if is_file else b""
        os.close(descriptor)
    with contextlib.suppress(OSError):  # a directory stays
        operations.remove_file(path)
    return text.decode(errors="replace").strip()


def _command(path: Path) -> list[str]:
    """The command of a script: as in conda, bash sources it, so that it can ``return``."""
    if path.suffix == ".bat":
        return [os.environ.get("COMSPEC", "cmd.exe"), "/d", "/c", str(path)]
    import shutil

    return [shutil.which("bash") or "/bin/sh", "-c", '. "$0"', str(path)]


def _reason(error: Exception) -> str:
    """The reason without the command line, which is mostly that of the confinement."""
    seconds = getattr(error, "timeout", None)
    return f"timed out after {seconds:g} seconds" if seconds is not None else str(error)


def _failed(script: LinkScript, reason: str, lines: Sequence[str] = ()) -> LinkScriptFailed:
    return LinkScriptFailed(
        "link-script-failed",
        f"the {script.action} script of {script.record.dist_name} failed: {reason}",
        context="\n".join(lines) or None,
        hint="nothing was changed; --no-link-scripts links without running scripts",
    )
