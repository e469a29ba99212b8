r"""Version: conda's order of versions (CEP 33), as sort keys that are byte strings.

A version is ``[EPOCH!]RELEASE[+LOCAL]``. Release and local version split into components at dots
and underscores, components into atoms: runs of digits and runs of letters. Atoms order as
``dev < other text < numbers < post``; missing ones count as zero, so ``1.1 == 1.1.0``.

The first :data:`_COMPONENTS` components of a key are padded with zeros to :data:`_ATOMS` atoms
each, so that *starts with* is a test on a prefix of bytes. Longer versions, which are rare, are
encoded so that the order is exact for any length: a run of zeros sorts by what follows it.

=========================  ===================================================================
first byte                 meaning
=========================  ===================================================================
``*`` .. ``z``             a text atom, ended by :data:`_TEXT_END`; ``dev`` is written ``DEV``
:data:`_ZEROS_THEN_TEXT`   n zero atoms, then a text atom
:data:`_GAP_THEN_LOWER`    n zero components, then a component below zero
:data:`_END`               only zeros follow
:data:`_GAP_THEN_HIGHER`   n zero components, then a component above zero; stored as 255 - n
:data:`_ZERO`              the number zero; after the padding: 255 - n zeros, then a number
``0x81`` .. ``0xd0``       the numbers 1 to 80
``0xd1`` .. ``0xeb``       a larger number of 1 to 27 bytes, big-endian
:data:`_POST`              ``post``
=========================  ===================================================================

A prefix key is never followed by the byte 0xff, so ``bisect(keys, p)`` and
``bisect(keys, p + b"\xff")`` enclose the versions that start with it.
"""

from __future__ import annotations

from functools import lru_cache, total_ordering

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Longest version text, and longest run of digits: no int() bombs (CVE-2020-10735).
MAX_LENGTH = 255
_MAX_DIGITS = 64

_COMPONENTS = 8
_ATOMS = 3

_TEXT_END = b"\x01"
_ZEROS_THEN_TEXT = 0x7B
_GAP_THEN_LOWER = 0x7C
_END = 0x7E
_GAP_THEN_HIGHER = 0x7F
_ZERO = 0x80
_LAST_SMALL = 80
_LARGE = 0xD0
_POST = 0xF0

_ZERO_ATOM = bytes((_ZERO,))
_END_MARK = bytes((_END,))
_ZERO_COMPONENT = _ZERO_ATOM * _ATOMS + _END_MARK
_NO_TAIL_NO_LOCAL = _END_MARK + _END_MARK

_ALLOWED = lazy_pattern(r"[.+!_0-9a-z]+")
_BAD_CHARACTER = lazy_pattern(r"[^.+!_\-0-9a-zA-Z]")
_ATOM = lazy_pattern(r"[0-9]+|[^0-9]+")
_PADDING = tuple(_ZERO_COMPONENT * (_COMPONENTS - n) + _NO_TAIL_NO_LOCAL for n in range(9))


@total_ordering
class Version:
    """A version in conda's order. Immutable and hashable; equal versions may differ in text.

    Attributes:
        text: The version as written, without surrounding spaces.
        key: Sort key, see :func:`version_key`.

    Raises:
        SpecError: ``invalid-version``.
    """

    __slots__ = ("key", "text")

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.key = version_key(text)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


@lru_cache(maxsize=65536)
def version_key(text: str) -> bytes:
    """Sort key of a version. About 2 µs without the cache, whose size is limited.

    Raises:
        SpecError: ``invalid-version``.
    """
    epoch, release, local = _split(text)
    count = len(release)
    body = b"".join(map(_component_key, release[:_COMPONENTS]))
    if count <= _COMPONENTS and not local:
        return _number(epoch) + body + _PADDING[count]
    padding = _ZERO_COMPONENT * (_COMPONENTS - count)
    return _number(epoch) + body + padding + _tail(release[_COMPONENTS:]) + _tail(local)


@lru_cache(maxsize=16384)
def prefix_key(text: str) -> bytes:
    """Common prefix of the keys of exactly those versions that start with a version.

    Exact for up to 8 components with up to 3 atoms in the last one, and for any longer or local
    version whose last atom is not zero.

    Raises:
        SpecError: ``invalid-version``.
    """
    epoch, release, local = _split(text)
    if local:
        padding = _ZERO_COMPONENT * (_COMPONENTS - len(release))
        head = b"".join(map(_component_key, release[:_COMPONENTS])) + padding
        return _number(epoch) + head + _tail(release[_COMPONENTS:]) + _open_tail(local)
    head = b"".join(map(_component_key, release[: min(len(release) - 1, _COMPONENTS)]))
    if len(release) > _COMPONENTS:
        return _number(epoch) + head + _open_tail(release[_COMPONENTS:])
    *atoms, last = _atoms(release[-1])
    if len(atoms) < _ATOMS:
        return _number(epoch) + head + b"".join(map(_atom_key, atoms)) + _open_atom(last)
    padded = b"".join(map(_atom_key, atoms[:_ATOMS]))
    return _number(epoch) + head + padded + _open_atoms_tail([*atoms[_ATOMS:], last])


def python_minor(version: str) -> str:
    """Major and minor part of a version of python: ``3.11`` of ``3.11.7``."""
    return ".".join(version.split(".")[:2])


