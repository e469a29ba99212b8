"""Link scripts: listed, run, confined, and undone when they fail."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.prefix.test_clobber import Notes
from tests.prefix.test_confinement import is_running
from tests.prefix.test_never_half import state_of
from tests.support.faults import run_killed_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, executor, extract, python_package, snapshot

from minicon.errors import Clobbered, LinkScriptFailed
from minicon.fs import operations
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import needs_recovery
from minicon.prefix.removal import remove_environment
from minicon.prefix.scripts.link_scripts import LinkScriptRunner
from minicon.prefix.scripts.linux_sandbox import landlock_version
from minicon.prefix.scripts.script_files import LinkScript, script_of, scripts_of_record

ACTIONS = ("pre-link", "post-link", "pre-unlink", "post-unlink")
SHOW = 'echo "$PREFIX|$PKG_NAME|$PKG_VERSION|$PKG_BUILDNUM|$ROOT_PREFIX" > "$PREFIX/seen"\n'


def runner(tmp_path: Path, reporter: Notes | None = None, **options: object) -> Executor:
    scripts = LinkScriptRunner(
        root_prefix=tmp_path / "root", reporter=reporter or Notes(), **options
    )
    return executor(link_scripts=scripts)


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


def test_scripts_are_sourced(tmp_path: Path) -> None:
    """``return`` ends them, as with conda; ``$0`` and BASH_SOURCE are their path."""
    env = tmp_path / "envs" / "data"
    text = 'echo "${0##*/} ${BASH_SOURCE##*/} $#" >> "$PREFIX/seen"; return 0; exit 1\n'
    package = PackageBuilder("s")
    for action in ACTIONS:
        package = package.script(action, text)
    notes = Notes()
    apply(env, extract(package, tmp_path), executor=runner(tmp_path, notes))
    apply(env, executor=runner(tmp_path, notes))
    order = ("pre-link", "post-link", "pre-unlink", "post-unlink")
    assert (env / "seen").read_text() == "".join(f".s-{a}.sh .s-{a}.sh 0\n" for a in order)
    assert notes.warnings == []
    failing = extract(PackageBuilder("f").script("post-link", "return 3\n"), tmp_path)
    with pytest.raises(LinkScriptFailed, match="exit status 3"):
        apply(env, failing, executor=runner(tmp_path))


def test_the_message_of_a_failed_unlink_script_is_reported(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    text = 'echo "stop the service" > "$PREFIX/.messages.txt"; return 1\n'
    notes = Notes()
    package = extract(PackageBuilder("s").script("pre-unlink", text), tmp_path)
    apply(env, package, executor=runner(tmp_path, notes))
    apply(env, executor=runner(tmp_path, notes))
    assert notes.warnings == [
        "the pre-unlink script of s-1.0-0 failed: exit status 1\nstop the service"
    ]


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


def test_pre_unlink_runs_while_the_package_is_installed(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    text = 'cat "$PREFIX/data" > "$PREFIX/last-words"\nexit 1\n'
    package = extract(PackageBuilder("s").script("pre-unlink", text).file("data", "x"), tmp_path)
    apply(env, package)
    notes = Notes()
    apply(env, executor=runner(tmp_path, notes))
    assert (env / "last-words").read_text() == "x"
    assert not (env / "data").exists()
    assert "pre-unlink script of s-1.0-0 failed" in notes.warnings[0]


@pytest.mark.skipif(landlock_version() == 0, reason="this kernel cannot confine")
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


def report(where: str = "$PREFIX/../../reported") -> str:
    """A script's line that appends what runs, what it sees of the package, and where from."""
    return (
        f'echo "$PKG_NAME $PKG_VERSION $(basename "$0") $(cat "$PREFIX/share/v" 2>/dev/null)" '
        f">> {where}\n"
    )


def scripted(version: str, cache: Path, **texts: str) -> Extracted:
    builder = PackageBuilder("s").version(version).file("share/v", version)
    for action in ACTIONS:
        text = report() + texts.get(action.replace("-", "_"), "true\n")
        builder = builder.script(action, text)
    return extract(builder, cache)


