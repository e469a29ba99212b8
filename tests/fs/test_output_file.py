"""Files that the user names: links stay links, devices and pipes stay what they are."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

from minicon.fs.output_file import is_stream, write_output


def test_a_file_is_replaced_through_links_and_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    target = tmp_path / "repository/file"
    target.write_text("old")
    target.chmod(0o600)
    (tmp_path / "link").symlink_to("second")
    (tmp_path / "second").symlink_to("repository/file")
    write_output(tmp_path / "link", b"new")
    assert os.readlink(tmp_path / "link") == "second"
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "repository") == ["file"]


def test_a_link_that_leads_nowhere_gets_its_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("missing")
    write_output(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "missing").read_bytes() == b"new"


def test_a_pipe_receives_everything(tmp_path: Path) -> None:
    pipe, data = tmp_path / "pipe", os.urandom(300_000)
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, data)
    reader.join()
    assert received == [data]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_devices_stay_devices(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    write_output(tmp_path / "null", b"x")
    assert (tmp_path / "null").is_symlink()
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_stdout_that_is_a_file_keeps_what_was_written_before(tmp_path: Path) -> None:
    program = (
        "import os; from minicon.fs.output_file import write_output\n"
        "os.write(1, b'one\\n'); write_output('/dev/stdout', b'two\\n'); os.write(1, b'three\\n')"
    )
    with (tmp_path / "out").open("ab") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "one\ntwo\nthree\n"


def test_a_file_in_shared_memory_is_a_file() -> None:
    assert not is_stream("/dev/shm/environment.yml")
    assert all(map(is_stream, ("/dev/stdout", "/dev/fd/1", "/dev/null")))
