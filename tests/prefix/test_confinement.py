"""Confinement: what a command can change, and that nothing of it is left when it has ended."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from minicon.constants import GENERATIONS_INSIDE
from minicon.prefix.scripts.confinement import confined
from minicon.prefix.scripts.linux_sandbox import landlock_version
from minicon.prefix.scripts.script_process import run_script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

NOBODY = 65534
#: What takes one of the two means away from the program, to see what the other one does alone.
WITHOUT = {
    "both": "",
    "landlock": "from minicon.prefix.scripts import linux_sandbox as m; m.enter_view = _refuse; ",
    "view": "from minicon.prefix.scripts import linux_sandbox as m; m.landlock_version = int; ",
}
REFUSING = "def _refuse(*_):\n raise OSError\n"


def can_make_views(user: int | None) -> bool:
    command = ["unshare", "-m", "true"] if user is None else ["unshare", "-Urm", "true"]
    if not shutil.which("unshare"):
        return False
    return subprocess.run(command, user=user, capture_output=True).returncode == 0


def python_for(user: int | None) -> str:
    """A python that a user can start."""
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", ""], user=user, capture_output=True).returncode == 0:
                return python
    pytest.skip("this user can start no python")


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that other users can reach."""
    root = Path(tempfile.mkdtemp(prefix="minicon-test-"))
    root.chmod(0o755)
    for name in ("env", "outside"):
        (root / name).mkdir()
    victim = root / "outside" / "victim"
    victim.write_text("safe")
    os.utime(victim, (1_600_000_000, 1_600_000_000))
    (root / "env" / GENERATIONS_INSIDE).mkdir()
    try:
        yield root
    finally:
        shutil.rmtree(root)


def run(
    root: Path,
    script: str,
    *,
    user: int | None = None,
    means: str = "both",
    limited: bool = True,
) -> subprocess.CompletedProcess[str]:
    env = root / "env"
    writable = [str(env), "/dev/null"] if limited else None
    words = confined(["sh", "-c", script], writable, [str(env / GENERATIONS_INSIDE)])
    assert words is not None
    words[0] = python_for(user)
    at = words.index("-c") + 1
    before, middle, after = words[at].partition("; from minicon.prefix.scripts.confinement")
    words[at] = f"{REFUSING}{before}; {WITHOUT[means]}{middle[2:]}{after}"
    if user is not None:
        for path in [root, *root.rglob("*")]:
            os.chown(path, user, user)
    return subprocess.run(words, user=user, cwd=env, capture_output=True, text=True, timeout=30)


def state(victim: Path) -> tuple[object, ...]:
    facts = victim.stat()
    return (facts.st_mode, facts.st_uid, facts.st_mtime_ns, os.listxattr(victim), facts.st_size)


ATTACKS = {
    "write": "echo bad > {victim}",
    "truncate": "truncate -s 0 {victim}",
    "remove": "rm -f {victim}",
    "mode": "chmod 4777 {victim}",
    "time": "touch {victim}",
    "owner": "chown 1:1 {victim}",
    "attribute": "python3 -c \"import os; os.setxattr('{victim}', 'user.x', b'1')\"",
    "by descriptor": "python3 -c \"import os; f = os.open('{victim}', 0); os.fchmod(f, 0o777)\"",
    "by process": "chmod 777 /proc/$PPID/root{victim}; chmod 777 /proc/1/root{victim}",
    "remount": "mount -o remount,rw,bind / ; umount {env}; chmod 777 {victim}",
    "namespace": "unshare -Urm sh -c 'mount -o remount,rw,bind /; chmod 777 {victim}'",
    "link": "ln {victim} x; chmod 777 x",
}
NEEDS_VIEW = ("mode", "time", "owner", "attribute", "by descriptor", "remount", "namespace")


@pytest.mark.parametrize("name", ["write", "remove", "mode", "time", "attribute", "by descriptor"])
def test_the_attacks_do_something_where_nothing_stops_them(root: Path, name: str) -> None:
    victim = root / "outside" / "victim"
    before = state(victim)
    run(root, ATTACKS[name].format(victim=victim), limited=False)
    assert not victim.exists() or state(victim) != before


def attack(root: Path, names: Sequence[str], **arguments: object) -> None:
    victim = root / "outside" / "victim"
    lines = [ATTACKS[name].format(victim=victim, env=root / "env") for name in names]
    script = "\n".join([*lines, "echo in > inside; chmod +x inside; touch -d @7 inside", "exit 7"])
    before = state(victim)
    answer = run(root, script, **arguments)  # type: ignore[arg-type]
    if arguments.get("user") is not None:
        os.chown(victim, 0, 0)
    assert answer.returncode == 7, answer.stderr
    after = state(victim)
    assert (after[0], *after[2:]) == (before[0], *before[2:])
    assert victim.read_text() == "safe"
    inside = (root / "env" / "inside").stat()
    assert (inside.st_mode & 0o111, inside.st_mtime) == (0o111, 7)


