"""How much of an archive is read for its entry."""

from __future__ import annotations

import pytest

from minicon.archive.members import ArchiveMember, MemberKind
from minicon.publish.reading.package_entry import info_files

INDEX, ABOUT = "info/index.json", "info/about.json"


@pytest.mark.parametrize(
    ("order", "count", "found"),
    [
        ((INDEX, ABOUT, "lib/a", "lib/b"), 3, {INDEX, ABOUT}),  # as conda-build writes archives
        ((INDEX, "bin/a", "bin/b", ABOUT), 2, {INDEX}),
        (("bin/a", "include/b", INDEX, ABOUT, "lib/c", "lib/d"), 5, {INDEX, ABOUT}),  # sorted
        (("lib/a", INDEX, "bin/b", ABOUT), 4, {INDEX, ABOUT}),
        (("bin/a", ABOUT, "lib/b", INDEX, "share/c"), 5, {INDEX, ABOUT}),
    ],
)
def test_archives_are_read_up_to_the_end_of_their_info(order, count, found) -> None:
    read = []

    def members():
        for path in order:
            read.append(path)
            data = memoryview(b"{}")
            yield ArchiveMember(path, MemberKind.FILE, 2, 0o644, 0, "", data, None, "all")

    assert {f"info/{name}" for name, _ in info_files(members(), "x")} == found
    assert len(read) == count
