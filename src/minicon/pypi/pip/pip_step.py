"""install_with_pip: what only pip can do, after everything else is in place.

Source distributions, version control, editable folders: they have to be built, and building is
pip's trade. Every package that the environment holds already is a constraint, so pip adds to
what was solved and never changes it. What such a package depends on and nobody knew before it
was built, pip installs too, under the same constraints.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from minicon.errors import PipError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.models.reporter import SilentReporter
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Reporter
    from minicon.pypi.requirements.index_options import IndexOptions
    from minicon.pypi.requirements.requirements import PipRequirement

#: Variables of the caller that would make pip install elsewhere, or otherwise than asked.
_UNWANTED = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
    "PIP_PYTHON",
    "PIP_DRY_RUN",
    "PIP_REPORT",
    "PIP_LOG",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
_LOG = "pip.log"
#: Lines of pip's output that are kept to find the reason of a failure in.
_KEPT_LINES = 200
#: Seconds that an interrupted pip has to tidy up after itself.
_PATIENCE = 10
#: No user site, no current folder on sys.path; output as it comes, in UTF-8.
_ISOLATED = ("-I", "-u", "-X", "utf8")
_HAS_PIP = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)"
#: What pip writes before the step of a build that failed.
_STEP_MARK = "\N{MULTIPLICATION SIGN}"
_ERROR = lazy_pattern(r"error:\s*(\S+ .*)", re.IGNORECASE)
_CAUSE = lazy_pattern(r"\s*((?:[\w.]+(?:Error|Exception): |error: (?=\S+ )|fatal: ).*)")
_CONFLICT = "The conflict is caused by:"
_HINTS = (
    (("Microsoft Visual C++", "gcc", "command 'cc'", "compiler"),
     "add a compiler to the environment, for instance c-compiler, and try again"),
    (("No matching distribution", "Could not find a version"),
     "check the name and versions; what the environment holds already must fit, too"),
    (("conflict", "ResolutionImpossible"),
     "it contradicts what the environment holds: loosen a version, or leave the package out"),
    (("does not appear to be a Python project", "Neither 'setup.py'"),
     "the folder needs a pyproject.toml or setup.py"),
    (("git: command", "Cannot find command 'git'"), "add git to the environment"),
)  # fmt: skip


def install_with_pip(
    prefix_python: Path,
    requirements: Sequence[PipRequirement],
    *,
    constraints: Iterable[str],
    environ: Mapping[str, str],
    reporter: Reporter | None = None,
    options: IndexOptions | None = None,
    log: Folder | None = None,
    no_deps: bool = False,
    offline: bool = False,
) -> None:
    """Install requirements into an environment by pip.

    Args:
        prefix_python: The environment's own interpreter.
        requirements: What to install.
        constraints: ``name==version`` of everything that is installed (see
            :func:`minicon.pypi.pip.installed.installed_constraints`); what pip could not read as
            such, a conda version for instance, is left out.
        environ: Variables of the activated environment; pip's own settings in it count.
        reporter: Told of what pip does.
        options: Index options of the requirement file, on top of the machine's.
        log: Everything that pip says is appended to ``pip.log`` in this folder (credentials
            masked).
        no_deps: Do not install what the requirements depend on.
        offline: Let pip use no index: only what is on this machine.

    Raises:
        PipError: ``pip-missing``, ``pip-failed`` (with pip's own last error).
    """
    if not requirements:
        return
    reporter = reporter or SilentReporter()
    with tempfile.TemporaryDirectory(prefix="minicon-pip-") as folder:
        asked = Path(folder) / "requirements.txt"
        limits = Path(folder) / "constraints.txt"
        lines = [*_option_lines(options), *(requirement.text for requirement in requirements)]
        operations.create_file(asked, "\n".join([*lines, ""]).encode(), 0o600)
        known = sorted({text for text in constraints if _is_readable(text)})
        operations.create_file(limits, "\n".join([*known, ""]).encode())
        variables = _variables(environ, offline=offline)
        command = [*_pip(prefix_python, variables), "install", *_FLAGS]
        command += ["--requirement", str(asked), "--constraint", str(limits)]
        command += ["--no-deps"] * no_deps
        output = _run(command, variables, reporter, log)
    if output is not None:
        raise _failure(requirements, output, log)


_FLAGS = (
    "--no-input",
    "--no-color",
    "--progress-bar=off",
    "--disable-pip-version-check",
    "--no-warn-script-location",
    "--upgrade-strategy=only-if-needed",
)


def _pip(python: Path, variables: Mapping[str, str]) -> list[str]:
    """The environment's own pip, else the one that minicon depends on, told where to install."""
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
        return [str(python), *_ISOLATED, "-m", "pip"]
    return [sys.executable, *_ISOLATED, "-m", "pip", "--python", str(python)]


def _variables(environ: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """The child's environment: nothing of the user's own packages, nothing installed elsewhere."""
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


def _option_lines(options: IndexOptions | None) -> list[str]:
    """Index options as lines of the requirement file: arguments could be read by every process."""
    if options is None:
        return []
    return [
        *([f"--index-url {options.index_url}"] if options.index_url else []),
        *(f"--extra-index-url {url}" for url in options.extra_index_urls),
        *(f"--find-links {place}" for place in options.find_links),
        *(f"--trusted-host {host}" for host in options.trusted_hosts),
        *(["--no-index"] if options.no_index else []),
        *(["--pre"] if options.pre else []),
    ]


def _is_readable(constraint: str) -> bool:
    try:
        return bool(Requirement(constraint).specifier)
    except InvalidRequirement:
        return False


def _run(
    command: Sequence[str], variables: Mapping[str, str], reporter: Reporter, log: Folder | None
) -> list[str] | None:
    """Run pip to its end. Gives its last lines if it failed, else None."""
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    task = reporter.start("link", "pip", None, "lines")
    process = subprocess.Popen(
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        for line in process.stdout or ():
            line = redact(line.rstrip())
            kept.append(line)
            task.advance(1)
            if line.startswith(("Successfully installed", "WARNING")):
                reporter.note(f"pip: {line}")
            if log is not None:
                log.append_file(_LOG, f"{line}\n".encode())
        return list(kept) if process.wait() else None
    finally:
        _end(process)
        task.finish()


def _end(process: subprocess.Popen[str]) -> None:
    """Whatever happened here, no pip goes on changing the environment behind our back."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _failure(
    requirements: Sequence[PipRequirement], output: Sequence[str], log: Folder | None
) -> PipError:
    what = ", ".join(r.name or str(r) for r in requirements[:3])
    more = f" and {len(requirements) - 3} more" if len(requirements) > 3 else ""
    text = "\n".join(output)
    hints = (hint for signs, hint in _HINTS if any(sign in text for sign in signs))
    where = (
        f"see {log.path}/{_LOG}" if log else "run pip by hand in the environment to see all of it"
    )
    return PipError(
        "pip-failed",
        f"pip could not install {what}{more}: {_reason(output)}",
        hint=next(hints, where),
    )


def _reason(output: Sequence[str]) -> str:
    """What says most in pip's output: a conflict, its last error, or what a build ended with."""
    if _CONFLICT in output:
        behind = output[output.index(_CONFLICT) + 1 :]
        listed = itertools.takewhile(lambda line: line.startswith(" "), behind)
        return "; ".join(line.strip() for line in listed)
    errors = [match[1] for line in output if (match := _ERROR.match(line))]
    if errors:
        return errors[-1]
    steps = [line.lstrip(f"{_STEP_MARK} ") for line in output if line.startswith(_STEP_MARK)]
    causes = [match[1] for line in output if (match := _CAUSE.match(line))]
    found = [part.rstrip(".") for part in (steps[-1:] + causes[-1:])]
    return "; ".join(found) or (output[-1] if output else "it said nothing")
