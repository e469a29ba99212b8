"""Real shells for tests: environments on disk, a program for hooks, and scripts for each shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent.parent / "src"

#: Where `./dev shells` installs shells that few machines have.
MORE_SHELLS = SOURCE.parent / ".venv" / "shells" / "bin"


def _program(name: str) -> str:
    """Return the program of a shell: on PATH, or one of `./dev shells`, or only its name."""
    return shutil.which(name) or shutil.which(name, path=str(MORE_SHELLS)) or name


#: Command by shell that runs a script file without start files
RUNNERS = {
    "bash": ["bash", "--norc", "--noprofile"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
    "tcsh": ["tcsh", "-f"],
    "xonsh": [_program("xonsh"), "--no-rc"],
    "nu": [_program("nu"), "--no-config-file"],
}
POSIX = ("bash", "dash", "zsh")
ALL = (*POSIX, "fish", "tcsh")
OTHERS = ("xonsh", "nu")

#: Variables that shells change.
VOLATILE = {"_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "HOSTTYPE", "VENDOR", "OSTYPE",
            "MACHTYPE", "LOGNAME", "USER", "GROUP", "HOST",
            "__minicon_have", "_MINICON_HOOK"}  # fmt: skip

_PROGRAM = """#!{python} -IS
import os, sys
sys.path[:0] = {path!r}
from minicon.errors import MiniconError
from minicon.shell.commands import shell_command, shell_context
with open({log!r}, "a", errors="surrogateescape") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
if not sys.argv[1].startswith("shell."):
    print("program:", *sys.argv[1:])
    sys.exit(int(os.environ.get("PROGRAM_EXIT", "0")))
context = shell_context(os.environ, home=os.environ["HOME"], cwd=os.getcwd())
try:
    text, warnings = shell_command(
        sys.argv[1][6:], sys.argv[2], sys.argv[3:], context=context, executable=sys.argv[0])
except MiniconError as error:
    sys.stderr.write("error: " + error.message + "\\n" + (error.hint or "") + "\\n")
    sys.exit(error.exit_code)
sys.stderr.writelines(f"warning: {{warning}}\\n" for warning in warnings)
sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
"""


def have(shell: str) -> bool:
    return shutil.which(RUNNERS[shell][0]) is not None


def shells(*names: str) -> pytest.MarkDecorator:
    """Run a test in each shell; skip shells that are not installed."""
    each = [
        pytest.param(n, marks=pytest.mark.skipif(not have(n), reason=f"no {n}"))
        for n in names or ALL
    ]
    return pytest.mark.parametrize("shell", each)


@dataclass
class ShellHome:
    """A home, a root with environments, and a program for the commands ``shell.*``."""

    base: Path
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True)
        self.home.mkdir()
        self.program.write_text(
            _PROGRAM.format(python=sys.executable, path=[str(SOURCE)], log=str(self.log))
        )
        self.program.chmod(0o755)

    @property
    def root(self) -> Path:
        return self.base / "root"

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def program(self) -> Path:
        return self.base / "minicon"

    @property
    def log(self) -> Path:
        return self.base / "requests"

    def program_calls(self) -> list[str]:
        """Return all command lines of the program."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def environment(
        self,
        name: str,
        *,
        state: dict[str, object] | None = None,
        packages: dict[str, dict[str, object]] | None = None,
        scripts: dict[str, str] | None = None,
        texts: bool = True,
        path: Path | None = None,
    ) -> Path:
        """Create an environment in envs/ or at ``path``; ``scripts`` by path below etc/conda."""
        from minicon.shell.activation_files import write_activation_files

        prefix = path or self.root / "envs" / name
        (prefix / "conda-meta").mkdir(parents=True)
        (prefix / "bin").mkdir()
        (prefix / "conda-meta" / "history").touch()
        for file, table in (packages or {}).items():
            target = prefix / "etc" / "conda" / "env_vars.d" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(table))
        for file, text in (scripts or {}).items():
            target = prefix / "etc" / "conda" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        if state is not None:
            (prefix / "conda-meta" / "state").write_text(json.dumps({"env_vars": state}))
        if texts:
            write_activation_files(prefix, prefix)
        return prefix

    def hook(self, shell: str, **environ: str) -> Path:
        """Write the hook of a shell as `minicon init` does; return the file to source."""
        from minicon.shell.commands import shell_context
        from minicon.shell.hook import HookFacts, render_hook_files

        context = shell_context({**self.variables(), **environ}, home=str(self.home), cwd="/")
        facts = HookFacts(str(self.program), context.options, context.envs_dirs, context.environ)
        for name, text in render_hook_files(shell, facts, str(self.base)).items():
            target = self.base / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(text.encode("utf-8", "surrogateescape"))
        return target

    def variables(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "MINICON_ROOT": str(self.root),
            "LC_ALL": "C.UTF-8",
            **self.extra,
        }

    def run(
        self, shell: str, script: str | bytes, *options: str, **environ: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a script after the hook; ``dump NAME`` in it writes the environment to a file."""
        hook = self.hook(shell)
        text = script if isinstance(script, bytes) else script.encode("utf-8", "surrogateescape")
        target = self.base / "script"
        target.write_bytes(
            f"{'.' if shell in POSIX else 'source'} {hook}\n".encode()
            + _dump_function(shell, self.base).encode()
            + text
        )
        return subprocess.run(
            [*RUNNERS[shell], *options, str(target)],
            env={**self.variables(), **environ},
            capture_output=True,
            timeout=60,
            check=False,
        )

    def canaries(self) -> list[Path]:
        """Return the files that executed values created; there must be none."""
        return list(self.base.rglob("canary"))

    def dumped(self, name: str) -> dict[str, str]:
        """Return the environment that ``dump NAME`` wrote."""
        data = (self.base / f"dump-{name}").read_bytes()
        pairs = (each.partition(b"=") for each in data.split(b"\0") if each)
        everything = {os.fsdecode(k): os.fsdecode(v) for k, _, v in pairs}
        return {k: v for k, v in everything.items() if k not in VOLATILE}


def _dump_function(shell: str, base: Path) -> str:
    """Return a shell function ``dump NAME`` that writes the exact bytes of the environment."""
    if shell == "fish":
        return f'function dump; env -0 > "{base}"/dump-$argv[1]; end\n'
    if shell == "tcsh":
        return f"alias dump 'env -0 > \"{base}\"/dump-\\!:1'\n"
    if shell == "nu":
        return f'def dump [n: string] {{ ^env -0 | save --raw -f $"{base}/dump-($n)" }}\n'
    if shell == "xonsh":
        return (
            "def _dump(args):\n    import subprocess\n"
            f"    with open('{base}/dump-' + args[0], 'wb') as writer:\n"
            "        subprocess.run(['env', '-0'], env=__xonsh__.env.detype(), stdout=writer)\n"
            "aliases['dump'] = _dump\n"
        )
    return f'dump() {{ env -0 > "{base}"/dump-$1; }}\n'
