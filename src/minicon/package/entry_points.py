"""Entry points of noarch python packages: ``command = module:function``, read strictly.

The command becomes a file name in ``bin/`` and the rest becomes Python source, so neither may
be anything but a plain name.
"""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import EntryPoint
from minicon.models.package_names import is_interpreter_name

_COMMAND = lazy_pattern(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_EXTRAS = lazy_pattern(r"\s*\[[A-Za-z0-9_.,\s-]*\]\s*$")
_WORDS_LIMIT = 400


def parse_entry_point(text: str) -> EntryPoint:
    """Read one entry point; extras in brackets are left out, as every tool does.

    Raises:
        ValueError: The command is not a plain file name, or that of an interpreter; or the
            function is not dotted names.
    """
    if len(text) > _WORDS_LIMIT:
        raise ValueError(f"entry point {text[:120]!r} is longer than {_WORDS_LIMIT} characters")
    command, separator, target = text.partition("=")
    command = command.strip()
    module, colon, function = _EXTRAS.sub("", target).strip().partition(":")
    module, function = module.strip(), function.strip()
    if not separator or not colon or not _COMMAND.fullmatch(command):
        raise ValueError(f"entry point {text[:120]!r} is not 'command = module:function'")
    if not (_is_dotted(module) and _is_dotted(function)):
        raise ValueError(f"entry point {text[:120]!r} does not name a Python function")
    if is_interpreter_name(command):
        raise ValueError(f"entry point {text[:120]!r} would take the place of the interpreter")
    return EntryPoint(command, module, function)


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
