"""The three ways in which a package archive fails, each with its text in one shape."""

from __future__ import annotations

from minicon.errors import HashMismatch, PackageError, UnsafeArchive

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
    hint = "download it again; if this repeats, the channel's copy is broken"
    return PackageError("damaged-archive", f"{subject} {problem}", hint=hint)


def mismatch(subject: str, what: str, expected: object, found: object) -> HashMismatch:
    """A hash or size differs from what was promised."""
    message = f"{subject} has {what} {found}, expected {expected}"
    hint = "the download was cut or changed on its way; run 'minicon clean' and try again"
    return HashMismatch("hash-mismatch", message, hint=hint)


def printable(path: str) -> str:
    """A path from an archive, quoted and cut so that it cannot disturb a terminal."""
    return repr(path if len(path) <= 120 else f"{path[:80]}...{path[-30:]}")
