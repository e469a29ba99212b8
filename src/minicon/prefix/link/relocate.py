"""Prefix replacement: put the environment's path where a package has a placeholder.

Text files may grow or shrink. Binary files keep their length: the prefix must fit into the
placeholder, and the NUL-terminated string that contained it is padded with NULs (conda's rules;
conda-build writes placeholders of 255 characters for that reason).
"""

from __future__ import annotations

from minicon.errors import PackageError, PrefixError
from minicon.prefix.link.prefix_bytes import (
    ENCODINGS,
    PrefixTooLong,
    replace_in_binary,
    replace_in_text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.models.package_files import PathsEntry

#: Bytes by which the files of one package may grow; real packages grow by some kilobytes.
GROWTH_LIMIT = 64 << 20


def growth_of(data: bytes, entry: PathsEntry, prefix: str) -> int:
    """Bytes by which a text file grows when the prefix is put into it; 0 for other files."""
    placeholder = entry.prefix_placeholder
    if not placeholder or entry.file_mode == "binary":
        return 0
    longer = [
        (placeholder.encode(encoding), len(prefix.encode(encoding))) for encoding in ENCODINGS
    ]
    return sum(data.count(old) * (new - len(old)) for old, new in longer if new > len(old))


def check_growth(path: str, growth: int) -> None:
    """Refuse files that would fill the disk. Raises PackageError (``unsafe-growth``)."""
    if growth > GROWTH_LIMIT:
        raise PackageError(
            "unsafe-growth",
            f"{path} has so many placeholders that it would grow by {growth >> 20} MiB",
            hint="do not use this package; report this to the channel's maintainers",
        )


def relocate(data: bytes, entry: PathsEntry, prefix: str, subdir: str) -> bytes:
    """Compute the content of a package's file in a prefix.

    Args:
        data: The content in the package.
        entry: Its ``prefix_placeholder`` and ``file_mode``.
        prefix: Final absolute path of the environment.
        subdir: Target platform, for instance ``linux-64``.

    Raises:
        PrefixError: A binary file has no room for the prefix.
        PackageError: A text file would grow beyond all reason.
    """
    placeholder = entry.prefix_placeholder
    if not placeholder:
        return data
    if entry.file_mode == "binary":
        try:
            return replace_in_binary(data, placeholder, prefix, subdir)
        except PrefixTooLong as error:
            raise PrefixError(
                "prefix-too-long",
                f"no room for {prefix!r} in a placeholder of {error.args[0]} bytes",
                hint="use a shorter path (-p) or root directory",
            ) from None
    check_growth(entry.path, growth_of(data, entry, prefix))
    return replace_in_text(data, placeholder, prefix, subdir)


def codesign_command(path: str, subdir: str, system: str) -> Sequence[str] | None:
    """The command that signs a changed binary, which Apple's arm64 kernels require, or None.

    Args:
        path: The changed file.
        subdir: Target platform.
        system: ``sys.platform`` of this machine; only ``darwin`` can sign.
    """
    if subdir == "osx-arm64" and system == "darwin":
        return ("/usr/bin/codesign", "-s", "-", "-f", path)
    return None
