"""Generation metadata: ``conda-meta/generation``, the number of a tree and where it comes from.

It is inside the tree, so that number and tree are swapped in the same step. It may have been
changed or planted by another user: a value that minicon does not write is never acted upon.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from minicon.constants import CONDA_META, LATEST_TIME
from minicon.fs.ownership import is_real_folder
from minicon.fs.plain_file import read_plain_file
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import is_empty, is_environment
from minicon.prefix.generations.store_entries import (
    GENERATION_FILE,
    METADATA_VERSION,
    is_environment_mark,
    is_number,
    is_stage,
)
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Number of a tree that is being removed in place, since it cannot be renamed.
BEING_REMOVED = -1
#: Highest number that a generation can have.
LAST_NUMBER = 999_999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationMetadata:
    """The content of ``conda-meta/generation``.

    Attributes:
        number: Of this generation, from 1; 0 for a tree made by another tool.
        stage: Unique name of the directory it was built in.
        previous: Number of the generation that this one was made from, or None.
        created: Seconds since 1970.
        command: The command line that made it; secrets are masked when it is written and read.
        environment: Unique mark of the environment, the same in all its generations; empty in
            trees of earlier versions of minicon.
    """

    number: int
    stage: str = ""
    previous: int | None = None
    created: float = 0.0
    command: str = ""
    environment: str = ""

    def to_bytes(self) -> bytes:
        """Serialize to one JSON object with a format version."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        data = {"version": METADATA_VERSION, **fields, "command": redact(self.command)}
        return (json.dumps(data) + "\n").encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> GenerationMetadata:
        """Parse and validate the result of :meth:`to_bytes`.

        Raises:
            ValueError: Anything else; the text is a sentence about "it".
        """
        data = json_object(text)
        if data.pop("version", None) != METADATA_VERSION:
            raise ValueError("it has an unknown version")
        if not {"number"} <= data.keys() <= set(cls.__slots__):
            raise ValueError("it has unknown or missing keys")
        metadata = cls(**data)
        invalid = _invalid_attribute(metadata)
        if invalid is not None:
            raise ValueError(f"it has an invalid value of {invalid!r}")
        return replace(metadata, command=redact(metadata.command))


def _invalid_attribute(metadata: GenerationMetadata) -> str | None:
    created = metadata.created
    is_valid = {
        "number": metadata.number == BEING_REMOVED or _is_generation_number(metadata.number),
        "stage": metadata.stage == "" or is_stage(metadata.stage),
        "previous": metadata.previous is None or _is_generation_number(metadata.previous),
        "created": type(created) in (int, float) and 0 <= created <= LATEST_TIME,
        "command": isinstance(metadata.command, str),
        "environment": metadata.environment == "" or is_environment_mark(metadata.environment),
    }
    return next((name for name, valid in is_valid.items() if not valid), None)


def _is_generation_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= LAST_NUMBER


def json_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError for anything else."""
    try:
        data = json.loads(text)
    except RecursionError:
        data = None
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one kind for all
    return data


def read_generation_metadata(tree: Path) -> GenerationMetadata:
    """The metadata of a tree; number 0 where it has none, or none that is valid."""
    try:
        return GenerationMetadata.from_bytes(_read(tree))
    except (OSError, ValueError):
        return GenerationMetadata(number=0)


def metadata_problem(tree: Path) -> str | None:
    """Why the metadata of a tree cannot be used; None if it can, or if there is none."""
    try:
        GenerationMetadata.from_bytes(_read(tree))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return None


def is_generation(tree: str | os.PathLike[str]) -> bool:
    """Whether a directory of a store is the generation that its name says.

    A tree made by another tool has no metadata and is kept as number 0. Costs five system calls.
    """
    path = Path(tree)
    if not is_number(path.name) or not is_real_folder(path):
        return False
    if not is_real_folder(path / CONDA_META):
        return False
    try:
        text = read_plain_file(path / GENERATION_FILE)
        return GenerationMetadata.from_bytes(text).number == int(path.name)
    except (FileNotFoundError, NotADirectoryError):
        return path.name == "0"
    except (OSError, ValueError):
        return False


def is_generation_of(prefix: Path, tree: Path) -> bool:
    """Whether a generation belongs to the environment that is at a path now.

    Another tool may have removed the environment, but not its generations, and created another
    one at the same path: that one has no metadata, or another mark.
    """
    if not is_environment(prefix):
        return True  # there is none now: it was removed, or is being switched
    if not os.path.lexists(prefix / GENERATION_FILE):
        return False
    mark = read_generation_metadata(prefix).environment
    return not mark or read_generation_metadata(tree).environment in ("", mark)


def _read(tree: Path) -> bytes:
    if not is_real_folder(tree / CONDA_META):
        raise FileNotFoundError(tree / CONDA_META)
    return read_plain_file(tree / GENERATION_FILE)


def has_no_content(tree: Path) -> bool:
    """Whether a tree holds at most an empty ``conda-meta``."""
    if is_empty(tree):
        return True
    meta = tree / CONDA_META
    return os.listdir(tree) == [CONDA_META] and is_real_folder(meta) and not os.listdir(meta)
