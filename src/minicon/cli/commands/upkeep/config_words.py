"""The words of ``config``: ``set KEY VALUE`` for ``--set KEY VALUE``, and others likewise."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

#: Verbs, and the options that they stand for; those that edit, with the number of their words.
SHOWING = {"list": "show", "get": "show", "sources": "show_sources", "describe": "describe"}
EDITING = {
    "set": ("set", 2),
    "append": ("append", 2),
    "prepend": ("prepend", 2),
    "remove": ("remove", 2),
    "unset": ("remove_key", 1),
}
VERBS = (*SHOWING, *EDITING)


def take_words(arguments: argparse.Namespace) -> None:
    """Turn ``set KEY VALUE`` into ``--set KEY VALUE``, and other verbs likewise.

    Raises:
        UsageError: The verb is unknown, or words are missing.
    """
    from minicon.errors import UsageError

    if not arguments.words:
        return
    verb, *words = arguments.words
    option, count = EDITING.get(verb, ("", 0))
    if verb in SHOWING and (words or verb != "get"):
        setattr(arguments, SHOWING[verb], words)
    elif option and len(words) == count:
        setattr(arguments, option, [*(getattr(arguments, option) or ()), words])
    else:
        known = verb in SHOWING or option
        raise UsageError(
            "wrong-arguments",
            f"minicon config: {'the words after' if known else 'unknown verb'} {verb!r}"
            f"{' are missing, or too many' if known else ''}",
            hint="list, get KEY, set KEY VALUE, append KEY VALUE, remove KEY VALUE, unset KEY",
        )
