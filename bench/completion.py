"""What pressing TAB costs, with an index of any size.

usage: ./dev bench completion CHANNEL PACKAGE     (a channel's folder, and a name that it has)

bench/repodata_generate.py makes a channel of a million records. Its index is cached first.

Claims measured here:
  - names and versions of packages cost at most 30 ms of processor time
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import compare, print_table


def main() -> None:
    channel, name = Path(sys.argv[1]).absolute().as_uri(), sys.argv[2]
    minicon = str(Path(sys.executable).with_name("minicon"))
    words = [minicon, "completion", "--words", "package"]
    with tempfile.TemporaryDirectory() as root:
        environ = {"MINICON_ROOT": root}
        search = [minicon, "search", "-q", "-c", channel, "--override-channels", name]
        subprocess.run(search, check=True, env={**os.environ, **environ}, stdout=subprocess.DEVNULL)
        print_table(
            "completion",
            compare(
                {
                    "one letter": [*words, name[0]],
                    "a name": [*words, name],
                    "versions": [*words, f"{name}="],
                    "python -c pass": [sys.executable, "-c", "pass"],
                },
                runs=15,
                environ=environ,
            ),
        )


if __name__ == "__main__":
    main()
