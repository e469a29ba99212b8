"""Generate the scripts that run a package's entry points as commands."""

from __future__ import annotations

from minicon.fs.hashing import sha256_of
from minicon.models.package_files import PathsEntry, PathType
from minicon.models.subdir import is_windows
from minicon.prefix.environment.python_layout import entry_point_path
from minicon.prefix.link.prefix_bytes import python_shebang

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.models.package_files import EntryPoint
    from minicon.prefix.environment.python_layout import PythonLayout
    from minicon.prefix.plan.package_plan import PackagePlan

_SCRIPT = """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {first}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""


def entry_point_files(plan: PackagePlan, prefix: str) -> Iterator[tuple[PathsEntry, bytes]]:
    """Each command of a package: its entry for ``conda-meta``, and its content.

    Args:
        plan: The package; only Python packages have commands.
        prefix: Final absolute path of the environment.
    """
    layout = plan.layout
    if layout is None:
        return
    windows = is_windows(layout.subdir)
    kind = PathType.WINDOWS_ENTRY_POINT_SCRIPT if windows else PathType.UNIX_ENTRY_POINT
    for point in plan.entry_points:
        data = entry_point_script(point, layout, prefix)
        path = entry_point_path(point, layout)
        digest = sha256_of(data)
        yield PathsEntry(path, kind, size_in_bytes=len(data), sha256_in_prefix=digest), data


def entry_point_script(entry_point: EntryPoint, layout: PythonLayout, prefix: str) -> bytes:
    """The script that runs a command, as conda writes it.

    On Windows the script is beside a launcher ``NAME.exe``, which has the interpreter's path.
    """
    text = _SCRIPT.format(
        module=entry_point.module,
        first=entry_point.function.partition(".")[0],
        function=entry_point.function,
    )
    if is_windows(layout.subdir):
        return text.encode()
    return (python_shebang(f"{prefix}/{layout.executable}", layout.subdir) + text).encode()
