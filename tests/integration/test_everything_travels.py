"""One environment with all that packages can contain, moved to where its origin does not exist.

The old environment, minicon's root, the package cache and the interpreter that minicon copied are
hidden by empty file systems while the commands of the moved environment run.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder, build_channel

LONG = PREFIX_PLACEHOLDER + "_placeholder" * 18
NODE = shutil.which("node")
COMPILER = shutil.which("cc")
PROGRAM = """
#include <stdio.h>
static volatile const char prefix[] = "%s/share/greeting";
int main(void) { FILE *f = fopen((const char *) prefix, "r"); char line[80];
  return f && fgets(line, 80, f) && printf("%%s from %%s\\n", line, prefix) < 0; }
"""
LINUX = sys.platform == "linux" and shutil.which("unshare")
pytestmark = pytest.mark.skipif(not LINUX, reason="needs unshare")


def compiled(folder: Path) -> bytes:
    """Return a program that contains the placeholder in its read-only data."""
    if COMPILER is None:
        return b"#!/bin/sh\ncat '" + LONG.encode() + b"/share/greeting'; echo compiled\n"
    (folder / "main.c").write_text(PROGRAM % LONG)
    subprocess.run([COMPILER, "-O0", "-o", folder / "main", folder / "main.c"], check=True)
    return (folder / "main").read_bytes()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everything")
    tool = f"#!{LONG}/bin/python -E\nimport sys\nprint('script of', sys.prefix)\n"
    mode = "binary" if COMPILER else "text"
    parts = (
        PackageBuilder("parts")
        .file("bin/compiled", compiled(folder), prefix=LONG, mode=mode, executable=True)
        .file("bin/greet", f"#!/bin/sh\ncat '{LONG}/share/made'\n", prefix=LONG)
        .link("bin/greet-link", "greet")
        .file("share/greeting", "hello")
        .hard_link("share/same", "share/greeting")
        .link("share/linked", "same")
        .script("post-link", '#!/bin/sh\necho "made in $PREFIX" > "$PREFIX/share/made"\n')
        .file("etc/conda/activate.d/parts.sh", "export PARTS=$CONDA_PREFIX/share\n")
        .file("etc/conda/env_vars.d/parts.json", '{"PARTS_HOME": "here"}')
    )
    pure = (
        PackageBuilder("pure")
        .noarch("python")
        .depends("python >=3.8")
        .file("site-packages/pure/__init__.py", "def main():\n    print('noarch python')\n")
        .file("python-scripts/tool", tool, prefix=LONG, executable=True)
        .entry_point("pure-command = pure:main")
    )
    module = "#!/usr/bin/env node\nconsole.log('module of ' + process.execPath)\n"
    node = PackageBuilder("nodejs").file("lib/node_modules/tool/cli.js", module, executable=True)
    node = node.link("bin/js-tool", "../lib/node_modules/tool/cli.js")
    if NODE:
        node = node.file("bin/node", Path(NODE).resolve().read_bytes())
    return build_channel(folder / "channel", [parts, pure, node])


def everything(prefix: Path) -> tuple[str, list[str]]:
    """Return a script that uses all parts of an environment, and what it prints."""
    q = shlex.quote(str(prefix))
    script = f"""
        . {q}/bin/activate
        greet; greet-link; compiled; pure-command; tool; top-command
        python -c 'import ssl, sqlite3, ctypes, leaf, sys; print(sys.prefix, leaf.version)'
        python -m pure 2>/dev/null || python -c 'import pure; pure.main()'
        cat {q}/share/linked; echo; echo "$COLOUR $PARTS $PARTS_HOME $CONDA_PREFIX"
        [ {q}/share/same -ef {q}/share/greeting ] && echo hard link
    """
    expected = [
        *(f"made in {prefix}",) * 2,
        f"hello from {prefix}/share/greeting" if COMPILER else "hellocompiled",
        "noarch python",
        f"script of {prefix}",
        "top runs",
        f"{prefix} 2.0",
        "noarch python",
        "hello",
        f"it's blue {prefix}/share here {prefix}",
        "hard link",
    ]
    if NODE:
        script += "\njs-tool"
        expected.append(f"module of {prefix}/bin/node")
    return script, expected


def copied_installation(prefix: Path) -> str:
    """Return the directory of the interpreter that was copied into an environment."""
    (record,) = (prefix / "conda-meta").glob("python-*.json")
    installation = Path(json.loads(record.read_text())["interpreter"]).parents[1]
    if installation in (Path("/usr"), Path("/usr/local")):
        pytest.skip("the system's own directory cannot be hidden")
    return str(installation)


def run_alone(script: str, hidden: list[str]) -> list[str]:
    """Run a script where some directories are empty; return the lines that it prints."""
    mounts = "".join(f"mount -t tmpfs none {shlex.quote(path)}\n" for path in hidden)
    # As an ordinary user in its own namespaces; the superuser of a container may not map users.
    own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    command = [*own, "env", "-i", "PATH=/usr/bin:/bin", "bash", "-e"]
    if subprocess.run([*command, "-c", mounts], check=False, capture_output=True).returncode:
        pytest.skip("directories cannot be hidden here")
    done = subprocess.run(
        command, input=f"{mounts}\n{script}", check=False, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_everything_runs_elsewhere(workspace: Workspace, packages: Path, tmp_path: Path) -> None:
    """Extracted by tar and completed by conda-unpack, for a known path, and by minicon."""
    workspace.environ["MINICON_CHANNELS"] = f"{packages.as_uri()},host"
    words = ("python=*[build=*portable]", "parts", "pure", "nodejs", "pypi:top")
    created = workspace.run("create", "-y", "-n", "a", *words)
    if "portable" in created.err and created.code:
        pytest.skip("this machine has no python that can be copied")
    created.ok()
    workspace.run("env", "config", "vars", "set", "-n", "a", "COLOUR=it's blue").ok()
    for name in ("python3", "python"):
        link = os.readlink(workspace.environment("a") / "bin" / name)
        assert not os.path.isabs(link)
    target = tmp_path / "a moved tree" / ("long" * 12) / "env"
    known = tmp_path / "known"
    workspace.run("pack", "-n", "a", "-o", "a.tar").ok()
    workspace.run("pack", "-n", "a", "-o", "known", "--dest-prefix", str(known)).ok()
    workspace.run("unpack", "a.tar", "by minicon").ok()
    target.mkdir(parents=True)
    subprocess.run(["tar", "xf", tmp_path / "a.tar", "-C", target], check=True)
    hidden = [str(workspace.root), str(packages), workspace.environ["MINICON_PKGS_DIRS"]]
    hidden.append(copied_installation(workspace.environment("a")))
    assert run_alone(f"{shlex.quote(str(target))}/bin/conda-unpack", hidden) == []
    for prefix in (target, known):
        script, expected = everything(prefix)
        assert run_alone(script, hidden) == expected
    script, expected = everything(tmp_path / "by minicon")
    words = (
        "run",
        "-p",
        "by minicon",
        "sh",
        "-c",
        "python --version && " + script.partition("\n")[2].partition("\n")[2],
    )
    assert workspace.run(*words).ok().out.splitlines()[1:] == expected
