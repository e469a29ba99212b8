"""Relocation: make the files of a copied interpreter independent of its original prefix.

Two kinds of files contain the prefix: some text files, in which it is replaced by a placeholder
(and that by the environment's prefix on linking), and ELF files with a library search path, which
is made relative to the file.
"""

from __future__ import annotations

import os
import re

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.machine.host_packages.elf import ElfFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Relative paths of text files that contain the prefix. In other files the same path can have
#: another meaning, for instance /usr/local in ``mimetypes.py``.
_PREFIXED_TEXT = lazy_pattern(
    r"""lib/python[^/]+/(
            _sysconfigdata[^/]*\.py | _sysconfig_vars[^/]*\.json | build-details\.json
          | config-[^/]+/(Makefile | python-config\.py)
        )
      | lib/pkgconfig/[^/]+\.pc
      | bin/[^/]+""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Relocation:
    """Converts the files of an installation to files of a package.

    Attributes:
        prefixes: The prefix and, if different, the one that it was built for
            (python-build-standalone is built for ``/install``).
    """

    prefixes: tuple[str, ...]

    def text(self, path: str, data: bytes) -> bytes | None:
        """The content with placeholders for the prefix; None if it does not contain the prefix."""
        if not _PREFIXED_TEXT.fullmatch(path) or b"\0" in data:
            return None
        changed = data
        for prefix in self.prefixes:
            changed = _whole_path(prefix).sub(PREFIX_PLACEHOLDER.encode(), changed)
        return None if changed == data else changed

    def binary(self, path: str, data: bytes) -> bytes:
        """The content of an ELF file with a search path that is relative to the file.

        Args:
            path: Path of the file, relative to the prefix.
            data: Content of the file.

        Raises:
            ElfError: It cannot be changed in place.
        """
        elf = ElfFile(data)
        old = elf.search_path
        new = ":".join(
            dict.fromkeys(self._relative(folder, path) for folder in old.split(":") if folder)
        )
        return data if new == old else elf.with_search_path(new)

    def _relative(self, folder: str, path: str) -> str:
        for prefix in self.prefixes:
            if folder == prefix or folder.startswith(prefix.rstrip("/") + "/"):
                inside = os.path.relpath(folder, prefix)
                way = os.path.relpath(inside, os.path.dirname(path) or ".")
                return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"
        return folder


def bundled_libraries(source: str, data: bytes, prefix: str) -> Iterable[str]:
    """Paths of the libraries that an ELF file loads from its installation.

    Args:
        source: Path of the file.
        data: Content of the file.
        prefix: Prefix of the installation; libraries outside are those of the system.

    Raises:
        ElfError: It cannot be read.
    """
    elf = ElfFile(data)
    for name in elf.needed:
        for folder in elf.search_path.split(":"):
            expanded = folder.replace("$ORIGIN", os.path.dirname(source))
            expanded = expanded.replace("${ORIGIN}", os.path.dirname(source))
            found = os.path.normpath(os.path.join(expanded, name))
            if folder and found.startswith(prefix + os.sep) and os.path.isfile(found):
                yield found
                break


def _whole_path(prefix: str) -> re.Pattern[bytes]:
    """A pattern for the prefix as a path or the start of one, not as a part of a longer name."""
    return re.compile(
        rb"(?:(?<![\w.\-/])|(?<=-[ILR]))" + re.escape(prefix.encode()) + rb"(?![\w.+\-])"
    )
