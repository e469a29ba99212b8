"""Start-up, and ``create --dry-run`` against py-rattler.

usage: ./dev bench startup CHANNEL SPEC...     (a channel's folder or URL; default: none)

With a channel, an environment of the specs is made first (its packages have to be there), for
`list`, `run` and an `install` that finds nothing to do; bench/make_channel.py makes a channel.

Claims measured here:
  - `minicon --version` costs little more than a bare python, `list` less than twice as much
  - `run` costs less than one and a half times a bare python
  - an `install` of what is there takes 0.15 s and asks no server
  - `create --dry-run` from a warm cache is quicker than py-rattler's process doing the same
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import compare, print_table

#: A console script as pip wrote it until 2025: it imports ``re`` before minicon.
OLDER_SCRIPT = """
import re
import sys
from minicon.__main__ import command
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(command())
"""

RATTLER = """
import asyncio, sys
from rattler import Gateway, MatchSpec, Subdir, VirtualPackage, solve
channel, cache, *specs = sys.argv[1:]
asyncio.run(solve(
    sources=[channel],
    specs=[MatchSpec(spec) for spec in specs],
    platforms=[Subdir.current(), Subdir("noarch")],
    gateway=Gateway(cache_dir=cache),
    virtual_packages=VirtualPackage.detect(),
))
"""


def main() -> None:
    minicon = str(Path(sys.executable).with_name("minicon"))
    bare = [sys.executable, "-c", "pass"]
    with tempfile.TemporaryDirectory() as folder:
        older = Path(folder, "minicon")
        older.write_text(OLDER_SCRIPT)
        print_table(
            "start-up",
            compare(
                {
                    "minicon --version": [minicon, "--version"],
                    "the same, script of an older pip": [sys.executable, str(older), "--version"],
                    "python -c 'import re'": [sys.executable, "-c", "import re"],
                    "minicon env list": [minicon, "env", "list"],
                    "minicon shell.bash hook": [minicon, "shell.bash", "hook"],
                    "python -c pass": bare,
                }
            ),
        )
    if len(sys.argv) > 2:
        channel, specs = sys.argv[1], sys.argv[2:]
        if "://" not in channel:
            channel = Path(channel).absolute().as_uri()
        with tempfile.TemporaryDirectory() as root:
            in_an_environment(minicon, root, channel, specs)
        dry_run(minicon, channel, specs)


def in_an_environment(minicon: str, root: str, channel: str, specs: list[str]) -> None:
    """What is done often in an environment that stays as it is."""
    environ = {"MINICON_ROOT": root}
    source = ["--no-pypi", "-c", channel, "--override-channels"]
    create = [minicon, "create", "-y", "-q", "-n", "bench", *source, *specs]
    subprocess.run(create, check=True, env={**os.environ, **environ})
    listed = [minicon, "list", "-n", "bench"]
    print_table(
        f"an environment with {' '.join(specs)}",
        compare(
            {
                "list": listed,
                "list --json": [*listed, "--json"],
                "env list": [minicon, "env", "list"],
                "run -n bench true": [minicon, "run", "-n", "bench", "true"],
                "install, nothing to do": [
                    minicon,
                    "install",
                    "-y",
                    "-n",
                    "bench",
                    *source,
                    *specs,
                ],
                "python -c pass": [sys.executable, "-c", "pass"],
            },
            environ=environ,
        ),
    )


def dry_run(minicon: str, channel: str, specs: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours = [minicon, "create", "-n", "bench", "--dry-run", "--json", "--no-pypi"]
        print_table(
            f"create --dry-run {' '.join(specs)}, warm",
            compare(
                {
                    "minicon": [*ours, "-c", channel, "--override-channels", *specs],
                    "py-rattler": [sys.executable, "-c", RATTLER, channel, f"{folder}/r", *specs],
                },
                environ={"MINICON_ROOT": f"{folder}/m"},
            ),
        )


if __name__ == "__main__":
    main()
