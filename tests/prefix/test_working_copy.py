"""What scripts write into files that others have too stays in their own environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.prefix.test_entry_swap import is_fixed, state_of
from tests.prefix.test_link_scripts import runner
from tests.support.faults import counting, run_killed_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, extract, snapshot

from minicon.errors import LinkScriptFailed
from minicon.prefix.environment import prefix_location
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import needs_recovery
from minicon.prefix.removal import remove_environment, sweep
from minicon.prefix.rollback import undo
from minicon.prefix.scripts.link_scripts import LinkScriptRunner
from minicon.prefix.scripts.working_copy import unshared_files

TOOL = "#!/bin/sh\necho good\n"
CHANGES = {
    "written": 'printf bad > "$PREFIX/bin/tool"',
    "appended": 'echo bad >> "$PREFIX/bin/tool"',
    "in place": 'printf bad | dd of="$PREFIX/bin/tool" conv=notrunc 2>/dev/null',
    "truncated": 'truncate -s 0 "$PREFIX/bin/tool"',
    "mode": 'chmod 700 "$PREFIX/bin/tool"',
    "time": 'touch "$PREFIX/bin/tool"',
    "link": 'touch -h -d @7 "$PREFIX/bin/alias"',
}


def tool(cache: Path) -> Extracted:
    builder = PackageBuilder("tool").file("bin/tool", TOOL).file("share/data", "data")
    return extract(builder.link("bin/alias", "tool"), cache)


def scripted(cache: Path, action: str, text: str, version: str = "1.0") -> Extracted:
    builder = PackageBuilder("s").version(version).file("share/s", version)
    return extract(builder.script(action, f"{text}\n"), cache)


def facts(root: Path) -> dict[str, tuple[object, ...]]:
    """Content, mode and times of everything."""
    return {
        path: (*value, os.lstat(root / path).st_mtime_ns)
        for path, value in snapshot(root).items()
        if value[0] != "d"
    }


@pytest.mark.parametrize("change", CHANGES)
def test_a_post_link_script_changes_only_its_environment(tmp_path: Path, change: str) -> None:
    cache, env, other = tmp_path / "pkgs", tmp_path / "envs/data", tmp_path / "envs/other"
    shared = tool(cache)
    apply(other, shared)
    apply(env, shared)
    cached, others = facts(cache), facts(other)
    script = scripted(cache, "post-link", CHANGES[change])
    before = facts(env)
    apply(env, shared, script, executor=runner(tmp_path))
    assert {p: v for p, v in facts(cache).items() if p in cached} == cached
    assert facts(other) == others
    former = GenerationStore(env).folder / "1"
    assert {p: v for p, v in facts(former).items() if "conda-meta" not in p} == {
        p: v for p, v in before.items() if "conda-meta" not in p
    }
    now = facts(env)
    changed = "bin/alias" if change == "link" else "bin/tool"
    assert now[changed] != before[changed]
    assert os.path.samefile(env / "share/data", shared.directory / "share/data")


@pytest.mark.parametrize("action", ["pre-unlink", "pre-link", "post-unlink"])
def test_scripts_of_every_action_do_so(tmp_path: Path, action: str) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs/data"
    shared = tool(cache)
    text = CHANGES["written"]
    old = scripted(cache, action if "unlink" in action else "post-link", text)
    new = scripted(cache, action if action == "pre-link" else "post-unlink", text, "2.0")
    apply(env, shared, old)
    before = facts(env)
    apply(env, shared, new, executor=runner(tmp_path))
    assert (env / "bin/tool").read_text() == "bad"
    assert (shared.directory / "bin/tool").read_text() == TOOL
    undo(env)
    assert facts(env)["bin/tool"] == before["bin/tool"]
    assert os.path.samefile(env / "bin/tool", shared.directory / "bin/tool")


def test_a_script_of_a_removed_environment_does_so(fast_path: Path) -> None:
    cache, env = fast_path / "pkgs", fast_path / "envs/data"
    shared = tool(cache)
    apply(env, shared, scripted(cache, "pre-unlink", CHANGES["written"]))
    cached = facts(cache)
    remove_environment(env, link_scripts=LinkScriptRunner(root_prefix=fast_path))
    assert not env.exists()
    assert facts(cache) == cached


def test_what_a_failing_script_wrote_is_gone(tmp_path: Path) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs/data"
    shared = tool(cache)
    apply(env, shared)
    before = facts(env)
    bad = scripted(cache, "post-link", f"{CHANGES['written']}; exit 1")
    with pytest.raises(LinkScriptFailed):
        apply(env, shared, bad, executor=runner(tmp_path))
    assert facts(env) == before
    assert os.path.samefile(env / "bin/tool", shared.directory / "bin/tool")
    assert os.listdir(GenerationStore(env).folder) == ["lock"]


def test_scripts_see_files_as_they_are(tmp_path: Path) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs/data"
    shared = tool(cache)
    look = "cd $PREFIX/bin; stat -c '%s %a %Y %h' tool > ../seen; readlink alias >> ../seen"
    apply(env, shared, scripted(cache, "post-link", look), executor=runner(tmp_path))
    size, mode, changed, links, text = (env / "seen").read_text().split()
    original = (shared.directory / "bin/tool").stat()
    assert (int(size), int(mode, 8)) == (original.st_size, original.st_mode & 0o777)
    assert (int(changed), links, text) == (int(original.st_mtime), "1", "tool")


def test_files_that_scripts_moved_or_removed_are_not_restored(tmp_path: Path) -> None:
    cache, env, outside = tmp_path / "pkgs", tmp_path / "envs/data", tmp_path / "outside"
    shared = tool(cache)
    outside.mkdir()
    (outside / "data").write_text("mine")
    text = f'cd "$PREFIX"; rm bin/tool; mv share moved; ln -s {outside} share'
    apply(env, shared, scripted(cache, "post-link", text), executor=runner(tmp_path))
    assert not (env / "bin/tool").exists()
    assert (env / "moved/data").read_text() == "data"
    assert [(p.name, p.read_text()) for p in outside.iterdir()] == [("data", "mine")]


def test_what_a_running_program_writes_meanwhile_stays(tmp_path: Path) -> None:
    env = tmp_path / "envs/data"
    apply(env, tool(tmp_path / "pkgs"))
    store = GenerationStore(env)
    (env / "log").write_text("one\n")
    os.link(env / "log", store.folder / "log-of-before")
    with (env / "log").open("a") as log, unshared_files(store):
        log.write("two\n")
    assert (env / "log").read_text() == "one\ntwo\n"


def test_nothing_is_copied_where_no_script_runs(tmp_path: Path) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs/data"
    with counting() as counter:
        apply(env, tool(cache), executor=runner(tmp_path))
        apply(env, scripted(cache, "post-link", "true"))  # by --no-link-scripts
    assert not {"copy_file", "set_owner"} & {name for name, _ in counter.calls}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_files_of_other_users_stay_theirs(tmp_path: Path) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs/data"
    shared = tool(cache)
    apply(env, shared)
    (env / "notes").write_text("one\n")
    os.chown(env / "notes", 4321, 4321)
    text = 'echo two >> "$PREFIX/notes"'
    apply(env, shared, scripted(cache, "post-link", text), executor=runner(tmp_path))
    status = (env / "notes").stat()
    assert (env / "notes").read_text() == "one\ntwo\n"
    assert (status.st_uid, status.st_gid) == (4321, 4321)
    assert (GenerationStore(env).folder / "1/notes").read_text() == "one\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_files_that_cannot_be_read_are_out_of_sight(fast_path: Path) -> None:
    env = fast_path / "envs/data"
    apply(env, tool(fast_path / "pkgs"))
    store = GenerationStore(env)
    (env / "secret").write_text("mine")
    os.link(env / "secret", store.folder / "secret-of-before")
    (env / "secret").chmod(0)
    for path in [fast_path, *fast_path.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        seen = True
        with unshared_files(store):
            seen = (env / "secret").exists()
        os._exit(int(seen))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.path.samefile(env / "secret", store.folder / "secret-of-before")


@pytest.mark.parametrize("inside", [False, True])
def test_removal_killed_at_every_step_is_old_or_gone(
    fast_path: Path, monkeypatch: pytest.MonkeyPatch, *, inside: bool
) -> None:
    envs, saved = fast_path / "envs", fast_path / "saved"
    env = envs / "env"
    envs.mkdir()
    if inside:
        env.mkdir()
        monkeypatch.setattr(prefix_location, "_cannot_be_renamed", is_fixed)

    class Destroying(LinkScriptRunner):
        """Does what a script does without starting a program, which would take long."""

        def _run(self, *_: object) -> None:
            for path in (env / "share/data", env / "bin/tool"):
                path.unlink()
            (env / "share/s").write_text("changed")

    apply(env, tool(fast_path / "pkgs"), scripted(fast_path / "pkgs", "pre-unlink", "true"))
    assert GenerationStore(env).is_inside is inside
    shutil.copytree(envs, saved, symlinks=True)
    old = state_of(env)
    removal = Destroying(root_prefix=fast_path)
    for at in range(1, 1000):
        shutil.rmtree(envs)
        shutil.copytree(saved, envs, symlinks=True)
        if run_killed_at(at, lambda: remove_environment(env, link_scripts=removal)) == 0:
            break
        recover(env)
        if state_of(env):
            assert state_of(env) == old, at
            left = os.listdir(GenerationStore(env).folder)
            assert all(n.isdigit() or n.startswith(("lock", ".git")) for n in left), left
        else:
            sweep(envs)
            assert inside or list(envs.iterdir()) == []
    assert at > 20
    assert not env.exists()


def test_removal_that_is_stopped_leaves_the_environment_as_it_was(tmp_path: Path) -> None:
    class Stopped(LinkScriptRunner):
        def _run(self, *_: object) -> None:
            (env / "share/data").unlink()
            raise KeyboardInterrupt

    env = tmp_path / "envs/data"
    apply(env, tool(tmp_path / "pkgs"), scripted(tmp_path / "pkgs", "pre-unlink", "true"))
    old = state_of(env)
    with pytest.raises(KeyboardInterrupt):
        remove_environment(env, link_scripts=Stopped(root_prefix=tmp_path))
    assert state_of(env) == old
    assert not needs_recovery(env)
