"""Errors for package archives: unsafe, damaged, or another file than expected."""

from __future__ import annotations

import contextlib

from minicon.errors import HashMismatch, PackageError, UnsafeArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.fs.hashing import Difference

#: Hint if the archive's bytes may differ from the channel's.
_DOWNLOAD_AGAIN = "download it again; if this repeats, the channel's copy is broken"
#: Hint if the sha256 is the one that the channel lists.
_AS_PUBLISHED = (
    "these are the listed bytes, so its copy is broken; report it to the channel's maintainers"
)
_REPORT = "do not use this package; report it to the channel's maintainers"


def unsafe(archive: str, problem: str, *, member: str | None = None) -> UnsafeArchive:
    """Build the error for an archive that reaches outside its folder or contradicts itself.

    Args:
        archive: File name of the archive.
        problem: A clause, for instance ``is a device``.
        member: Path inside the archive that the clause is about.
    """
    subject = archive if member is None else f"{archive}: member {printable(member)}"
    return UnsafeArchive("unsafe-archive", f"{subject} {problem}", hint=_REPORT)


def unsafe_wheel(problem: str, *, member: str | None = None) -> UnsafeArchive:
    """Build the error for a wheel that contradicts itself or is not a zip file."""
    subject = "it" if member is None else printable(member)
    return UnsafeArchive(
        "unsafe-wheel",
        f"the wheel cannot be trusted: {subject} {problem}",
        hint="run 'minicon clean --packages' and download it again; if this repeats, report it to "
        "its authors",
    )


def damaged(archive: str, problem: str, *, member: str | None = None) -> PackageError:
    """Build the error for an archive that is truncated or not a package."""
    subject = archive if member is None else f"{archive}: member {printable(member)}"
    return PackageError("damaged-archive", f"{subject} {problem}", hint=_DOWNLOAD_AGAIN)


@contextlib.contextmanager
def as_published() -> Iterator[None]:
    """Replace the hint of errors if the sha256 matched: another download would be identical."""
    try:
        yield
    except PackageError as error:
        if error.hint == _DOWNLOAD_AGAIN:
            error.hint = _AS_PUBLISHED
        raise


@contextlib.contextmanager
def of_environment() -> Iterator[None]:
    """Replace hints about packages by hints about an archive that a person made."""
    try:
        yield
    except PackageError as error:
        if error.hint == _REPORT:
            error.hint = "do not use this archive; report it to its maker"
        elif error.hint == _DOWNLOAD_AGAIN:
            error.hint = "copy or download it again; if this repeats, pack the environment again"
        raise


def mismatch(subject: str, difference: Difference) -> HashMismatch:
    """Build the error for a hash or size that differs from the expected one."""
    message = f"{subject} {difference}, expected {difference.expected}"
    hint = "the download is truncated or changed; run 'minicon clean --packages' and try again"
    return HashMismatch("hash-mismatch", message, hint=hint)


def printable(path: str) -> str:
    """Quote and shorten a path from an archive, so that it cannot garble a terminal."""
    return repr(path if len(path) <= 120 else f"{path[:80]}...{path[-30:]}")
