"""``create`` from a conda channel with real content, warm and cold, beside py-rattler.

Whole processes in turns. Warm: index and packages are cached. Cold: nothing is; index and packages
come from a server on this machine. py-rattler's process solves and installs in one go. It waits
for no disk, which minicon does unless ``durability`` is ``fast``.

    ./dev bench create_channel [--runs N] [--channel FOLDER]

Without --channel, bench/make_channel.py makes one first.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from make_channel import make_channel
from measure import compare, in_new_place, print_table

SPECS = ("python", "numpy", "pandas", "scipy")
RATTLER = """
import asyncio, os, sys
from rattler import Channel, Client, Gateway, MatchSpec, VirtualPackage, install, solve
url, cache, prefix, *specs = sys.argv[1:]
async def main():
    client = Client()
    gateway = Gateway(cache_dir=cache + "/repodata", client=client)
    records = await solve(
        [Channel(url)],
        [MatchSpec(spec) for spec in specs],
        gateway=gateway,
        platforms=["linux-64", "noarch"],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(
        records, target_prefix=prefix, cache_dir=cache, client=client, show_progress=False
    )
asyncio.run(main())
os._exit(0)  # the interpreter's own end fails now and then with its threads still there
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(folder: Path) -> str:
    """Serve a folder until the process ends; gives the URL."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def contestants(work: Path, url: str, cache: str) -> dict[str, list[str]]:
    """Commands that make a new environment each time, from caches below WORK / CACHE."""
    create = ["create", "-y", "-q", "-p", f"{work}/env-NUMBER", "--override-channels", "-c", url]
    minicon = [sys.executable, "-m", "minicon", *create, *SPECS]
    safe = ["env", f"MINICON_ROOT={work}/{cache}/minicon"]
    fast = ["env", f"MINICON_ROOT={work}/{cache}/minicon-fast", "MINICON_DURABILITY=fast"]
    rattler = [sys.executable, "-c", RATTLER, url, f"{work}/{cache}/rattler"]
    return {
        "minicon": in_new_place([*safe, *minicon]),
        "minicon, durability: fast": in_new_place([*fast, *minicon]),
        "py-rattler": in_new_place([*rattler, f"{work}/rattler-env-NUMBER", *SPECS]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--channel", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        work = Path(name)
        channel = arguments.channel or work / "channel"
        if arguments.channel is None:
            python = "{}.{}".format(*sys.version_info)
            print(make_channel(channel, python, list(SPECS[1:])), "files in the channel")
        url = serve(channel)
        for title, cache in (("cold create", "cache-NUMBER"), ("warm create", "cache")):
            commands = contestants(work, url, cache)
            print_table(title, compare(commands, runs=arguments.runs, environ={"HOME": name}))


if __name__ == "__main__":
    main()
