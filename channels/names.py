"""Write src/minicon/models/names.txt: conda packages whose Python project has another name.

    python channels/names.py MAP.json > src/minicon/models/names.txt

The map lists the package URLs of each package file: ``{channel: {subdir: {file: [purl, ...]}}}``,
as conda-forge publishes it for its own packages.
"""

from __future__ import annotations

import collections
import json
import re
import sys

HEAD = """\
# conda-name project…: where the two differ. Made by channels/names.py; several
# conda names of one project stand in the order of their likelihood."""
#: Channels, in no order: files of all of them are counted.
CHANNELS = ("conda-forge", "bioconda", "pytorch")
#: Packages that are no project, or one that another package stands for.
LEFT_OUT = {
    *("python_abi", "ld_impl_linux-64", "vc14_runtime", "vs2015_runtime"),
    *("qgis", "cppcheck", "tzdata", "libopencv", "psycopg2-binary"),
}
#: What the map has wrong, or not at all.
WELL_KNOWN = {
    "pytables": ("tables",),
    "python-lmdb": ("lmdb",),
    "python-blosc": ("blosc",),
    "py-opencv": (
        "opencv-python",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
        "opencv-python-headless",
    ),
    "tensorflow-base": ("tensorflow", "tensorflow-cpu"),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
}


def main() -> None:
    """Print the file."""
    with open(sys.argv[1], encoding="utf-8") as file:
        counts = count_files(json.load(file))
    print(HEAD)
    for row in rows(counts):
        print(*row)


def count_files(
    purls: dict[str, dict[str, dict[str, list[str]]]],
) -> dict[str, collections.Counter[str]]:
    """Return how many files of each conda package have which project in them."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for channel in CHANNELS:
        for files in purls[channel].values():
            for file, found in files.items():
                counts[file.rsplit("-", 2)[0]].update({project_of(purl) for purl in found})
    return counts


def project_of(purl: str) -> str:
    """Return the normalized name of the project of a package URL."""
    return normalized(re.split("[?@]", purl.removeprefix("pkg:pypi/"))[0])


def normalized(name: str) -> str:
    """Return a name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rows(counts: dict[str, collections.Counter[str]]) -> list[tuple[str, ...]]:
    """Return conda name and projects, by project; the likeliest conda name comes first."""
    projects = dict(WELL_KNOWN)
    for name, found in counts.items():
        if found and name not in LEFT_OUT and name not in WELL_KNOWN:
            projects[name] = projects_of(name, found)
    # What was found beside these is vendored in the package.
    own = {main for main, *_ in projects.values()}
    projects = {
        name: (main, *(each for each in others if each not in own))
        for name, (main, *others) in projects.items()
    }
    odd = {each for name, found in projects.items() for each in found if each != name}
    listed = [(found[0], -counts[name][found[0]], name, found) for name, found in projects.items()]
    return [(name, *found) for _, _, name, found in sorted(listed) if odd & set(found)]


def projects_of(name: str, found: collections.Counter[str]) -> tuple[str, ...]:
    """Return the projects of a package: the main one, and others that are as frequent.

    The project of the same name is the main one, unless it is rare: then it was guessed.
    """
    most = max(found.values())
    same = normalized(name)
    main = same if found[same] * 2 >= most else found.most_common(1)[0][0]
    return (main, *sorted(each for each, n in found.items() if each != main and n * 2 >= most))


if __name__ == "__main__":
    main()
