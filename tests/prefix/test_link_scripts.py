"""Link scripts: listed, run in place, confined, and undone when they fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.prefix.test_clobber import Notes
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, executor, extract, snapshot

from minicon.errors import LinkScriptFailed
from minicon.prefix.confinement import interface_version
from minicon.prefix.executor import Executor
from minicon.prefix.link_scripts import LinkScriptRunner, link_scripts_of

SHOW = 'echo "$PREFIX|$PKG_NAME|$PKG_VERSION|$PKG_BUILDNUM|$ROOT_PREFIX" > "$PREFIX/seen"\n'


def runner(tmp_path: Path, reporter: Notes | None = None, **options: object) -> Executor:
    scripts = LinkScriptRunner(
        root_prefix=tmp_path / "root", reporter=reporter or Notes(), **options
    )
    return executor(link_scripts=scripts)


def test_scripts_are_listed_with_their_text(tmp_path: Path) -> None:
    package = extract(PackageBuilder("s").script("post-link", SHOW).file("x", "1"), tmp_path)
    plain = extract(PackageBuilder("p").file("bin/.other-post-link.sh", "x"), tmp_path)
    (script,) = link_scripts_of([plain, package], "linux-64")
    assert (script.record.name, script.action) == ("s", "post-link")
    assert script.text == SHOW


def test_post_link_runs_in_the_finished_environment(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    text = SHOW + 'echo "please restart" > "$PREFIX/.messages.txt"\nmy-command >> "$PREFIX/seen"\n'
    package = extract(
        PackageBuilder("s").script("post-link", text).file("bin/my-command", "#!/bin/sh\necho ok"),
        tmp_path,
    )
    notes = Notes()
    apply(env, package, executor=runner(tmp_path, notes))
    assert (env / "seen").read_text() == f"{env}|s|1.0|0|{tmp_path}/root\nok\n"
    assert notes.notes == ["s: please restart"]
    assert not (env / ".messages.txt").exists()


def test_without_a_runner_no_script_runs(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, extract(PackageBuilder("s").script("post-link", SHOW), tmp_path))
    assert not (env / "seen").exists()


def test_a_failing_post_link_undoes_everything(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    bad = PackageBuilder("bad").script("post-link", "touch $PREFIX/half\necho the reason\nexit 3\n")
    package = extract(bad, tmp_path)
    with pytest.raises(LinkScriptFailed, match=r"post-link script of bad-1\.0-0 failed") as caught:
        apply(env, package, executor=runner(tmp_path))
    assert caught.value.context == "the reason"
    assert not env.exists()
    good = extract(PackageBuilder("good").file("x", "1"), tmp_path)
    apply(env, good)
    before = snapshot(env)
    with pytest.raises(LinkScriptFailed):
        apply(env, good, package, executor=runner(tmp_path))
    assert snapshot(env) == before


def test_pre_unlink_runs_while_the_package_is_there(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    text = 'cat "$PREFIX/data" > "$PREFIX/last-words"\nexit 1\n'
    package = extract(PackageBuilder("s").script("pre-unlink", text).file("data", "x"), tmp_path)
    apply(env, package)
    notes = Notes()
    apply(env, executor=runner(tmp_path, notes))
    assert (env / "last-words").read_text() == "x"
    assert not (env / "data").exists()
    assert "pre-unlink script of s-1.0-0 failed" in notes.warnings[0]


@pytest.mark.skipif(interface_version() == 0, reason="this kernel cannot confine")
def test_scripts_cannot_write_outside(tmp_path: Path) -> None:
    env, outside = tmp_path / "envs" / "data", tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("safe")
    text = (
        f"echo bad > {victim}\nrm -f {victim}\ntouch {outside}/new\nmkdir {outside}/folder\n"
        f'echo fine > "$PREFIX/inside"\necho fine > "$TMPDIR/t"\necho fine > /dev/null || exit 5\n'
    )
    apply(
        env,
        extract(PackageBuilder("s").script("post-link", text), tmp_path),
        executor=runner(tmp_path),
    )
    assert (env / "inside").read_text() == "fine\n"
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"victim": "safe"}


def test_scripts_that_do_not_end_are_ended(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    slow = extract(PackageBuilder("slow").script("post-link", "exec sleep 60\n"), tmp_path)
    with pytest.raises(LinkScriptFailed, match="timed out"):
        apply(env, slow, executor=runner(tmp_path, timeout=0.2))
    assert not env.exists()


def test_pre_link_is_never_run(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(PackageBuilder("s").script("pre-link", f"touch {tmp_path}/ran\n"), tmp_path)
    apply(env, package, executor=runner(tmp_path))
    assert not (tmp_path / "ran").exists()
