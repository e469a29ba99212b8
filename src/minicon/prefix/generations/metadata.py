"""The mark of a tree (``conda-meta/generation``): which generation it is, and of what command.

It lies inside the tree, so that number and tree change places in the same step.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from minicon.constants import CONDA_META, LATEST_TIME
from minicon.fs.ownership import is_real_folder
from minicon.fs.plain_file import read_plain_file
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import is_empty
from minicon.prefix.generations.store_names import LAST_NUMBER, is_number, is_stage
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MARK = f"{CONDA_META}/generation"
#: Number of a tree that is being removed where it is.
GONE = -1
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationMetadata:
    """What a tree says of itself.

    Attributes:
        number: Of this generation; the first is 1, and 0 is what another tool made.
        stage: Name of the folder it was built in, which no other tree ever had.
        previous: Number that was current before this one became so; None at the beginning.
        created: Seconds since 1970.
        command: The command that made it; secrets in it are masked when it is written and read.
    """

    number: int
    stage: str = ""
    previous: int | None = None
    created: float = 0.0
    command: str = ""

    def to_bytes(self) -> bytes:
        """The text of the file: one JSON object with a version."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        data = {"version": _VERSION, **fields, "command": redact(self.command)}
        return (json.dumps(data) + "\n").encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> GenerationMetadata:
        """Read what :meth:`to_bytes` made.

        Raises:
            ValueError: It is something else; the text says what.
        """
        data = json_object(text)
        if data.pop("version", None) != _VERSION:
            raise ValueError("it has an unknown version")
        if not {"number"} <= data.keys() <= set(cls.__slots__):
            raise ValueError("it has other members than minicon writes")
        mark = cls(**data)
        problem = _problem(mark)
        if problem is not None:
            raise ValueError(f"its {problem} is none that minicon writes")
        return replace(mark, command=redact(mark.command))


def _problem(mark: GenerationMetadata) -> str | None:
    """Which attribute of a mark no command of minicon could have written."""
    created = mark.created
    is_right = {
        "number": mark.number == GONE or _is_number(mark.number),
        "stage": mark.stage == "" or is_stage(mark.stage),
        "previous": mark.previous is None or _is_number(mark.previous),
        "created": type(created) in (int, float) and 0 <= created <= LATEST_TIME,
        "command": isinstance(mark.command, str),
    }
    return next((name for name, right in is_right.items() if not right), None)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= LAST_NUMBER


def json_object(text: bytes) -> dict[str, Any]:
    """The members of a JSON object. Raises ValueError, whatever is wrong."""
    try:
        data = json.loads(text)
    except RecursionError:
        data = None
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one kind for all
    return data


def read_generation_metadata(tree: Path) -> GenerationMetadata:
    """What a tree says of itself; number 0 where it says nothing, or nothing to be believed."""
    try:
        return GenerationMetadata.from_bytes(_read(tree))
    except (OSError, ValueError):
        return GenerationMetadata(number=0)


def mark_problem(tree: Path) -> str | None:
    """Why the mark of a tree is not believed; None if it is, or if there is none."""
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
    """Whether a folder of a store holds the generation that its name says.

    A tree that another tool made has no mark, and is kept as number 0.
    """
    path = Path(tree)
    if not is_number(path.name) or not is_real_folder(path):
        return False
    return (
        is_real_folder(path / CONDA_META)
        and mark_problem(path) is None
        and read_generation_metadata(path).number == int(path.name)
    )


def _read(tree: Path) -> bytes:
    if not is_real_folder(tree / CONDA_META):
        raise FileNotFoundError(tree / CONDA_META)
    return read_plain_file(tree / MARK)


def is_hollow(tree: Path) -> bool:
    """Whether nothing is left in a folder but where its records were."""
    if is_empty(tree):
        return True
    meta = tree / CONDA_META
    return os.listdir(tree) == [CONDA_META] and is_real_folder(meta) and not os.listdir(meta)
