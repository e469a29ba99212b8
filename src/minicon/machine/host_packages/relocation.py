"""Making a copied interpreter independent of where it was installed.

Two kinds of files know their prefix: a few text files, in which a placeholder takes its place
(linking writes the environment's prefix there), and ELF files with a library search path, which
becomes relative to the file.
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

#: Paths relative to the prefix of the text files that carry it. Others may mention such a path
#: and mean it: with /usr/local as the prefix, ``mimetypes.py`` does.
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
    """How the files of one installation become files of a package.

    Attributes:
        prefixes: Where it is installed and, if another, where it was built for
            (python-build-standalone is built for ``/install``).
    """

    prefixes: tuple[str, ...]

    def text(self, path: str, data: bytes) -> bytes | None:
        """The content with the placeholder, or None if there is nothing to replace in it."""
        if not _PREFIXED_TEXT.fullmatch(path) or b"\0" in data:
            return None
        changed = data
        for prefix in self.prefixes:
            changed = _whole_path(prefix).sub(PREFIX_PLACEHOLDER.encode(), changed)
        return None if changed == data else changed

    def binary(self, path: str, data: bytes) -> bytes:
        """An ELF file with a search path relative to itself.

        Args:
            path: Of the file in the package, relative to the prefix.
            data: The file.

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
    """Paths of the libraries that an ELF file loads from its own installation.

    Args:
        source: Where the file lies.
        data: The file.
        prefix: Of the installation; libraries elsewhere are the system's.

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
    """The prefix where it is a path of its own or begins one, not inside a longer name."""
    return re.compile(
        rb"(?:(?<![\w.\-/])|(?<=-[ILR]))" + re.escape(prefix.encode()) + rb"(?![\w.+\-])"
    )
