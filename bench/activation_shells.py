"""Activation against a bare shell, and `run` against a bare interpreter: medians of many runs.

python bench/activation_shells.py [ROUNDS]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from minicon.shell.activation_files import write_activation_files
from minicon.shell.commands import ShellContext, shell_context
from minicon.shell.hook import HookFacts, render_hook_files

SOURCE = str(Path(__file__).parent.parent / "src")
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
}


def environment(root: Path) -> Path:
    """An environment with five variables, one of them by a package."""
    prefix = root / "envs" / "data"
    for folder in ("bin", "conda-meta", "etc/conda/env_vars.d"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    table = {f"VARIABLE_{n}": "a value" for n in range(4)}
    (prefix / "conda-meta/state").write_text(json.dumps({"env_vars": table}))
    (prefix / "etc/conda/env_vars.d/p.json").write_text('{"PACKAGE": "x"}')
    write_activation_files(prefix, prefix)
    return prefix


def written_hook(shell: str, context: ShellContext, root: Path) -> Path:
    """The files that `minicon init` writes; the last is the one that start files source."""
    facts = HookFacts("/nowhere/minicon", context.options, context.envs_dirs, context.environ)
    for name, text in render_hook_files(shell, facts, str(root)).items():
        path = root / name
        path.write_text(text)
    return path


def seconds(command: list[str], environ: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def compare(cases: dict[str, list[str]], environ: dict[str, str], rounds: int) -> None:
    """Interleaved, so that a busy machine is unfair to all alike."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, command in cases.items():
            times[name].append(seconds(command, environ))
    bare = next(iter(times.values()))
    base, quick_base = statistics.median(bare), statistics.quantiles(bare, n=10)[0]
    for name, each in times.items():
        median, quick = statistics.median(each), statistics.quantiles(each, n=10)[0]
        print(
            f"{name:<34} {median * 1000:7.2f} ms  +{(median - base) * 1000:6.2f} ms"
            f"  {median / base:5.2f} x   lower decile +{(quick - quick_base) * 1000:6.2f} ms",
            flush=True,
        )
    print()


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prefix = environment(root)
        environ = {"PATH": os.environ["PATH"], "HOME": folder, "MINICON_ROOT": folder}
        context = shell_context(environ, home=folder, cwd=folder)
        for shell, start in SHELLS.items():
            if not shutil.which(start[0]):
                continue
            hook = written_hook(shell, context, root)
            compare(
                {
                    f"{shell}": [*start, "-c", ":"],
                    f"{shell} + hook": [*start, "-c", f". {hook}"],
                    f"{shell} + hook + activate": [
                        *start,
                        "-c",
                        f". {hook}; minicon activate data",
                    ],
                },
                environ,
                rounds,
            )
        program = str(Path(sys.executable).parent / "minicon")
        compare(
            {
                "python -c pass": [sys.executable, "-c", "pass"],
                "minicon --version": [program, "--version"],
                "minicon run -n data true": [program, "run", "-n", "data", "true"],
            },
            environ,
            rounds,
        )
        python = [sys.executable, "-ISc"]
        code = f"import sys; sys.path.insert(0, {SOURCE!r}); "
        run = "from minicon.shell.run import run_in_environment as r; "
        text = "from minicon.shell.commands import shell_context as c, hook_text as h; "
        compare(
            {
                "python -IS -c pass": [*python, "pass"],
                "run true": [*python, f"{code}{run}r({str(prefix)!r}, ['true'])"],
                "shell.bash hook": [
                    *python,
                    (
                        f"{code}{text}import os; "
                        f"h('bash', '/x', context=c(os.environ, home='/h', cwd='/'))"
                    ),
                ],
            },
            environ,
            rounds,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