@pytest.mark.parametrize("user", [None, NOBODY], ids=["self", "other user"])
def test_nothing_outside_is_changed(root: Path, user: int | None) -> None:
    if user is not None and os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    if landlock_version() == 0 or not can_make_views(user):
        pytest.skip("this system cannot confine")
    attack(root, list(ATTACKS), user=user)
    assert (root / "outside" / "victim").stat().st_uid == 0 or user is None


def test_a_view_does_without_landlock(root: Path) -> None:
    if not can_make_views(None if os.geteuid() == 0 else os.geteuid()):
        pytest.skip("this system makes no views")
    names = [name for name in ATTACKS if name != "remount"]  # refused by missing capabilities
    attack(root, [*names, "remount"], means="view")


@pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")
def test_landlock_does_without_a_view(root: Path) -> None:
    attack(root, [name for name in ATTACKS if name not in NEEDS_VIEW], means="landlock")


@pytest.mark.parametrize("means", ["both", "view"])
def test_kept_generations_inside_an_environment_cannot_be_changed(root: Path, means: str) -> None:
    if not can_make_views(None if os.geteuid() == 0 else os.geteuid()):
        pytest.skip("this system makes no views")
    run(root, f"echo bad > {GENERATIONS_INSIDE}/journal; mkdir {GENERATIONS_INSIDE}/1", means=means)
    assert list((root / "env" / GENERATIONS_INSIDE).iterdir()) == []


@pytest.mark.parametrize("means", ["both", "view", "landlock"])
def test_root_makes_no_devices(root: Path, means: str) -> None:
    run(root, "mknod disk b 254 0; mknod memory c 1 1", means=means)
    assert not (root / "env" / "disk").exists()
    assert not (root / "env" / "memory").exists()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, setpriv")
def test_root_makes_no_devices_with_inherited_capabilities(root: Path) -> None:
    inheriting = ["setpriv", "--inh-caps", "+mknod", "--ambient-caps", "+mknod"]
    words = confined(["mknod", "memory", "c", "1", "1"], [str(root / "env"), "/dev/null"])
    subprocess.run([*inheriting, *(words or [])], cwd=root / "env", check=False)
    assert not (root / "env" / "memory").exists()


LEAVING = {
    "background": "sleep 50 & echo $! > pid",
    "own session": "setsid sleep 50 & echo $! > pid",
    "daemon": "(setsid sh -c 'sleep 50 & echo $! > pid; exec sleep 50' &) ; sleep 0.1",
    "deaf": "sh -c ': sleep 50; trap \"\" TERM HUP INT; echo $$ > pid; while :; do sleep 1; done' &"
    " sleep 0.1",
}


@pytest.mark.parametrize("means", ["both", "view", "landlock", "unlimited"])
def test_what_a_command_leaves_running_is_ended(root: Path, means: str) -> None:
    began = time.monotonic()
    for name, script in LEAVING.items():
        limited = means != "unlimited"
        marker = f"50.0{os.getpid()}"
        script = script.replace("sleep 50", f"sleep {marker}")
        answer = run(root, f"{script}; exit 3", means=means if limited else "both", limited=limited)
        assert answer.returncode == 3, (name, answer.stderr)
        assert not is_running(marker), name
    assert time.monotonic() - began < 20


def is_running(text: str) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if text in command and "pytest" not in command:
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("limited", [True, False])
def test_a_command_ends_with_its_parent(root: Path, number: signal.Signals, limited: bool) -> None:
    marker = f"60.{int(limited)}{number}{os.getpid()}"
    writable = [str(root / "env")] if limited else None
    script = f"setsid sleep {marker} & sleep {marker}"
    starter = (
        "import subprocess; from minicon.prefix.scripts.confinement import confined; "
        f"subprocess.run(confined(['sh', '-c', {script!r}], {writable!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", starter])
    wait_until(lambda: is_running(f"sleep {marker}"))
    process.send_signal(number)
    process.wait()
    wait_until(lambda: not is_running(marker))


def wait_until(holds: object) -> None:
    end = time.monotonic() + 20
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_exit_statuses_are_those_of_a_shell(root: Path) -> None:
    assert run(root, "exit 200").returncode == 200
    assert run(root, "kill -9 $$").returncode == 137
    missing = confined(["/no/such/program"], [str(root)])
    answer = subprocess.run(missing or [], capture_output=True, text=True)
    assert (answer.returncode, "No such file" in answer.stderr) == (127, True)


def test_a_script_has_no_terminal_to_type_commands_into(root: Path) -> None:
    (root / "env" / "script").write_text(": < /dev/tty && touch has-terminal")
    words = confined(["sh", "script"], [str(root / "env"), "/dev/null", "/dev/tty"])
    child, terminal = pty.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            open("/dev/tty").close()
            (root / "env" / "tried").touch()
            run_script(
                words or [],
                variables=os.environ,
                folder=root / "env",
                timeout=20,
                is_supervised=True,
            )
        os._exit(0)
    os.waitpid(child, 0)
    os.close(terminal)
    assert (root / "env" / "tried").exists()
    assert not (root / "env" / "has-terminal").exists()
