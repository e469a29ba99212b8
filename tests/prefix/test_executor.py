"""The executor makes environments: linked, changed, emptied, with all of the user's files kept."""

from __future__ import annotations

from pathlib import Path

from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, extract, snapshot

from minicon.constants import PREFIX_PLACEHOLDER


def test_link_then_remove_leaves_nothing(tmp_path: Path) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs" / "data"
    hello = extract(
        PackageBuilder("hello")
        .file("bin/hello", f"#!{PREFIX_PLACEHOLDER}/bin/sh\n", prefix=PREFIX_PLACEHOLDER)
        .file("share/hello/a.txt", b"a")
        .link("share/hello/b.txt", "a.txt"),
        cache,
    )
    prefix = apply(env, hello)
    assert (env / "bin/hello").read_text() == f"#!{env}/bin/sh\n"
    assert (env / "share/hello/b.txt").read_bytes() == b"a"
    assert [r.name for r in prefix.records()] == ["hello"]
    assert prefix.records()[0].files == ("bin/hello", "share/hello/a.txt", "share/hello/b.txt")
    apply(env)
    assert snapshot(env, metadata=False) == {}
