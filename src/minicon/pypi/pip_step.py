"""install_with_pip: build and install what only pip can, after all other packages are linked.

Source distributions, version control and editable folders have to be built, which pip does. Every
package that is already installed is a constraint, so that pip adds to the solution and never
changes it. Dependencies that are known only after the build are installed by pip too, under the
same constraints.
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

from minicon.errors import PackageError, PipError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_names import normalize_pypi_name
from minicon.models.reporter import SilentReporter
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import is_project_name, parse_version
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.fs.folder import Folder
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.reporter import Reporter
    from minicon.pypi.requirements.requirements import IndexOptions

#: Metadata of installed distributions, relative to site-packages.
_INSTALLED_METADATA = ("*.dist-info/METADATA", "*.egg-info/PKG-INFO")
#: The caller's variables that would make pip install into another directory or in another way.
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
#: How many last lines of pip's output are searched for the reason of a failure.
_KEPT_LINES = 200
#: Seconds that an interrupted pip has to clean up.
_GRACE_PERIOD = 10
#: No user site, no current folder on sys.path; unbuffered output in UTF-8.
_ISOLATED = ("-I", "-u", "-X", "utf8")
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
    """Install requirements into an environment with pip.

    Args:
        prefix_python: The environment's own interpreter.
        requirements: What to install.
        constraints: ``name==version`` of everything that is installed (see
            :func:`installed_constraints`); those that pip cannot parse, with a conda version
            for instance, are left out.
        environ: Variables of the activated environment; pip's settings in it apply.
        reporter: Receives pip's progress.
        options: Index options of the requirement file, in addition to pip's configuration.
        log: Folder in which pip's output is appended to ``pip.log`` (credentials masked).
        no_deps: Do not install dependencies.
        offline: Let pip use no index, only files of this machine.

    Raises:
        PipError: ``pip-failed`` (with pip's own last error).
    """
    if not requirements:
        return
    reporter = reporter or SilentReporter()
    with tempfile.TemporaryDirectory(prefix="minicon-pip-") as folder:
        requirement_file = Path(folder) / "requirements.txt"
        constraint_file = Path(folder) / "constraints.txt"
        lines = [*_option_lines(options), *(requirement.text for requirement in requirements)]
        operations.create_file(requirement_file, "\n".join([*lines, ""]).encode(), 0o600)
        known = sorted({text for text in constraints if _is_valid_constraint(text)})
        operations.create_file(constraint_file, "\n".join([*known, ""]).encode())
        variables = _variables(environ, offline=offline)
        command = [*_pip(prefix_python, variables), "install", *_FLAGS]
        command += ["--requirement", str(requirement_file), "--constraint", str(constraint_file)]
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
        return [str(python), *_ISOLATED, "-m", "pip"]
    return [sys.executable, *_ISOLATED, "-m", "pip", "--python", str(python)]


def _variables(environ: Mapping[str, str], *, offline: bool) -> dict[str, str]:
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


def _option_lines(options: IndexOptions | None) -> list[str]:
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


def _is_valid_constraint(constraint: str) -> bool:
    try:
        return bool(Requirement(constraint).specifier)
    except InvalidRequirement:
        return False


def _run(
    command: Sequence[str], variables: Mapping[str, str], reporter: Reporter, log: Folder | None
) -> list[str] | None:
    """Run pip until it exits. Returns its last lines if it failed, else None."""
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
    """Make sure, after an error too, that pip no longer runs and changes the environment."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_PERIOD)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _failure(
    requirements: Sequence[PipRequirement], output: Sequence[str], log: Folder | None
) -> PipError:
    names = ", ".join(r.name or str(r) for r in requirements[:3])
    more = f" and {len(requirements) - 3} more" if len(requirements) > 3 else ""
    text = "\n".join(output)
    hints = (hint for signs, hint in _HINTS if any(sign in text for sign in signs))
    log_hint = (
        f"see {log.path}/{_LOG}" if log else "run pip in the environment to see all of its output"
    )
    return PipError(
        "pip-failed",
        f"pip could not install {names}{more}: {_reason(output)}",
        hint=next(hints, log_hint),
    )


def _reason(output: Sequence[str]) -> str:
    """Find the reason in pip's output: a conflict, its last error, or the failure of a build."""
    if _CONFLICT in output:
        following = output[output.index(_CONFLICT) + 1 :]
        listed = itertools.takewhile(lambda line: line.startswith(" "), following)
        return "; ".join(line.strip() for line in listed)
    errors = [match[1] for line in output if (match := _ERROR.match(line))]
    if errors:
        return errors[-1]
    steps = [line.lstrip(f"{_STEP_MARK} ") for line in output if line.startswith(_STEP_MARK)]
    causes = [match[1] for line in output if (match := _CAUSE.match(line))]
    found = [part.rstrip(".") for part in (steps[-1:] + causes[-1:])]
    return "; ".join(found) or (output[-1] if output else "it printed nothing")


def installed_constraints(site_packages: Path) -> list[str]:
    """Return ``name==version`` of every distribution in a site-packages folder, by name.

    They are read from the distributions' own metadata, since the name and version of a conda
    package may differ from those that pip uses. Costs reading one small file per distribution.
    """
    found = {}
    for pattern in _INSTALLED_METADATA:
        for path in site_packages.glob(pattern):
            try:
                metadata = CoreMetadata.from_text(path.read_text("utf-8", "replace"))
            except (OSError, PackageError):
                continue
            version = parse_version(metadata.version)
            if is_project_name(metadata.name) and version is not None:
                found[normalize_pypi_name(metadata.name)] = str(version)
    return [f"{name}=={version}" for name, version in sorted(found.items())]
