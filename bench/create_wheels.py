"""A warm ``create`` from an interpreter of this machine and wheels, beside uv and virtualenv.

Whole processes in turns: minicon copies the interpreter into the environment (by links), or points
to it as the others do (``host_python: link``). All have everything in their caches, and ask no
network (``--offline``); the others are told the interpreter's path. "not kept" has a
limit of age, for which no solution is kept.

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
        bare = with_pip_alone(work, arguments.python)
        for argv in bare.values():
            online = [part.replace(" --offline", "").replace(" --no-download", "") for part in argv]
            subprocess.run(online, check=True, env={**os.environ, **environ}, capture_output=True)
        print_table(
            "warm create: python with pip", compare(bare, runs=arguments.runs, environ=environ)
        )


def contestants(work: Path, python: str, projects: list[str]) -> dict[str, list[str]]:
    commands = minicon_commands(work, f"python={python}", *projects)
    uv = find_uv()
    if uv is None:
        print("uv is not here")
        return commands
    target = f"{work}/uv-env-$$"
    install = f"{uv} pip install -q --offline --python {target}/bin/python {' '.join(projects)}"
    script = f"{uv} venv -q --offline --python {interpreter(python)} {target} && {install}"
    return {**commands, "uv venv + uv pip install": ["sh", "-c", script]}


def interpreter(python: str) -> str:
    """The path of the python of that version, so that no peer has to look for it."""
    path = Path(sys.base_prefix, "bin", f"python{python}")
    return str(path) if path.exists() else python


def minicon_commands(work: Path, *specs: str) -> dict[str, list[str]]:
    """The layouts of a host python, and a create whose solution was not kept."""
    create = [sys.executable, "-m", "minicon", "create", "-y", "-q", "--offline"]
    create += ["-p", f"{work}/minicon-env-NUMBER", *specs]
    linked = ["env", "MINICON_HOST_PYTHON=link", *create]
    return {
        "minicon create, not kept": in_new_place([*create, "--exclude-newer", "2100-01-01"]),
        "minicon create": in_new_place(create),
        "minicon create, linked": in_new_place(linked),
    }


def with_pip_alone(work: Path, python: str) -> dict[str, list[str]]:
    """``create python`` with pip, beside virtualenv and ``uv venv --seed``."""
    commands = minicon_commands(work, f"python={python}")
    virtualenv = Path(sys.executable).with_name("virtualenv")
    if virtualenv.exists():
        argv = [str(virtualenv), "-q", "--no-download", "--python", interpreter(python)]
        commands["virtualenv"] = in_new_place([*argv, f"{work}/virtualenv-NUMBER"])
    if uv := find_uv():
        argv = [uv, "venv", "-q", "--offline", "--seed", "--python", interpreter(python)]
        commands["uv venv --seed"] = in_new_place([*argv, f"{work}/seeded-NUMBER"])
    return commands


def count_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


if __name__ == "__main__":
    main()
