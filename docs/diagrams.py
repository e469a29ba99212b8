"""Draw how minicon works: generations, one solve, channels, and the flow of data.

``docs/generate.py`` writes the pictures; a test compares them with what is drawn here, and the
names of types and files in them with the code.
"""

from __future__ import annotations

import drawing
from drawing import arrow, box, text

# Generations and the switch


def generations() -> str:
    """Return a change in three panels: built beside the environment, switched, undone."""
    first, second = ("python 3.11", "numpy 2.3"), ("python 3.11", "numpy 2.3", "pandas 2.3")
    links = [
        part
        for x in (291, 551, 811)
        for part in arrow((x, 416), (x, 330), kind="conda", dashed=True)
    ]
    parts = [
        *_lane(58, "envs/data", "what programs see"),
        *_lane(212, ".minicon-generations/data", "beside it, on the same file system"),
        *links,
        *_panel(0, "1  Build", "a kill here: the old environment"),
        *box(196, 70, 190, 102, "host", "revision 1", first),
        *box(196, 224, 190, 102, "step", "stage: revision 2", second, dashed=True),
        *arrow((392, 121), (450, 121)),
        *_panel(1, "2  Switch", "a kill here: the old one or the new one"),
        *box(456, 70, 190, 102, "step", "revision 2", second),
        *box(456, 224, 190, 102, "disk", "1/  revision 1", first),
        *arrow((551, 177), (551, 220), both=True),
        text(562, 202, "one rename exchanges both", "soft over"),
        *arrow((652, 121), (710, 121)),
        *_panel(2, "3  Undo", "offline: nothing is downloaded"),
        *box(716, 70, 190, 102, "host", "revision 1", first),
        *box(716, 224, 190, 102, "disk", "2/  revision 2", second),
        *arrow((811, 177), (811, 220), both=True),
        text(822, 202, "the same again", "soft over"),
        *box(196, 420, 710, 62, "conda", "pkgs/  the package cache",
             ("Every file is on disk once. Trees are hard links to it, so a revision needs hardly any space.",)),
    ]  # fmt: skip
    label = (
        "A change builds the next revision beside the environment, exchanges both by one rename, "
        "and keeps the old one; undo is the same exchange"
    )
    return drawing.frame(940, 500, label, parts)


def _lane(y: float, name: str, meaning: str) -> list[str]:
    folder, _, last = name.partition("/")
    return [
        f'<rect class="disk" x="16" y="{y}" width="908" height="126" rx="9" opacity="0.45"/>',
        text(28, y + 44, f"{folder}/", "mono bold"),
        text(28, y + 61, f"  {last}", "mono bold"),
        *(text(28, y + 84 + 17 * row, line, "soft") for row, line in enumerate(_lines(meaning))),
    ]


def _lines(words: str, width: int = 23) -> list[str]:
    """Return words in lines of up to so many characters."""
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _panel(number: int, name: str, killed: str) -> list[str]:
    middle = 291 + 260 * number
    return [
        text(middle, 40, name, "title", "middle"),
        text(middle, 380, killed, "soft over", "middle"),
    ]


# One solve over three sources


def solve() -> str:
    """Return three sources, the search over all of them, and a solution or an explanation."""
    parts = [
        *box(20, 60, 250, 100, "conda", "conda channels",
             ("conda-forge, your own, mirrors", "records: name, version, needs",
              "of packages in any language")),
        *box(20, 180, 250, 100, "pypi", "PyPI",
             ("releases and their wheels,", "with the metadata of each,", "as pip is configured")),
        *box(20, 300, 250, 100, "host", "this machine",
             ("installed interpreters,", "offered as python packages", "(a source named host)")),
        text(145, 40, "What there is", "title", "middle"),
        *arrow((270, 110), (346, 190), kind="conda"),
        *arrow((270, 230), (346, 230), kind="pypi"),
        *arrow((270, 350), (346, 270), kind="host"),
        text(460, 40, "One solve", "title", "middle"),
        *box(350, 60, 220, 62, "disk", "", ("$python=3.11 numpy", "$rich httpx")),
        text(460, 138, "what you request", "soft", "middle"),
        *arrow((460, 144), (460, 164)),
        *box(350, 168, 220, 124, "step", "search",
             ("conda packages and wheels", "are decided together:", "a wheel limits python, and",
              "python limits the wheels")),
        *arrow((574, 212), (646, 160)),
        text(785, 40, "One plan", "title", "middle"),
        *box(650, 60, 270, 192, "disk"),
        *_solution(),
        *arrow((460, 296), (460, 336), dashed=True),
        text(470, 322, "no solution", "soft"),
        *box(350, 340, 570, 60, "bad", "who needs what, in whole chains",
             ("and alternatives, each of them solved before it is shown",)),
        text(785, 276, "one transaction, one undo", "soft", "middle"),
    ]  # fmt: skip
    label = (
        "Conda channels, PyPI and the interpreters of the machine are searched in one solve, "
        "which gives one plan or an explanation"
    )
    return drawing.frame(940, 420, label, parts)


def _solution() -> list[str]:
    rows = [
        ("python", "3.11.7", "host", "host"),
        ("numpy", "2.2.6", "channel", "conda"),
        ("rich", "15.0.0", "channel", "conda"),
        ("httpx", "0.28.1", "pypi", "pypi"),
        ("anyio", "4.16.0", "pypi", "pypi"),
        ("pygments", "2.21.0", "channel", "conda"),
    ]
    parts = []
    for number, (name, version, source, kind) in enumerate(rows):
        y = 88 + 28 * number
        parts += [
            text(666, y, name, "bold"),
            text(752, y, version, "mono"),
            f'<rect class="{kind}" x="832" y="{y - 15}" width="72" height="21" rx="10"/>',
            text(868, y, source, f"t-{kind}", "middle"),
        ]
    return parts


