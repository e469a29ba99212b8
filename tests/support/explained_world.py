"""A small channel with versions, conflicts, a cycle and python, for explanations and health.

::

    app 1.0 → lib >=1 → base            app 2.0 → lib >=2
    old     → lib <2                    ring-a ⇄ ring-b
    pure    → python                    machine → __glibc >=2
"""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import QuickWorkspace
from tests.support.packages import PackageBuilder, build_channel


def explained_channel(folder: Path) -> Path:
    """Write the channel; return its directory."""
    base = PackageBuilder("base").noarch().file("share/base.txt", "base\n")
    library = PackageBuilder("lib").depends("base")
    packages = [
        base,
        library.version("1.0").file("lib/lib.txt", "one\n"),
        library.version("2.0").file("lib/lib.txt", "two\n"),
        PackageBuilder("app").version("1.0").depends("lib >=1").file("bin/app", "1\n", mode=0o755),
        PackageBuilder("app").version("2.0").depends("lib >=2").file("bin/app", "2\n", mode=0o755),
        PackageBuilder("old").depends("lib <2").file("bin/old", "old\n", mode=0o755),
        PackageBuilder("ring-a").depends("ring-b").noarch().file("share/a.txt", "a\n"),
        PackageBuilder("ring-b").depends("ring-a").noarch().file("share/b.txt", "b\n"),
        PackageBuilder("machine").depends("__glibc >=2").noarch().file("share/m.txt", "m\n"),
        PackageBuilder("pure")
        .noarch("python")
        .depends("python")
        .file("site-packages/pure/__init__.py", "name = 'pure'\n"),
        # It is never run: only its site-packages are used.
        PackageBuilder("python")
        .version("3.11.9")
        .file("bin/python3.11", "#!/bin/sh\n", mode=0o755)
        .file("lib/python3.11/site-packages/README.txt", "site-packages\n"),
    ]
    return build_channel(folder, packages)


def explained_workspace(folder: Path, channel: Path, cache: Path) -> QuickWorkspace:
    """Return a workspace with this channel only; packages are extracted once for all tests."""
    return QuickWorkspace(
        folder,
        {
            "MINICON_CHANNELS": channel.as_uri(),
            "MINICON_PKGS_DIRS": str(cache),
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MINICON_COMPILE_BYTECODE": "false",
            "CONDA_OVERRIDE_GLIBC": "2.36",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        },
    )


def install_by_hand(prefix: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> Path:
    """Write files as pip installs them; return the dist-info directory."""
    site_packages = next(prefix.glob("lib/python*/site-packages"))
    folder = site_packages / f"{name}-{version}.dist-info"
    folder.mkdir()
    lines = [f"Requires-Dist: {text}" for text in requires]
    header = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
    (folder / "METADATA").write_text(f"{header}\n\nAbout {name}.\n")
    (site_packages / f"{name}.py").write_text("x = 1\n")
    (folder / "RECORD").write_text(
        f"{name}.py,,\n{folder.name}/METADATA,,\n{folder.name}/RECORD,,\n"
    )
    return folder