def test_all_four_run_in_condas_order_with_the_packages_of_their_time(tmp_path: Path) -> None:
    env, reported = tmp_path / "envs" / "data", tmp_path / "reported"
    first, second = scripted("1.0", tmp_path), scripted("2.0", tmp_path)
    free = runner(tmp_path, confine=False)
    apply(env, first, executor=free)
    assert reported.read_text().splitlines() == [
        "s 1.0 .s-pre-link.sh ",
        "s 1.0 .s-post-link.sh 1.0",
    ]
    reported.unlink()
    apply(env, second, executor=free)
    assert reported.read_text().splitlines() == [
        "s 1.0 .s-pre-unlink.sh 1.0",
        "s 2.0 .s-pre-link.sh 1.0",
        "s 1.0 .s-post-unlink.sh 2.0",
        "s 2.0 .s-post-link.sh 2.0",
    ]
    reported.unlink()
    apply(env, executor=free)
    assert reported.read_text().splitlines() == [
        "s 2.0 .s-pre-unlink.sh 2.0",
        "s 2.0 .s-post-unlink.sh ",
    ]
    store = GenerationStore(env)
    assert store.numbers() == [1, 2]
    assert not needs_recovery(store.prefix)
    assert Prefix(store.folder / "1").record("s")  # the tree itself is kept, not the copy


