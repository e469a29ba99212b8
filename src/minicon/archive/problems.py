"""The three ways in which a package archive fails, each with its text in one shape."""

from __future__ import annotations

import contextlib

from minicon.errors import HashMismatch, PackageError, UnsafeArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: What to do where the archive's bytes may not be those that the channel has.
_DOWNLOAD_AGAIN = "download it again; if this repeats, the channel's copy is broken"
#: The same where its sha256 is known to be right.
_AS_PUBLISHED = "these are the listed bytes, so its copy is broken; tell the channel's maintainers"
_REPORT = "do not use this package; tell the channel's maintainers"


def unsafe(archive: str, problem: str, *, member: str | None = None) -> UnsafeArchive:
    """The archive tries to reach outside its folder, or contradicts itself.

    Args:
        archive: File name of the archive.
        problem: A clause, for instance ``is a device``.
        member: Path inside the archive that the clause speaks of.
    """
    subject = archive if member is None else f"{archive}: member {printable(member)}"
    return UnsafeArchive("unsafe-archive", f"{subject} {problem}", hint=_REPORT)


def damaged(archive: str, problem: str, *, member: str | None = None) -> PackageError:
    """The archive is cut short, or its bytes are not those of a package."""
    subject = archive if member is None else f"{archive}: member {printable(member)}"
    return PackageError("damaged-archive", f"{subject} {problem}", hint=_DOWNLOAD_AGAIN)


@contextlib.contextmanager
def as_published() -> Iterator[None]:
    """Give errors the hint for an archive whose sha256 is right: another download is the same."""
    try:
        yield
    except PackageError as error:
        if error.hint == _DOWNLOAD_AGAIN:
            error.hint = _AS_PUBLISHED
        raise


def mismatch(subject: str, what: str, expected: object, found: object) -> HashMismatch:
    """A hash or size differs from what was promised."""
    message = f"{subject} has {what} {found}, expected {expected}"
    hint = "the download was cut or changed on its way; run 'minicon clean' and try again"
    return HashMismatch("hash-mismatch", message, hint=hint)


def printable(path: str) -> str:
    """A path from an archive, quoted and cut so that it cannot disturb a terminal."""
    return repr(path if len(path) <= 120 else f"{path[:80]}...{path[-30:]}")