def _split(text: str) -> tuple[str, list[str], list[str]]:
    """Epoch, release components, local components; lower case."""
    version = text.strip().lower()
    if len(version) > MAX_LENGTH:
        raise _invalid(text[:40] + "…", f"longer than {MAX_LENGTH} characters")
    if not _ALLOWED.fullmatch(version):
        if "-" in version and "_" not in version:
            version = version.replace("-", "_")
        if not _ALLOWED.fullmatch(version):
            raise _invalid(text, _what_is_wrong(version))
    epoch, bang, rest = version.partition("!")
    if not bang:
        epoch, rest = "0", version
    release, plus, local = rest.partition("+")
    if not epoch.isdigit() or "!" in rest or "+" in local:
        raise _invalid(text, "a version is EPOCH!RELEASE+LOCAL, and the epoch is a number")
    closing = "_" if release.endswith("_") else ""  # openssl's 1.0.1_ sorts before 1.0.1a
    parts = release.removesuffix("_").replace("_", ".").split(".")
    parts[-1] += closing
    local_parts = local.replace("_", ".").split(".") if plus else []
    if "" in parts or "" in local_parts:
        raise _invalid(text, "a component is empty")
    return epoch, parts, local_parts


def _what_is_wrong(version: str) -> str:
    if not version:
        return "it is empty"
    bad = _BAD_CHARACTER.search(version)
    return f"the character {bad.group()!r} is not allowed" if bad else "it contains '-' and '_'"


def _invalid(text: str, why: str) -> SpecError:
    return SpecError(
        "invalid-version",
        f"{text!r} is not a version: {why}",
        hint="versions look like 1.2.3, 2024.1a0, 1!2.0 or 1.0+local",
        source=text,
        span=(0, len(text)),
    )


def _atoms(component: str) -> list[str]:
    """Atoms of a component; the first is always a number."""
    atoms: list[str] = _ATOM.findall(component)
    return atoms if atoms[0].isdigit() else ["0", *atoms]


def _number(digits: str) -> bytes:
    if len(digits) > _MAX_DIGITS:
        raise _invalid(digits[:20] + "…", f"a number of more than {_MAX_DIGITS} digits")
    number = int(digits)
    if number <= _LAST_SMALL:
        return bytes((_ZERO + number,))
    size = (number.bit_length() + 7) // 8
    return bytes((_LARGE + size,)) + number.to_bytes(size, "big")


def _atom_key(atom: str) -> bytes:
    if atom.isdigit():
        return _number(atom)
    if atom == "post":
        return bytes((_POST,))
    return (b"DEV" if atom == "dev" else atom.encode()) + _TEXT_END


@lru_cache(maxsize=8192)
def _component_key(component: str) -> bytes:
    """Key of a component: its first three atoms, padded with zeros, then the others."""
    atoms = _atoms(component)
    padding = _ZERO_ATOM * (_ATOMS - len(atoms))
    head = b"".join(map(_atom_key, atoms[:_ATOMS]))
    return head + padding + _atoms_tail(atoms[_ATOMS:])


def _open_atom(atom: str) -> bytes:
    """Key prefix of an atom that may be longer: ``rc`` starts ``rcx``, but 1 does not start 10."""
    key = _atom_key(atom)
    return key if key[0] >= _ZERO else key[:-1]


def _atoms_tail(atoms: list[str]) -> bytes:
    """Key of any number of atoms, without trailing zeros, with an end mark."""
    return _zero_runs(map(_atom_key, atoms)) + _END_MARK


def _open_atoms_tail(atoms: list[str]) -> bytes:
    head = _zero_runs(map(_atom_key, atoms))
    return head[:-1] if _atom_key(atoms[-1])[0] < _ZERO else head


def _zero_runs(keys: Iterable[bytes]) -> bytes:
    return _runs(keys, (_ZERO_ATOM,), _ZERO, (_ZEROS_THEN_TEXT, _ZERO))


def _runs(
    keys: Iterable[bytes], zeros: tuple[bytes, ...], least: int, marks: tuple[int, int]
) -> bytes:
    """Join keys; a run of zeros is one of two marks, by what follows it, with its length.

    Args:
        keys: Keys in order; zeros at the end are left out.
        zeros: The keys that count as zero.
        least: A key that begins lower than this comes before a zero.
        marks: The mark before lower keys, and that before higher ones.
    """
    out: list[bytes] = []
    run = 0
    for key in keys:
        if key in zeros:
            run += 1
            continue
        if run:
            out.append(bytes((marks[0], run) if key[0] < least else (marks[1], 255 - run)))
            run = 0
        out.append(key)
    return b"".join(out)


def _tail(components: list[str]) -> bytes:
    """Key of any number of components, without trailing zeros, with an end mark."""
    return _gaps([_atoms_tail(_atoms(component)) for component in components]) + _END_MARK


def _open_tail(components: list[str]) -> bytes:
    keys = [_atoms_tail(_atoms(component)) for component in components[:-1]]
    return _gaps([*keys, _open_atoms_tail(_atoms(components[-1]))])


def _gaps(keys: list[bytes]) -> bytes:
    return _runs(keys, (_END_MARK, b""), _END, (_GAP_THEN_LOWER, _GAP_THEN_HIGHER))
