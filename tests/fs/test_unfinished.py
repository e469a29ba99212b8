"""Outputs that are complete or absent, whatever ends the process that writes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minicon.fs import unfinished
from minicon.fs.unfinished import new_file, new_folder

linux = pytest.mark.skipif(sys.platform != "linux", reason="files without names are Linux's")

WRITER = """
import sys, time
from pathlib import Path
from minicon.fs import unfinished
if "named" in sys.argv:
    unfinished._UNNAMED = 0
kind = unfinished.new_folder if "folder" in sys.argv else unfinished.new_file
with kind(Path(sys.argv[1])) as output:
    if "folder" in sys.argv:
        (output / "half").write_text("half")
    else:
        output.write(b"half")
        output.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def killed(output: Path, number: int, *words: str) -> int:
    """Kill a process in the middle of its output; return its exit code."""
    command = [sys.executable, "-c", WRITER, str(output), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        return process.wait()


@pytest.mark.parametrize("words", [(), ("named",), ("folder",)])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_leave_nothing(tmp_path: Path, words: tuple[str, ...], number: int) -> None:
    code = killed(tmp_path / "output", number, *words)
    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    assert os.listdir(tmp_path) == []


@linux
def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    killed(tmp_path / "output", signal.SIGKILL)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["named", "folder"])
def test_the_next_output_removes_what_a_killed_process_left(tmp_path: Path, kind: str) -> None:
    output = tmp_path / "output"
    killed(output, signal.SIGKILL, kind)
    (left,) = os.listdir(tmp_path)
    others = [".output.txt.0123456789abcdef.tmp", ".output.tmp", ".output.1.tmp"]
    for name in others:
        (tmp_path / name).touch()
    with new_file(output) as file, new_folder(output) as folder:
        file.write(b"whole")
        names = set(os.listdir(tmp_path))
        assert left not in names
        with new_file(output) as second:  # removes none of those that are being written
            second.write(b"second")
        assert folder.is_dir()
    assert output.read_bytes() == b"whole"
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "output"])


def test_files_replace_others_and_keep_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    before = os.umask(0o027)
    try:
        for unnamed in (unfinished._UNNAMED, 0):
            monkeypatch.setattr(unfinished, "_UNNAMED", unnamed)
            with new_file(output) as file:
                file.write(b"new")
            assert output.stat().st_mode & 0o777 == 0o640
            with new_file(output, 0o606) as file:
                file.write(b"newer")
            assert output.stat().st_mode & 0o777 == 0o606
            output.unlink()
    finally:
        os.umask(before)


def test_errors_keep_the_old_file(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("old")
    with pytest.raises(TypeError), new_file(output) as file:
        file.write("no bytes")  # type: ignore[arg-type]
    assert output.read_text() == "old"
    assert os.listdir(tmp_path) == ["output"]
