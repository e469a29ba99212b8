"""Domain: what a variable may still be, as one integer.

Bit *i* stands for the *i*-th best candidate of a package, and one bit above all candidates stands
for ABSENT: the package is not there at all. An intersection of domains is ``&``, the best
candidate left is the lowest bit, and "exactly one left" is ``not domain & (domain - 1)``::

    numpy   2.1.0  2.0.2  1.26.4  ABSENT         domain 0b1101:
      bit     0      1       2      3            2.1.0, 1.26.4 or not there
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def best(domain: int) -> int:
    """Position of the best candidate in a domain that is not empty."""
    return (domain & -domain).bit_length() - 1


def members(domain: int) -> Iterator[int]:
    """Positions in a domain, best first."""
    while domain:
        lowest = domain & -domain
        yield lowest.bit_length() - 1
        domain ^= lowest


def is_decided(domain: int) -> bool:
    """Whether nothing is left to choose."""
    return not domain & (domain - 1)
