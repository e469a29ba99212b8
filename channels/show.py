"""Show the demonstration channel: build, index and serve it, look at it, and install from it.

    ./dev show                 until Ctrl-C
    ./dev show --pictures      also take the pictures of docs/how-to/serve-a-channel.md

The channel, the environment and all caches are in a temporary directory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "how-to" / "pictures"
SPECS = ("python=3.11", "numpy", "rich", "nodejs", "ninja")
CONFLICT = ("python=3.11", "rich", "numpy=2.2.6=py313_0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="take the pictures of the docs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "MINICON_ROOT": f"{folder}/root", "HOME": folder}
        channel = Path(folder, "demo")
        minicon(environ, "channel", "build", str(ROOT / "channels" / "demo"), str(channel))
        with served(environ, channel) as url:
            sources = ("-c", url, "-c", "host", "--override-channels")
            minicon(environ, "create", "-y", "-n", "demo", *sources, *SPECS)
            minicon(environ, "run", "-n", "demo", "node", "--version")
            minicon(environ, "run", "-n", "demo", "python", "-c", "import numpy; print(numpy)")
            if arguments.pictures:
                take_pictures(url.rpartition("/")[0])
                return
            print(f"\nThe channel is at {url} until you press Ctrl-C.")
            with contextlib.suppress(KeyboardInterrupt):
                sys.stdin.read() if not sys.stdin.isatty() else input()


def minicon(environ: dict[str, str], *words: str) -> None:
    print("$ minicon", *words, flush=True)
    subprocess.run([sys.executable, "-m", "minicon", *words], env=environ, check=True)


@contextlib.contextmanager
def served(environ: dict[str, str], channel: Path) -> Iterator[str]:
    words = ("channel", "serve", str(channel), "--port", "0", "--allow", "host")
    print("$ minicon", *words, flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "minicon", *words], env=environ, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)


def take_pictures(url: str) -> None:
    """Look at the pages as a person would, and take pictures of them."""
    sys.path.insert(0, str(ROOT))
    from tests.support.browser import open_browser

    PICTURES.mkdir(exist_ok=True)
    with open_browser() as browser:
        browser.resize(960, 760)
        browser.visit(f"{url}/demo/")
        browser.screenshot(PICTURES / "channel.png")
        browser.visit(f"{url}/demo/packages/numpy")
        browser.screenshot(PICTURES / "package.png")
        browser.visit(f"{url}/solve")
        browser.click("#text")
        browser.type("\n".join(SPECS))
        browser.click(".primary", loads=True)
        browser.resize(960, 1180)
        browser.screenshot(PICTURES / "workbench.png")
        browser.visit(f"{url}/solve")
        browser.click("#text")
        browser.type("\n".join(CONFLICT))
        browser.click(".primary", loads=True)
        browser.resize(960, 900)
        browser.screenshot(PICTURES / "no-solution.png")
        browser.resize(390, 844, phone=True)
        browser.prefer("dark")
        browser.visit(f"{url}/demo/")
        browser.screenshot(PICTURES / "phone.png")


if __name__ == "__main__":
    main()
