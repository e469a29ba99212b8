from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minicon.machine.interpreters.discovery import CACHE_FILE, Discovery, discover_interpreters
from minicon.machine.interpreters.probe import ProbeError, identity_of, probe_interpreter

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes scripts")

BASE = os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def discover(tmp_path: Path, *folders: Path, **arguments: object) -> Discovery:
    everything = discover_interpreters(
        environ={"PATH": os.pathsep.join(map(str, folders))},
        home=tmp_path / "home",
        **{"cache_dir": tmp_path / "cache", "running": None, "timeout": 20, **arguments},  # type: ignore[arg-type]
    )
    ours = tuple(r for r in everything.rejected if r.path.startswith(str(tmp_path)))
    return Discovery(interpreters=everything.interpreters, rejected=ours)


def test_facts_are_those_of_the_interpreter_itself() -> None:
    facts = probe_interpreter(BASE, environ=os.environ)
    assert facts.executable == BASE
    assert facts.version == ".".join(map(str, sys.version_info[:3]))
    assert facts.prefix == sys.base_prefix
    assert facts.implementation == sys.implementation.name
    assert Path(facts.stdlib, "os.py").is_file()
    assert len(facts.identity) == 64


def test_python_variables_do_not_reach_the_probe(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONHOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    assert probe_interpreter(BASE, environ=environ).prefix == sys.base_prefix


def test_wrapper_is_resolved_to_what_it_runs(tmp_path: Path) -> None:
    script(tmp_path / "bin/python3", f'exec {BASE} "$@"')
    found = discover(tmp_path, tmp_path / "bin").interpreters
    assert [facts.executable for facts in found].count(BASE) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo hello", "is not that of a Python"),
        ("echo '{}'", "is not that of a Python"),
        ("echo no such option >&2; exit 2", "it failed: no such option"),
        ("echo Unknown option: -I >&2; echo try -h >&2; exit 2", "it failed: Unknown option: -I"),
        ("echo Traceback >&2; echo OSError: no >&2; exit 1", "it failed: OSError: no"),
        ("kill -9 $$", "it failed: -9"),
    ],
)
def test_what_is_no_python_is_rejected_with_its_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    script(tmp_path / "bin/python3", text)
    (rejected,) = discover(tmp_path, tmp_path / "bin").rejected
    assert reason in rejected.reason


def test_what_cannot_be_run_is_rejected(tmp_path: Path) -> None:
    program = tmp_path / "bin/python3"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELFnonsense")
    program.chmod(0o755)
    (rejected,) = discover(tmp_path, tmp_path / "bin").rejected
    assert rejected.reason.startswith("it cannot be run: ")


def test_hanging_interpreter_is_left_after_the_timeout_with_its_children(tmp_path: Path) -> None:
    program = script(tmp_path / "python3", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    started = time.monotonic()
    with pytest.raises(ProbeError, match="did not answer within 1 s"):
        probe_interpreter(str(program), environ=os.environ, timeout=1)
    assert time.monotonic() - started < 10
    child = (tmp_path / "child").read_text().strip()
    for _ in range(100):
        status = Path(f"/proc/{child}/status")
        if not status.exists() or "\nState:\tZ" in status.read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child of the hanging program still runs")


def counting(tmp_path: Path) -> Path:
    script(tmp_path / "bin/python3", f'echo x >> {tmp_path}/runs; exec {BASE} "$@"')
    return tmp_path / "runs"


def test_answers_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    runs = counting(tmp_path)
    first = discover(tmp_path, tmp_path / "bin")
    second = discover(tmp_path, tmp_path / "bin")
    assert first == second
    assert runs.read_text() == "x\n"
    os.utime(tmp_path / "bin/python3", ns=(1, 1))
    discover(tmp_path, tmp_path / "bin")
    assert runs.read_text() == "x\nx\n"


@pytest.mark.parametrize("change", ["cut", "list", "entry", "facts", "type"])
def test_broken_cache_is_an_empty_one(tmp_path: Path, change: str) -> None:
    runs = counting(tmp_path)
    first = discover(tmp_path, tmp_path / "bin")
    cache = tmp_path / "cache" / CACHE_FILE
    document = json.loads(cache.read_bytes())
    entry = document["entries"][str(tmp_path / "bin/python3")]
    match change:
        case "list":
            document = [1]
        case "entry":
            document["entries"][str(tmp_path / "bin/python3")] = 7
        case "facts":
            del entry["facts"]["prefix"]
        case "type":
            entry["facts"]["version"] = 3
    text = json.dumps(document)
    cache.write_text(text[:50] if change == "cut" else text)
    assert discover(tmp_path, tmp_path / "bin") == first
    assert runs.read_text() == "x\nx\n"
    assert json.loads(cache.read_bytes())["entries"]


def test_unwritable_cache_is_only_slow(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert discover(tmp_path, tmp_path / "bin").interpreters is not None


def test_failures_are_tried_again_after_a_while(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    script(tmp_path / "bin/python3", f"echo x >> {runs}; exit 1")
    now = 1_000_000.0
    for later, times in ((0, 1), (60, 1), (3600, 2), (-3600, 3)):
        discover(tmp_path, tmp_path / "bin", clock=lambda later=later: now + later)
        assert runs.read_text().count("x") == times


def test_environments_are_rejected_and_base_installations_are_not(tmp_path: Path) -> None:
    program = script(tmp_path / "env/bin/python3", f'exec {BASE} "$@"')
    (tmp_path / "env/conda-meta").mkdir()
    (rejected,) = discover(tmp_path, program.parent).rejected
    assert rejected.reason == f"it belongs to the environment {tmp_path / 'env'}"
    (tmp_path / "env/condabin").mkdir()
    found = discover(tmp_path, program.parent)
    assert found.rejected == ()
    assert BASE in [facts.executable for facts in found.interpreters]


def test_the_running_virtual_environment_is_not_an_interpreter(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--copies", tmp_path / "v"], check=True
    )
    found = discover(tmp_path, tmp_path / "v/bin")
    assert not [f for f in found.interpreters if f.executable.startswith(str(tmp_path))]
    assert BASE in [facts.executable for facts in found.interpreters]


def test_warm_discovery_runs_nothing_and_is_fast(tmp_path: Path) -> None:
    arguments = {"environ": os.environ, "home": Path.home(), "cache_dir": tmp_path}
    cold = discover_interpreters(**arguments)  # type: ignore[arg-type]
    times = []
    for _ in range(10):
        started = time.perf_counter()
        assert discover_interpreters(**arguments) == cold  # type: ignore[arg-type]
        times.append(time.perf_counter() - started)
    assert min(times) < 0.02  # 2 ms measured; a single process costs more than the limit


def test_identity_follows_executable_library_and_modules(tmp_path: Path) -> None:
    executable, library, stdlib = tmp_path / "python", tmp_path / "lib.so", tmp_path / "stdlib"
    stdlib.mkdir()
    for path in (executable, library, stdlib / "os.py"):
        path.write_text("one")
    known = {identity_of(str(executable), str(library), str(stdlib))}
    for path in (executable, library, stdlib / "os.py"):
        path.write_text("two!")
        known.add(identity_of(str(executable), str(library), str(stdlib)))
    assert len(known) == 4