def test_scripts_get_the_variables_of_the_standard(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    names = ("PREFIX", "CONDA_PREFIX", "SOURCE_DIR", "ROOT_PREFIX", "PKG_NAME", "PKG_BUILDNUM")
    words = " ".join(f'"${name}"' for name in names)
    text = f'printf "%s\\n" {words} "${{PATH%%:*}}" "$PWD" > "$PREFIX/$(basename "$0" .sh)"\n'
    builder = PackageBuilder("s").script("pre-link", text).script("post-link", text)
    package = extract(builder, tmp_path)
    apply(env, package, executor=runner(tmp_path))
    root, here = str(tmp_path / "root"), str(env)
    cached = str(package.directory)
    seen = {name: (env / f".s-{name}").read_text().splitlines() for name in ACTIONS[:2]}
    assert seen == {
        "pre-link": [here, here, cached, root, "s", "0", f"{cached}/bin", f"{cached}/bin"],
        "post-link": [here, here, here, root, "s", "0", f"{here}/bin", f"{here}/bin"],
    }


@pytest.mark.skipif(landlock_version() == 0, reason="this kernel cannot confine")
def test_pre_link_cannot_change_the_package(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    text = 'echo bad > "$SOURCE_DIR/share/x" || true\nrm -f "$SOURCE_DIR/share/x" || true\n'
    package = extract(
        PackageBuilder("s").script("pre-link", text).file("share/x", "good"), tmp_path
    )
    apply(env, package, executor=runner(tmp_path))
    assert (env / "share/x").read_text() == "good"


def test_what_failed_transactions_did_by_their_scripts_is_undone(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    traces = 'rm "$PREFIX/mine"; echo new > "$PREFIX/trace"\n'
    old = scripted("1.0", tmp_path, pre_unlink=traces)
    apply(env, old, executor=runner(tmp_path))
    (env / "mine").write_text("the user's")
    before = snapshot(env)
    for action in ("pre_link", "post_link"):
        new = scripted("2.0", tmp_path / action, **{action: traces + "exit 1\n"})
        with pytest.raises(LinkScriptFailed):
            apply(env, new, executor=runner(tmp_path))
        assert snapshot(env) == before
        other = tmp_path / "envs" / "other"
        with pytest.raises(LinkScriptFailed):
            apply(other, new, executor=runner(tmp_path))
        assert not other.exists()
    store = GenerationStore(env)
    assert (store.numbers(), needs_recovery(store.prefix)) == ([], False)


def test_messages_are_reported_when_all_is_done(tmp_path: Path) -> None:
    def saying(name: str) -> Extracted:
        text = f'echo "{name} speaks" >> "$CONDA_PREFIX/.messages.txt"\n'
        return extract(PackageBuilder(name).script("post-link", text), tmp_path)

    notes = Notes()
    seen: list[list[str]] = []
    env = tmp_path / "envs" / "data"
    apply(
        env,
        saying("a"),
        saying("b"),
        executor=runner(tmp_path, notes),
        after_switch=[lambda _: seen.append(list(notes.notes))],
    )
    assert seen == [[]]
    assert notes.notes == ["a: a speaks", "b: b speaks"]
    failing = 'echo "ask the maintainer" > "$PREFIX/.messages.txt"; echo why; exit 1\n'
    bad = extract(PackageBuilder("bad").script("post-link", failing), tmp_path)
    with pytest.raises(LinkScriptFailed) as caught:
        apply(env, bad, executor=runner(tmp_path, notes))
    assert caught.value.context == "why\nask the maintainer"


@pytest.mark.parametrize(
    ("make", "reported"),
    [
        ("ln -s {outside} .messages.txt", []),
        ("mkfifo .messages.txt", []),
        ("mkdir .messages.txt", []),
        ("head -c 300000 /dev/zero | tr '\\0' x > .messages.txt", ["s: " + "x" * 65536]),
        ("ln -s messages .messages.txt; echo hi > messages", []),
    ],
    ids=["link", "pipe", "folder", "long", "inner link"],
)
def test_messages_are_files_of_a_sane_size(tmp_path: Path, make: str, reported: list[str]) -> None:
    env, outside = tmp_path / "envs" / "data", tmp_path / "secret"
    outside.write_text("SECRET")
    text = f'cd "$PREFIX"; {make.format(outside=outside)}\n'
    notes = Notes()
    package = extract(PackageBuilder("s").script("post-link", text), tmp_path)
    apply(env, package, executor=runner(tmp_path, notes))
    assert notes.notes == reported
    assert (env / ".messages.txt").is_dir() or not os.path.lexists(env / ".messages.txt")
    assert outside.read_text() == "SECRET"


@pytest.mark.parametrize("confine", [True, False])
@pytest.mark.parametrize("ends", ["exit 0", "exit 3", "sleep 60"])
def test_what_scripts_leave_running_ends_with_them(
    tmp_path: Path, ends: str, *, confine: bool
) -> None:
    """A forgotten program neither holds the command up nor goes on."""
    env, marker = tmp_path / "envs" / "data", f"25.{os.getpid()}{int(confine)}"
    text = f"sleep {marker} &\nsetsid sleep {marker} &\n{ends}\n"
    package = extract(PackageBuilder("s").script("post-link", text), tmp_path)
    began = time.monotonic()
    trying = contextlib.nullcontext() if ends == "exit 0" else pytest.raises(LinkScriptFailed)
    with trying:
        limit = 1.0 if "sleep" in ends else 60.0
        apply(env, package, executor=runner(tmp_path, confine=confine, timeout=limit))
    assert time.monotonic() - began < 15
    assert not is_running(marker)


def test_much_output_is_not_kept(tmp_path: Path) -> None:
    text = "head -c 20000000 /dev/zero | tr '\\0' 'y'\necho\necho the reason\nexit 1\n"
    package = extract(PackageBuilder("s").script("post-link", text), tmp_path)
    with pytest.raises(LinkScriptFailed) as caught:
        apply(tmp_path / "envs/data", package, executor=runner(tmp_path))
    assert (caught.value.context or "").endswith("the reason")
    assert len(caught.value.context or "") <= 1 << 16


@pytest.mark.parametrize("source", ["pypi", "interpreter"])
def test_what_is_no_conda_package_has_no_scripts(tmp_path: Path, source: str) -> None:
    env = tmp_path / "envs" / "data"
    python = extract(python_package(), tmp_path)

    def other(version: str) -> Extracted:
        builder = PackageBuilder("w").version(version)
        for action in ACTIONS:
            builder = builder.script(action, f'touch "$PREFIX/ran-{action}"\n')
        return extract(builder, tmp_path, source=source)

    assert script_of(other("1.0").record, "post-link", "linux-64") is None
    change = runner(tmp_path)
    apply(env, python, other("1.0"), executor=change)
    assert (env / "bin/.w-post-link.sh").exists()
    apply(env, python, other("2.0"), executor=change)
    assert (record := Prefix(env).record("w"))
    assert not any(scripts_of_record(record, action, "linux-64") for action in ACTIONS)
    apply(env, python, executor=change)
    assert not list(env.glob("ran-*"))
    apply(env, python, other("1.0"), executor=change)
    remove_environment(env, link_scripts=change.link_scripts)
    assert not env.exists()


@pytest.mark.parametrize("source", ["pypi", "conda"])
def test_no_other_package_speaks_for_one(tmp_path: Path, source: str) -> None:
    """A file that takes the path of a package's script is not run instead."""
    env = tmp_path / "envs" / "data"
    python = extract(python_package(), tmp_path)
    builder, impostor = PackageBuilder("s"), PackageBuilder("w")
    for action in ("post-link", "pre-unlink", "post-unlink"):
        builder = builder.script(action, f"echo own >> $PREFIX/{action}\n")
        impostor = impostor.file(f"bin/.s-{action}.sh", f"echo bad >> $PREFIX/{action}\n")
    own, bad = extract(builder, tmp_path), extract(impostor, tmp_path, source=source)
    change = runner(tmp_path)
    if source == "pypi":
        with pytest.raises(Clobbered, match="belongs to w from PyPI and to s"):
            apply(env, python, own, bad, executor=change)
        return
    apply(env, python, own, bad, executor=change)
    assert "bad" in (env / "bin/.s-post-link.sh").read_text()
    apply(env, python, bad, executor=change)
    said = {a: (env / a).read_text() for a in ("post-link", "pre-unlink", "post-unlink")}
    assert said == dict.fromkeys(said, "own\n")


@pytest.mark.parametrize("kind", ["create", "update"])
def test_killed_at_every_step_between_scripts(kind: str, fast_path: Path) -> None:
    env, saved = fast_path / "envs" / "data", fast_path / "saved"
    first = "pre-link" if kind == "create" else "pre-unlink"

    def package(version: str) -> Extracted:
        builder = PackageBuilder("s").version(version).file("share/v", version)
        scripted = builder.script(first, "true\n").script("post-link", "true\n")
        return extract(scripted, fast_path)

    class Marking(LinkScriptRunner):
        """Leaves a trace without starting a program, which would take long."""

        def _run(self, script: LinkScript, prefix: Path, temporary: Path) -> None:
            operations.replace_file(prefix / "traces", script.action.encode(), durable=False)

    marking = executor(link_scripts=Marking(root_prefix=fast_path))
    one, two = package("1.0"), package("2.0")
    env.parent.mkdir()
    if kind == "update":
        apply(env, one, executor=marking)

    def change() -> None:
        apply(env, two, executor=marking)

    old = state_of(env.parent)
    shutil.copytree(env.parent, saved, symlinks=True)
    change()
    new = state_of(env.parent)
    for at in range(1 if kind == "create" else 2, 1000, 2):
        shutil.rmtree(env.parent)
        shutil.copytree(saved, env.parent, symlinks=True)
        if run_killed_at(at, change) == 0:
            break
        recover(env)
        now = state_of(env.parent)
        assert now in (old, new), (at, set(now.items()) ^ set(new.items()))
        left = (
            os.listdir(GenerationStore(env).folder) if GenerationStore(env).folder.exists() else []
        )
        assert all(name.isdigit() or name == "lock" for name in left), left
        if now == old:
            change()
        assert state_of(env.parent) == new
    assert at > 30
