"""RECORD as the csv module would write it, whatever files are called."""

from __future__ import annotations

import base64
import csv
import io
import posixpath

from hypothesis import given
from hypothesis import strategies as st

from minicon.models.package_files import PackageFiles, PathsEntry, PathType
from minicon.package.manifest import Manifest
from minicon.prefix.link.wheel_record import _plain_lines, record_lines
from minicon.prefix.plan.package_plan import PlannedFolder

SITE = "lib/python3.11/site-packages"
NAMES = st.one_of(
    st.sampled_from(["a.py", "b c", "d,e", 'f"g', "'j'", "é", "#k"]),
    st.text(st.characters(exclude_characters="/\0\n\r", codec="utf-8"), min_size=1, max_size=6),
).filter(lambda name: name not in (".", ".."))
FOLDERS = st.sampled_from(["", "bin", SITE, f"{SITE}/p", f"{SITE}/q,r", "lib/python3.11", "lib"])
ENTRIES = st.lists(
    st.builds(
        lambda folder, name, sha256, size: PathsEntry(
            f"{folder}/{name}" if folder else name, sha256=sha256, size_in_bytes=size
        ),
        FOLDERS,
        NAMES,
        st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
        st.none() | st.integers(0, 1 << 40),
    ),
    max_size=8,
    unique_by=lambda entry: entry.path,
)


def expected(entry):
    path = posixpath.relpath(entry.path, SITE)
    if entry.sha256 is None or entry.path_type == PathType.PYC_FILE:
        return [path, "", ""]
    digest = base64.urlsafe_b64encode(bytes.fromhex(entry.sha256)).decode().rstrip("=")
    size = "" if entry.size_in_bytes is None else str(entry.size_in_bytes)
    return [path, f"sha256={digest}", size]


@given(ENTRIES)
def test_each_file_has_its_row(entries):
    folders = Manifest.of(PackageFiles(paths=tuple(entries))).folders
    text = "".join(_plain_lines(PlannedFolder("", f.path, f), SITE) for f in folders)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert sorted(rows) == sorted(map(expected, entries))


@given(ENTRIES)
def test_rows_are_those_of_the_csv_module(entries):
    entries += [PathsEntry(f"{SITE}/x.pyc", PathType.PYC_FILE, size_in_bytes=7)]
    text = io.StringIO()
    rows = [*map(expected, entries), ["p.dist-info/RECORD", "", ""]]
    csv.writer(text, lineterminator="\n").writerows(rows)
    assert record_lines(entries, SITE, f"{SITE}/p.dist-info/RECORD") == text.getvalue()
