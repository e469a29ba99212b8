"""Regular expressions that are compiled on first use.

A command imports some eighty patterns and uses a few; compiling them all takes 7 ms, a tenth of
its time. The functions of :mod:`re` with patterns as strings are no replacement: they look up
their cache at every call (850 ns instead of 300 ns for a short match, in the innermost loops of
reading an index), and have no ``pos`` and ``endpos``, which the parsers need.
"""

# ruff: noqa: ANN001, ANN204 - checkers see the standard library's

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import compile as lazy_pattern
else:

    class lazy_pattern:  # noqa: N801 - stands for re.compile
        """As :func:`re.compile`; an invalid pattern raises on first use."""

        __slots__ = (
            "_flags",
            "_text",
            "findall",
            "finditer",
            "flags",
            "fullmatch",
            "match",
            "pattern",
            "search",
            "split",
            "sub",
        )  # fmt: skip

        def __init__(self, text, flags=0):
            self._text = text
            self._flags = flags

        def __getattr__(self, name):
            """Compile, and fill the slots; called only while they are empty."""
            compiled = re.compile(self._text, self._flags)
            for each in self.__slots__[2:]:
                setattr(self, each, getattr(compiled, each))
            return getattr(compiled, name)


__all__ = ["lazy_pattern"]
