"""Run pip as a process: its command, its variables, its log, and the reason why it failed."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque

from minicon.errors import PipError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from minicon.models.reporter import Reporter
    from minicon.pypi.requirements.requirements import IndexOptions

#: The caller's variables that would make pip install into another directory or in another way.
_UNWANTED = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIREMENT",
    "PIP_PYTHON",
    "PIP_DRY_RUN",
    "PIP_REPORT",
    "PIP_LOG",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
#: How many last lines of pip's output are searched for the reason of a failure.
_KEPT_LINES = 200
#: Seconds that an interrupted pip has to clean up.
_GRACE_PERIOD = 10
#: No user site, no current folder on sys.path; unbuffered output in UTF-8.
ISOLATED = ("-I", "-u", "-X", "utf8")
_HAS_PIP = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)"
#: Start of the line in which pip names the step of a build that failed.
_STEP_MARK = "\N{MULTIPLICATION SIGN}"
_ERROR = lazy_pattern(r"error:\s*(\S+ .*)", re.IGNORECASE)
_CAUSE = lazy_pattern(r"\s*((?:[\w.]+(?:Error|Exception): |error: (?=\S+ )|fatal: ).*)")
_CONFLICT = "The conflict is caused by:"
_HINTS = (
    (("Microsoft Visual C++", "gcc", "command 'cc'", "compiler"),
     "add a compiler to the environment, for instance c-compiler, and try again"),
    (("No matching distribution", "Could not find a version"),
     "check the name and versions; they must also fit the packages that are installed already"),
    (("conflict", "ResolutionImpossible"),
     "it conflicts with installed packages: relax a version, or leave the package out"),
    (("does not appear to be a Python project", "Neither 'setup.py'"),
     "the directory needs a pyproject.toml or setup.py"),
    (("git: command", "Cannot find command 'git'"), "add git to the environment"),
)  # fmt: skip

FLAGS = (
    "--no-input",
    "--no-color",
    "--progress-bar=off",
    "--disable-pip-version-check",
    "--no-warn-script-location",
)


def pip_command(python: Path, variables: Mapping[str, str]) -> list[str]:
    """Return the command of the environment's pip, else of minicon's with ``--python``."""
    try:
        answer = subprocess.run(
            [str(python), "-I", "-c", _HAS_PIP],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise PipError(
            "pip-failed", f"cannot run the environment's python {python}: {error.strerror}"
        ) from error
    if answer.returncode == 0:
        return [str(python), *ISOLATED, "-m", "pip"]
    return [sys.executable, *ISOLATED, "-m", "pip", "--python", str(python)]


def pip_variables(environ: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """Return pip's environment variables: no user site, no other target directory."""
    variables = {key: value for key, value in environ.items() if key not in _UNWANTED}
    return variables | {
        "PYTHONNOUSERSITE": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        **({"PIP_NO_INDEX": "1"} if offline else {}),
    }


def option_lines(options: IndexOptions | None) -> list[str]:
    """Return index options as lines of a requirement file: every process can read arguments."""
    if options is None:
        return []
    return [
        *([f"--index-url {options.index_url}"] if options.index_url else []),
        *(f"--extra-index-url {url}" for url in options.extra_index_urls),
        *(f"--find-links {location}" for location in options.find_links),
        *(f"--trusted-host {host}" for host in options.trusted_hosts),
        *(["--no-index"] if options.no_index else []),
        *(["--pre"] if options.pre else []),
    ]


def run_pip(
    command: Sequence[str],
    variables: Mapping[str, str],
    reporter: Reporter,
    log: Path | None,
    *,
    limit: float | None = None,
) -> list[str] | None:
    """Run pip until it exits. Returns its last lines if it failed, else None.

    Args:
        command: The whole command line.
        variables: All environment variables.
        reporter: Receives progress.
        log: File that is replaced by pip's output (credentials masked); None for no file.
        limit: Seconds after which pip and all that it started are ended, without the user's
            terminal; None for any time, and with the terminal, on which git or ssh may ask.
    """
    if log is not None:
        operations.make_directory(log.parent, 0o700)
        operations.replace_file(log, b"", durable=False)
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    task = reporter.start("pip", "", None, "lines")
    process = subprocess.Popen(
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=limit is not None,
    )
    clock = _Clock(process, limit)
    try:
        for line in process.stdout or ():
            line = redact(line.rstrip())
            kept.append(line)
            task.advance(1)
            task.work_on(line[:60])
            if line.startswith(("Successfully installed", "WARNING")):
                reporter.note(f"pip: {line}")
            if log is not None:
                operations.append_file(log, f"{line}\n".encode())
        failed = process.wait() != 0
        if clock.is_late:
            kept.append(f"ERROR: it took longer than {limit:g} seconds")
        return list(kept) if failed else None
    finally:
        clock.cancel()
        _end(process, is_leader=limit is not None)
        if process.stdout:
            process.stdout.close()
        task.finish()


class _Clock:
    """Ends a process after some seconds, unless it is cancelled before.

    Attributes:
        is_late: Whether it did.
    """

    def __init__(self, process: subprocess.Popen[str], limit: float | None) -> None:
        self.is_late = False
        self._process = process
        self._timer = threading.Timer(limit or 0, self._end)
        if limit is not None:
            self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_late = True
        _end(self._process, is_leader=True)


def _end(process: subprocess.Popen[str], *, is_leader: bool) -> None:
    """Make sure, after an error too, that pip no longer runs and changes the environment.

    Args:
        process: pip.
        is_leader: Whether it has a session of its own, whose processes are ended too.
    """
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_PERIOD)
    if is_leader and os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


def pip_failure(what: str, output: Sequence[str], log: Path | None) -> PipError:
    """Return the error for a pip that failed.

    Args:
        what: What pip could not do, on what: ``could not install a and b``.
        output: Its last lines.
        log: The file with all of them, or None.
    """
    text = "\n".join(output)
    hints = [hint for signs, hint in _HINTS if any(sign in text for sign in signs)][:1]
    hints += [f"see {log}"] if log else []
    return PipError(
        "pip-failed",
        f"pip {what}: {_reason(output)}",
        hint="; ".join(hints) or "run pip in the environment to see all of its output",
    )


def _reason(output: Sequence[str]) -> str:
    """Find the reason in pip's output: a conflict, its last error, or the failure of a build."""
    if _CONFLICT in output:
        following = output[output.index(_CONFLICT) + 1 :]
        listed = itertools.takewhile(lambda line: line.startswith(" "), following)
        return "; ".join(line.strip() for line in listed)
    errors = [match[1] for line in output if (match := _ERROR.match(line))]
    steps = [line.lstrip(f"{_STEP_MARK} ") for line in output if line.startswith(_STEP_MARK)]
    causes = [match[1] for line in output if (match := _CAUSE.match(line))]
    found = [part.rstrip(".") for part in ((errors or steps)[-1:] + causes[-1:])]
    found = [part for part in found if not any(part in other for other in found if other != part)]
    return "; ".join(found) or (output[-1] if output else "it printed nothing")
