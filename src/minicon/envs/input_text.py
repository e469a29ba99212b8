"""InputText: the text of a file that a user names, in any usual encoding."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.errors import SpecError
from minicon.fs.plain_file import decode_text
from minicon.lean_dataclasses import dataclass

#: Largest file; lock files are the largest.
MAX_BYTES = 32 * 1024 * 1024
_EXPECTED = "give the path of an environment.yml, a list of specs, or a lock file"


@dataclass(frozen=True, slots=True)
class InputText:
    """The text of a file.

    Attributes:
        text: Its text.
        name: Its file name, which decides between the formats.
        source: Its path or URL, for messages.
        folder: Base of relative paths in it.
    """

    text: str
    name: str
    source: str
    folder: Path


def read_input_text(path: str | os.PathLike[str]) -> InputText:
    """Read a file.

    Raises:
        SpecError: ``environment-file-not-found`` or ``invalid-environment-file``.
    """
    path = Path(path)
    try:
        with path.open("rb") as reader:
            data = reader.read(MAX_BYTES + 1)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        message = f"there is no file {str(path)!r}"
        if not missing:
            message = f"cannot read {str(path)!r}: {error.strerror}"
        hint = "check the path and its permissions"
        if missing:
            from minicon.fs.failures import near_files

            hint = near_files(path, _EXPECTED)
        raise SpecError("environment-file-not-found", message, hint=hint).with_facts(
            filename=os.path.abspath(path)
        ) from None
    return decoded_input(data, name=path.name, source=str(path), folder=path.parent)


def decoded_input(data: bytes, *, name: str, source: str, folder: Path) -> InputText:
    """Decode the content of a file.

    Raises:
        SpecError: ``invalid-environment-file``: it is too large, or not text.
    """
    if len(data) > MAX_BYTES:
        raise _invalid(f"{source!r} is larger than {MAX_BYTES // 2**20} MB", "is this the file?")
    try:
        text = decode_text(data)
    except UnicodeDecodeError as error:
        raise _invalid(
            f"{source!r} is not UTF-8 text (byte {error.start})", "save it as UTF-8"
        ) from None
    if "\0" in text:
        raise _invalid(f"{source!r} is not a text file", "is this the right file?")
    return InputText(text, name, source, folder)


def _invalid(message: str, hint: str) -> SpecError:
    return SpecError("invalid-environment-file", message, hint=hint)