# Channels


def channels() -> str:
    """Return how records of a name are found: cache, index, shards, mirrors."""
    parts = [
        text(120, 40, "The command", "title", "middle"),
        text(440, 40, "The cache on this disk", "title", "middle"),
        text(795, 40, "The channel", "title", "middle"),
        *box(20, 60, 200, 84, "step", "create numpy", ("names → their records", "$records_for(numpy)")),
        *box(320, 60, 240, 84, "disk", "state of a subdir",
             ("when it was checked, its ETag,", "the hash of its index")),
        *arrow((222, 102), (316, 102), words="fresh?", at=(269, 94)),
        *box(670, 60, 250, 84, "conda", "linux-64/  noarch/",
             ("at the URL of the channel, or of", "its mirrors, one after the other")),
        *arrow((562, 92), (666, 92), words="If-None-Match", at=(614, 83)),
        *arrow((666, 116), (564, 116), words="304: as cached", at=(614, 134)),
        *box(320, 176, 240, 84, "disk", "index",
             ("name → hash of its shard, or", "name → its records, mapped")),
        *arrow((440, 146), (440, 172), words="yes", at=(458, 164)),
        *box(670, 176, 250, 84, "conda", "index of shards",
             ("$repodata_shards.msgpack.zst", "one hash per package name")),
        *arrow((666, 218), (564, 218), words="if changed", at=(615, 209)),
        *box(670, 292, 250, 84, "conda", "or, without shards,",
             ("$repodata.json.zst", "cut by name while it arrives")),
        *arrow((666, 334), (500, 334), (500, 264), words="if changed", at=(600, 325)),
        *box(320, 408, 240, 84, "disk", "shards",
             ("$shards-v1/<sha256>", "named by hash: never outdated")),
        *arrow((380, 262), (380, 404), words="hash of the name", at=(380, 340)),
        *box(670, 408, 250, 84, "conda", "shards",
             ("all records of one name each:", "numpy, then what numpy needs")),
        *arrow((666, 450), (564, 450), words="only missing", at=(615, 441)),
        *box(20, 408, 200, 84, "step", "records",
             ("RepodataRecord, checked:", "no channel is trusted")),
        *arrow((316, 450), (224, 450)),
        *arrow((120, 404), (120, 364)),
        *box(20, 292, 200, 68, "step", "solver", ("needs the next names",)),
        *arrow((224, 326), (270, 326), (270, 238), (316, 238), words="next names", at=(270, 290)),
        *arrow((120, 148), (120, 288), words="requested names", at=(120, 222)),
    ]  # fmt: skip
    label = (
        "Records of a name come from the cache while its state is fresh; else the index of shards is "
        "checked, and only shards of needed names are downloaded, from the channel or a mirror"
    )
    return drawing.frame(940, 512, label, parts)


# The flow of data

#: Type, what it is, and its folder; the first row leaves the environment unchanged.
FLOW = [
    ("MatchSpec", "what you typed, parsed once", "models/match_spec"),
    ("Channel", "where to search: channel and subdir", "models"),
    ("RepodataRecord", "what is available", "repodata"),
    ("Solution", "compatible records", "solver"),
    ("Transaction", "what to link and to unlink", "prefix/plan"),
    ("CachedPackage", "verified and unpacked, once", "package/cache"),
    ("PackagePlan", "where each file goes, checked", "prefix/plan"),
    ("Generation", "next tree, beside the environment", "prefix/generations"),
    ("PrefixRecord", "what is installed", "prefix/environment"),
    ("activation", "text that a shell evaluates", "shell"),
]


def flow() -> str:
    """Return the types from the text that was typed to the active environment."""
    parts = [text(20, 34, "$ minicon create -n data python=3.11 numpy", "mono bold")]
    width, gap = 164, 20
    for number, (name, meaning, folder) in enumerate(FLOW):
        x, y = 20 + (number % 5) * (width + gap), 50 + 178 * (number // 5)
        kind = "conda" if number < 4 else "step" if number < 8 else "host"
        parts += [
            *box(x, y, width, 106, kind, name),
            *(
                text(x + 12, y + 44 + 17 * row, line)
                for row, line in enumerate(_lines(meaning, 20))
            ),
            text(x + 12, y + 94, folder, "mono soft"),
        ]
        if number % 5 < 4:
            parts += arrow((x + width + 2, y + 53), (x + width + gap - 3, y + 53))
    right = 20 + 4 * (width + gap) + width / 2
    parts += [
        *arrow((right, 160), (right, 192), (20 + width / 2, 192), (20 + width / 2, 224)),
        text(480, 184, "the plan is printed; “Proceed?”; --dry-run ends here", "soft", "middle"),
        f'<path class="l-bad dashed" stroke-width="1.6" d="M{20 + 3 * (width + gap) - gap / 2} 222V352"/>',
        text(20 + 3 * (width + gap) - gap / 2, 368, "the switch: until here the environment is unchanged", "t-bad", "middle"),
    ]  # fmt: skip
    label = "From the text that was typed to the active environment: one immutable type per stage"
    return drawing.frame(940, 392, label, parts)


PICTURES = {
    "generations.svg": generations,
    "solve.svg": solve,
    "channels.svg": channels,
    "flow.svg": flow,
}
