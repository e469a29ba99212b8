"""Record the pictures of docs/pictures/: real runs, with real packages.

usage: ./dev docs --pictures [NAME...]            run the scenes and draw them
       ./dev docs --pictures --check [NAME...]    run them; print those whose words have changed

Versions, sizes and times differ from day to day, and are not compared; what is slow differs from
run to run, so that lines of progress are not checked. The first run builds the
demonstration channel (``channels/demo``) from wheels of PyPI, in ``build/pictures``. The user's home
has a short path, so that a command that cuts paths shows none of this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import terminal  # beside this file

ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"
WORK = ROOT / "build" / "pictures"
MINICON = ROOT / ".venv" / "bin" / "minicon"
#: Run before a scene, unseen; an environment that an earlier scene created is removed.
_DATA = "minicon create -y -q -n data python=3.11 numpy rich pypi:httpx"

#: Title, commands (or a command and the answer to its question), and what is run before.
SCENES: dict[str, tuple[str, list[str | tuple[str, str]], str]] = {
    "create": (
        "Create an environment from three sources, activate it, and go back",
        [
            ("minicon create -n data python=3.11 numpy rich httpx", "y"),
            "minicon activate data",
            "python -c 'import numpy; print(numpy.__version__)'",
            "minicon why certifi",
            "minicon deactivate",
        ],
        "",
    ),
    "progress": (
        "The lines of progress of a create, each at one moment",
        ["minicon create -y -n lab python=3.11 numpy pandas scipy"],
        "",
    ),
    "conflict": (
        "A conflict is explained, with alternatives that were tested",
        ["minicon create -n old python=3.9 numpy=2.2 rich"],
        "",
    ),
    "undo": (
        "Undo the last change",
        [
            ("minicon install -n dev ninja httpx=0.27", "y"),
            "minicon history -n dev",
            ("minicon undo -n dev", "y"),
        ],
        "minicon create -yqn dev rich httpx",
    ),
    "look": (
        "Look at an environment",
        ["minicon list -n data", "minicon tree -n data", "minicon du"],
        _DATA,
    ),
    "search": (
        "Search a channel, and a name that does not exist",
        [
            "minicon search numpy",
            "minicon create -n ml sklearn",
            ("minicon install -n data numpi", "n"),
        ],
        _DATA,
    ),
    "help": ("The help of a command", ["minicon install --help"], ""),
    "repair": (
        "Find and repair a changed file",
        [
            "rm .local/share/minicon/envs/data/lib/python3.11/site-packages/rich/table.py",
            "minicon doctor -n data",
            "minicon doctor --fix -n data",
        ],
        _DATA,
    ),
}


def variables(home: Path) -> dict[str, str]:
    """Return the variables of a user who has just installed minicon."""
    kept = {k: v for k, v in os.environ.items() if k in ("LANG", "SSL_CERT_FILE") or "PIP_" in k}
    return {
        "LANG": "C.UTF-8",
        **kept,
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
        "HOME": str(home),
        "HISTFILE": "",
        "MINICON_CHANNELS": f"{home / 'demo-channel'},host,pypi",
        "TERM": "xterm-256color",
    }


def prepare(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "minicon").symlink_to(MINICON)
    (home / "demo-channel").symlink_to(WORK / "demo-channel")
    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / "demo-channel" / "channeldata.json").exists():
        command = [MINICON, "channel", "build", ROOT / "channels" / "demo", WORK / "demo-channel"]
        subprocess.run(command, env=variables(home), check=True)


def run_scene(name: str, home: Path) -> terminal.Screen:
    _, lines, before = SCENES[name]
    shutil.rmtree(home / ".local" / "share" / "minicon" / "envs", ignore_errors=True)
    start = 'eval "$(minicon shell.bash hook)"; clear; ' + (before or ":")
    return terminal.record(lines, variables(home), home, start=start, moments=name == "progress")


def words(svg: str) -> str:
    """Return the text of a picture without what differs from day to day."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return re.sub(r"\d[\w.]*( [KMG]iB)?|[-─]{2,}| +", " ", " ".join(texts))


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    names = [name for name in arguments if not name.startswith("-")] or list(SCENES)
    names = [name for name in names if not (check and name == "progress")]
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="me-") as home:
        prepare(Path(home))
        return _draw(names, Path(home), check=check)


def _draw(names: list[str], home: Path, *, check: bool) -> int:
    changed = 0
    for name in names:
        path = PICTURES / f"{name}.svg"
        drawn = terminal.draw(run_scene(name, home), SCENES[name][0])
        if not check:
            path.write_text(drawn)
            sys.stdout.write(f"wrote {path}\n")
        elif not path.exists() or words(path.read_text()) != words(drawn):
            changed += 1
            sys.stdout.write(f"{path} shows another screen; run ./dev docs --pictures {name}\n")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
