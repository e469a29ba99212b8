"""Pages as scripts: the commands of a Markdown page in order, and what the page shows for them.

Read are ``console`` blocks; lines without a prompt, and a ``text`` block that follows, are the
shown output. HTML comments before a block, which readers do not see, say what a test must know.
Text in parentheses selects commands of the block by their beginning; without it, all::

    <!-- typed before: COMMANDS -->            commands that a reader does not need
    <!-- exit code (minicon lock --check): 1 -->
    <!-- runs until interrupted -->
    <!-- not run (spark-submit): REASON -->
    <!-- needs (minicon pack): PROGRAM -->     not run where it is not installed
    <!-- file: PATH -->                        the next block of any language is that file
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_PART = re.compile(
    r"<!-- *(?P<mark>typed before|exit code|runs until interrupted|not run|needs|file)"
    r"(?: \((?P<start>.*?)\))?(?:: *(?P<text>.*?))? *-->"
    r"|^```(?P<kind>\w*)\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PROMPT = re.compile(r"(?:\([\w-]+\) )?[$] (.*)")
#: Devices without which programs do not work.
_DEVICES = {"squashfuse": "/dev/fuse"}
_END = "end of a command"
#: Left out of an output that a page shows.
_LEFT_OUT = "…"


@dataclass(frozen=True)
class Typed:
    """One command of a page.

    Attributes:
        shown: The output on the page; empty if there is none.
        code: The exit code that the page implies.
        stays: It runs until it is interrupted, as servers do.
        not_run: Why it is not run.
        needs: A program without which it is not run.
        hidden: It is in a comment: only its exit code is of interest.
    """

    command: str
    shown: str = ""
    code: int = 0
    stays: bool = False
    not_run: str = ""
    needs: str = ""
    hidden: bool = False


@dataclass
class _Marks:
    """Comments before a block: keyword, beginning of commands, text."""

    found: list[tuple[str, str, str]] = field(default_factory=list)

    def apply(self, block: list[Typed]) -> list[Typed]:
        """Return the commands of a block with those that are typed before them."""
        result = []
        for number, each in enumerate(block):
            for mark, start, text in self.found:
                if start and not each.command.startswith(start):
                    continue
                if mark == "typed before" and (start or number == 0):
                    lines = text.strip().splitlines()
                    result += [Typed(line.strip(), hidden=True) for line in lines]
                elif mark == "exit code":
                    each = replace(each, code=int(text))
                elif mark == "runs until interrupted":
                    each = replace(each, stays=True)
                elif mark == "not run":
                    each = replace(each, not_run=text)
                elif mark == "needs":
                    each = replace(each, needs=text)
            result.append(each)
        self._check(block)
        return result

    def _check(self, block: list[Typed]) -> None:
        for mark, start, _ in self.found:
            fits = any(each.command.startswith(start) for each in block)
            assert fits, f"no command begins with {start!r} after {mark!r}"


def read_page(text: str) -> list[Typed]:
    """Return the commands of a page in order; files that it shows are commands, too."""
    found: list[Typed] = []
    marks = _Marks()
    for part in _PART.finditer(text):
        if part["mark"]:
            marks.found.append((part["mark"], part["start"] or "", part["text"] or ""))
        elif part["kind"] == "console":
            found += marks.apply(list(_read_block(part["block"])))
            marks = _Marks()
        elif part["kind"] == "text" and found and not found[-1].shown:
            found[-1] = replace(found[-1], shown=part["block"])
        elif marks.found:
            ((mark, _, path),) = marks.found
            assert mark == "file", f"{mark!r} before a block of {part['kind']!r}"
            found.append(Typed(_write_file(path, part["block"]), hidden=True))
            marks = _Marks()
    assert not marks.found, f"no block follows {marks.found}"
    return found


def _read_block(block: str) -> Iterator[Typed]:
    command, shown = "", ""
    for line in block.replace("\\\n", " ").splitlines():
        if match := _PROMPT.fullmatch(line):
            if command:
                yield Typed(command, shown)
            command, shown = match.group(1), ""
        else:
            shown += f"{line}\n"
    if command:
        yield Typed(command, shown)


def _write_file(path: str, text: str) -> str:
    folder = str(Path(path).parent)
    return f"mkdir -p {folder}; printf %s {shlex.quote(text)} > {path}"


def masked(line: str) -> str:
    """Return a line without versions, sizes, hashes, times, paths and the widths of columns."""
    line = re.sub(r"(?<![\w.])[~.]?(/[\w.@-]+)+/?", "PATH", line)
    line = re.sub(r"\b[0-9a-f]{12,}…?|\b[0-9a-f]{4}…", "HASH", line)
    line = re.sub(r"\b\d[\w.:-]*( ([KMG]i)?B\b| m?s\b)?", "0", line)
    line = re.sub(r"0( to 0|, 0| or 0)+", "0", line).replace(", about 0 on disk", "")
    return " ".join(line.split())


def difference(typed: Typed, printed: str, code: int) -> str:
    """Return what a command did otherwise than the page says; empty if nothing.

    A shown line ``…`` stands for any number of lines.
    """
    if code != typed.code:
        return f"$ {typed.command}\nexit code {code}, not {typed.code}\n{printed}"
    wanted = [masked(line) for line in typed.shown.splitlines() if line.strip()]
    lines = [masked(line) for line in printed.splitlines() if line.strip()]
    pattern = "".join(".*" if line == _LEFT_OUT else re.escape(line) + "\n" for line in wanted)
    if not wanted or re.fullmatch(pattern, "".join(f"{each}\n" for each in lines), re.DOTALL):
        return ""
    listed = "\n".join(wanted)
    return f"$ {typed.command}\n{printed}\nthe page shows:\n{listed}"


def _has(program: str, path: str) -> bool:
    device = _DEVICES.get(program)
    is_usable = device is None or os.access(device, os.R_OK | os.W_OK)
    return is_usable and shutil.which(program, path=path) is not None


def walk(
    page: list[Typed], home: Path, variables: Mapping[str, str]
) -> Iterator[tuple[Typed, str, int]]:
    """Type the commands into one bash; yield each with its output and exit code."""
    path = variables["PATH"]
    commands = [
        each for each in page if not each.not_run and (not each.needs or _has(each.needs, path))
    ]
    script = ['eval "$(minicon shell.bash hook)"', "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for number, each in enumerate(commands):
        script.append(_until_ready(each.command, number) if each.stays else each.command)
        script.append(f"code=$?; echo; echo '{_END}' {number} $code")
    file = home / ".walk.sh"
    file.write_text("\n".join(script))
    done = subprocess.run(
        ["bash", "--norc", str(file)], env=dict(variables), cwd=home, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
    )  # fmt: skip
    parts = re.split(rf"{_END} (\d+) (\d+)\n", done.stdout)
    assert len(parts) == 3 * len(commands) + 1, done.stdout
    for typed, printed, code in zip(commands, parts[::3], parts[2::3], strict=False):
        yield typed, printed, int(code)


def _until_ready(command: str, number: int) -> str:
    """Return a script that ends the server before, and starts one until it prints a line."""
    output = f'"$HOME/.output-{number}"'
    return (
        '[ -z "$SERVER" ] || { kill $SERVER; wait $SERVER; } 2>/dev/null\n'
        f"exec {command} > {output} 2>&1 &\n"
        "SERVER=$!\n"
        f"while kill -0 $! 2>/dev/null && ! grep -qs ^http {output}; do sleep 0.02; done\n"
        f"cat {output}; kill -0 $!"
    )
