"""Resolutions of PyPI requirements beside ``uv pip compile``: time, refusals, equal versions.

    ./dev bench resolve_wheels [--runs N] [--sections DIR] [REQUIREMENT...]

Whole processes in turns, offline, after a run of each that fills the caches. Thirty requirements
are resolved; then what was found is pinned, with one pin that contradicts another, and refused.
``--sections`` compares the versions for every ``pip:`` section of the environment files in a
folder instead.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from create_wheels import find_uv
from measure import compare, print_table

from minicon.models.package_names import normalize_pypi_name

EVERYDAY = (
    "requests flask django fastapi sqlalchemy pydantic numpy pandas scipy matplotlib scikit-learn "
    "seaborn jupyterlab ipython pytest black ruff mypy httpx boto3 celery redis pillow rich typer "
    "click jinja2 beautifulsoup4 lxml openpyxl"
)
#: Requests needs a newer urllib3.
REFUSED = "urllib3==1.20"
PYTHON = "{}.{}".format(*sys.version_info)
_MINOR = re.compile(r"- python *=+ *(3\.\d+)")
_SECTION = re.compile(r"^(\s*)- pip:\s*\n((?:\1\s+- .*\n?)+)", re.MULTILINE)


def minicon(requirements: list[str], python: str = PYTHON) -> list[str]:
    """The command that plans an environment of an interpreter and wheels."""
    command = [sys.executable, "-m", "minicon", "create", "-n", "bench", "--dry-run", "--json"]
    command += ["-c", "host", "-c", "pypi", "--override-channels", f"python={python}"]
    return [*command, *(f"pypi:{each}" for each in requirements)]


def uv(path: Path, requirements: list[str], python: str = PYTHON) -> list[str]:
    """uv's command for the same."""
    path.write_text("\n".join(requirements) + "\n")
    program = find_uv()
    if program is None:
        sys.exit("uv is not here")
    command = [program, "pip", "compile", "-q", "--no-header", "--no-annotate"]
    return [*command, "--python-version", python, str(path)]


def in_turns(work: Path, requirements: list[str], runs: int, title: str) -> list[str]:
    """Time both on the same requirements; returns what minicon chose as pins."""
    commands = {
        "minicon create --dry-run": minicon(requirements),
        "uv pip compile": uv(work / "requirements.txt", requirements),
    }
    outputs = [
        subprocess.run(each, capture_output=True, text=True, check=False)
        for each in commands.values()
    ]
    offline = {
        name: ["sh", "-c", '"$@" || true', "sh", *argv, "--offline"]
        for name, argv in commands.items()
    }
    print_table(title, compare(offline, runs=runs))
    if outputs[0].returncode or outputs[1].returncode:
        answer = json.loads(outputs[0].stdout)
        print("minicon:", answer.get("message"), "\nuv:", outputs[1].stderr.strip())
        return []
    return [f"{name}=={version}" for name, version in chosen(outputs[0].stdout).items()]


def python_in(output: str) -> str | None:
    """The version of python in minicon's answer; None if it failed."""
    linked = json.loads(output or "{}").get("actions", {}).get("LINK", ())
    return next((each["version"] for each in linked if each["name"] == "python"), None)


def chosen(output: str) -> dict[str, str]:
    """The versions of wheels, and of what pip builds, in minicon's answer; empty if it failed."""
    answer = json.loads(output)
    found = {
        each["name"]: each["version"]
        for each in answer.get("actions", {}).get("LINK", ())
        if each["channel"] == "pypi"
    }
    for each in answer.get("pip", ()):
        text = each["requirement"] if isinstance(each, dict) else str(each)
        name, _, version = text.partition("==")
        found[normalize_pypi_name(name.partition("[")[0])] = version
    return found


def sections(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, python and requirements of every ``pip:`` section; options, paths and URLs left out."""
    for path in sorted(folder.glob("*.y*ml")):
        text = path.read_text(errors="replace")
        minor, found = _MINOR.search(text), _SECTION.search(text)
        if found is None:
            continue
        lines = [line.strip().removeprefix("- ").strip("\"'") for line in found[2].splitlines()]
        lines = [re.split(r" #| --", line)[0].strip() for line in lines]
        lines = [each for each in lines if re.match(r"[A-Za-z0-9]", each) and "://" not in each]
        if lines:
            yield path.name, minor[1] if minor else PYTHON, lines


def compare_versions(work: Path, folder: Path) -> None:
    equal = different = 0
    for name, python, requirements in sections(folder):
        own = subprocess.run(
            minicon(requirements, python), capture_output=True, text=True, check=False
        )
        # Some projects need a patch release of python.
        command = uv(work / "requirements.txt", requirements, python_in(own.stdout) or python)
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        if own.returncode or other.returncode:
            answer = json.loads(own.stdout or "{}")
            reason = answer.get("message", "solved").splitlines()[0]
            theirs = other.stderr.strip().splitlines()[:1] if other.returncode else ["solved"]
            print(f"{name}\n  minicon: {reason}\n  uv: {' '.join(theirs)}", flush=True)
            continue
        ours = chosen(own.stdout)
        lines = [line.partition(" ")[0] for line in other.stdout.splitlines() if "==" in line]
        their = {normalize_pypi_name(a): b for a, _, b in (line.partition("==") for line in lines)}
        if "pip" not in their:
            ours.pop("pip", None)
        both = ours.keys() | their.keys()
        unequal = [each for each in sorted(both) if ours.get(each) != their.get(each)]
        equal += len(both) - len(unequal)
        different += len(unequal)
        texts = [f"{each} {ours.get(each)} (uv: {their.get(each)})" for each in unequal]
        print(f"{name}: {len(both)} packages, {', '.join(texts) or 'all equal'}", flush=True)
    print(f"{equal} of {equal + different} packages equal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requirements", nargs="*", default=EVERYDAY.split(" "))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sections", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        work = Path(name)
        (work / "home").mkdir()
        os.environ.update(HOME=str(work / "home"), MINICON_ROOT=str(work / "root"))
        for each in [each for each in os.environ if each.startswith("PIP_") and each != "PIP_CERT"]:
            del os.environ[each]  # uv does not read pip's configuration
        os.environ["PIP_CONFIG_FILE"] = os.devnull
        os.environ["UV_CACHE_DIR"] = str(work / "uv-cache")
        if arguments.sections is not None:
            compare_versions(work, arguments.sections)
            return
        title = f"{len(arguments.requirements)} requirements"
        pins = in_turns(work, arguments.requirements, arguments.runs, title)
        kept = [each for each in pins if not each.startswith("urllib3==")]
        in_turns(work, [*kept, REFUSED], arguments.runs, f"{len(kept) + 1} pins, refused")


if __name__ == "__main__":
    main()
