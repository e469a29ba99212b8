"""The channel of bench/crash.py: six small packages, two of them in two versions."""

from __future__ import annotations

import random
from pathlib import Path

from tests.support.packages import PackageBuilder, build_channel

from minicon.constants import PREFIX_PLACEHOLDER


def make_channel(folder: Path, *, files: int = 60) -> Path:
    """Write it; the same bytes each time."""
    chance = random.Random(7)

    def package(name: str, version: str, *needs: str) -> PackageBuilder:
        script = f"#!{PREFIX_PLACEHOLDER}/bin/sh\necho {name} {version}\n"
        builder = PackageBuilder(name).version(version).depends(*needs)
        builder = builder.file(f"bin/{name}", script, prefix=PREFIX_PLACEHOLDER)
        for number in range(files):
            size = chance.choice((100, 3_000, 40_000))
            builder = builder.file(f"lib/{name}/{number % 7}/{number}", chance.randbytes(size))
        return builder.link(f"lib/lib{name}.so", f"{name}/0/0")

    return build_channel(
        folder,
        [
            package("base-a", "1.0"),
            package("base-b", "1.0", "base-a"),
            package("lib", "1.0", "base-b"),
            package("lib", "2.0", "base-b"),
            package("app", "1.0", "lib 1.*"),
            package("app", "2.0", "lib 2.*"),
            package("data", "1.0"),
            package("tool", "1.0", "base-a"),
        ],
    )
