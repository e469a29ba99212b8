"""Regular expressions that are compiled when they are first used.

A command imports some eighty and uses a few; compiling them all takes a tenth of its time.
"""

# ruff: noqa: ANN001, ANN204 - checkers see the standard library's

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import compile as lazy_pattern
else:

    class lazy_pattern:  # noqa: N801 - stands for re.compile
        """As :func:`re.compile`; a mistake in the text shows at first use."""

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
            """Reached only while the slots are empty: compiles, and fills them."""
            compiled = re.compile(self._text, self._flags)
            for each in self.__slots__[2:]:
                setattr(self, each, getattr(compiled, each))
            return getattr(compiled, name)


__all__ = ["lazy_pattern"]
