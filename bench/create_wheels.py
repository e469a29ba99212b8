"""A warm ``create`` from an interpreter of this machine and wheels, beside uv.

Whole processes in turns: minicon copies the interpreter into the environment (by links), uv only
points to it. Both have everything in their caches; both ask no network (``--offline``).

    ./dev bench create_wheels [--runs N] [--python X.Y] [PROJECT...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import compare, in_new_place, print_table

PROJECTS = ("numpy", "pandas", "scipy")


def find_uv() -> str | None:
    """uv beside this python, or on PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="*", default=PROJECTS)
    parser.add_argument("--python", default="{}.{}".format(*sys.version_info))
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        work = Path(name)
        environ = {
            "HOME": str(work / "home"),
            "MINICON_ROOT": str(work / "root"),
            "UV_CACHE_DIR": str(work / "uv-cache"),
        }
        (work / "home").mkdir()
        commands = contestants(work, arguments.python, list(arguments.projects))
        for name, argv in commands.items():  # fill the caches, with the network
            online = [part.replace(" --offline", "") for part in argv]
            subprocess.run(online, check=True, env={**os.environ, **environ}, capture_output=True)
            made = max(work.glob(f"{name.partition(' ')[0]}-env-*"))
            print(f"{name}: {count_files(made)} files")
        rows = compare(commands, runs=arguments.runs, environ=environ)
        print_table(f"warm create: python {' '.join(arguments.projects)}", rows)


def contestants(work: Path, python: str, projects: list[str]) -> dict[str, list[str]]:
    create = [sys.executable, "-m", "minicon", "create", "-y", "-q", "--offline"]
    place = ["-p", f"{work}/minicon-env-NUMBER"]
    commands = {
        "minicon create": in_new_place([*create, *place, f"python={python}", *projects]),
    }
    uv = find_uv()
    if uv is None:
        print("uv is not here")
        return commands
    target = f"{work}/uv-env-$$"
    install = f"{uv} pip install -q --offline --python {target}/bin/python {' '.join(projects)}"
    script = f"{uv} venv -q --offline --python {python} {target} && {install}"
    return {**commands, "uv venv + uv pip install": ["sh", "-c", script]}


def count_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


if __name__ == "__main__":
    main()
