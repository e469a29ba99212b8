"""The content of an environment's files for another path, known now or only later.

A known path is put into the files. Else they get back the placeholder of their package, which
``bin/conda-unpack`` or ``minicon unpack`` replaces. Python scripts then find their interpreter by
their own path, so that they need no replacement.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from minicon.constants import CONDA_META, PREFIX_PLACEHOLDER
from minicon.fs.hashing import sha256_of
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.link.path_replacement import (
    Relocation,
    relocate_again,
    replace_path,
    restore_original,
)
from minicon.prefix.link.prefix_bytes import ENCODINGS, declares_encoding
from minicon.prefix.link.relocated_files import (
    LARGEST_SCRIPT,
    WHEEL_RECORD,
    names_without_entry,
)
from minicon.prefix.link.rewritten_records import Rewritten, updated_record, updated_wheel_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix

_INTERPRETERS = rb"/((?:[^/\s\"]+/)*(?:python|pypy)[^/\s\"]*)"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A file that contains a placeholder instead of the path of its environment.

    Attributes:
        path: Relative to the prefix.
        placeholder: The text to replace.
        mode: ``text`` or ``binary``.
    """

    path: str
    placeholder: str
    mode: str

    @classmethod
    def of_text(cls, path: str) -> Placeholder:
        """Return that of a text file that no package has."""
        return cls(path, PREFIX_PLACEHOLDER, "text")


class PortableContent:
    """Rewrites the files of one environment, one after the other.

    Args:
        prefix: The environment.
        destination: Its later path; None if it is not known yet.

    Attributes:
        placeholders: The files so far that contain a placeholder.
        stuck: Binary files so far in which the old path cannot be replaced, since they have
            changed.
        is_changed: Whether a file so far had not the content that its package lists.
    """

    def __init__(self, prefix: Prefix, destination: str | None) -> None:
        self._prefix = prefix
        #: Entries of files that contain the path, and hashes of all: entries take much memory.
        self._entries: dict[str, PathsEntry] = {}
        self._sha256: dict[str, str | None] = {}
        for record in prefix.readable_records():
            self._entries.update(prefix.entries_of(record, record.paths_with_prefix))
            installed = prefix.path_mapping(record)
            self._sha256.update(
                (installed(entry.path), entry.expected_sha256) for entry in record.each_path()
            )
        self._owned = prefix.owned_files()
        subdir = prefix.subdir or ("win-64" if os.name == "nt" else "linux-64")
        self._old = Relocation(old=str(prefix.path), new="", subdir=subdir, share=False)
        self._destination = destination
        self._changes: dict[str, Rewritten] = {}
        self.placeholders: list[Placeholder] = []
        self.stuck: list[str] = []
        self.is_changed = False

    @property
    def subdir(self) -> str:
        """Platform of the environment."""
        return self._old.subdir

    def rewritten(self, path: str, size: int) -> bytes | None:
        """Return the new content of a file; None if it is packed as it is.

        Args:
            path: Relative to the prefix.
            size: Its length in bytes.

        Raises:
            PrefixError: ``prefix-too-long``: a binary file has no room for the destination.
            OSError: It cannot be read.
        """
        entry = self._entries.get(path)
        if entry is not None and entry.prefix_placeholder:
            data = self._read(path)
            new, placeholder = self._of_entry(path, data, entry)
        elif not self._may_contain_path(path):
            return None
        else:
            data = self._read(path) if size <= LARGEST_SCRIPT else b""
            if b"\0" in data or self._old.old.encode() not in data:
                return None
            placeholder = Placeholder.of_text(path)
            later = self._destination or placeholder.placeholder
            new = replace_path(data, replace(self._old, new=later))
        if not self._destination:
            new = self._with_placeholder(new, placeholder)
        if new == data:
            return None
        self.check(path, sha256_of(data))
        is_final = not (self.placeholders and self.placeholders[-1].path == path)
        self._changes[path] = Rewritten(sha256_of(new) if is_final else None, len(new))
        return new

    def listed_sha256(self, path: str) -> str | None:
        """Return the SHA-256 that a file has unless it has changed; None if that is not known."""
        return self._sha256.get(path)

    def check(self, path: str, sha256: str | None) -> None:
        """Compare the present SHA-256 of a file with the listed one."""
        expected = self.listed_sha256(path)
        self.is_changed |= expected is not None and expected != sha256

    def _may_contain_path(self, path: str) -> bool:
        """Whether a file without placeholder is searched: results of link scripts are, too."""
        if path not in self._owned and not path.startswith(f"{CONDA_META}/"):
            return True
        folder, _, name = path.rpartition("/")
        return bool(names_without_entry(folder, [name]))

    def _of_entry(self, path: str, data: bytes, entry: PathsEntry) -> tuple[bytes, Placeholder]:
        original, is_exact = restore_original(data, entry, self._old.old)
        mode = "binary" if entry.file_mode == "binary" else "text"
        placeholder = Placeholder(path, entry.prefix_placeholder or "", mode)
        if mode == "binary" and not is_exact and self._old.old.encode() in original:
            self.stuck.append(path)
        if self._destination:
            return relocate_again(
                data, entry, replace(self._old, new=self._destination)
            ), placeholder
        if is_exact or mode == "binary":
            return original, placeholder
        new = replace_path(data, replace(self._old, new=PREFIX_PLACEHOLDER))
        return new, Placeholder.of_text(path)

    def packed(self, path: str) -> bytes:
        """Return the packed content of a file with a placeholder of its package."""
        data = self._read(path)
        entry = self._entries.get(path)
        return data if entry is None else restore_original(data, entry, self._old.old)[0]

    def _with_placeholder(self, data: bytes, found: Placeholder) -> bytes:
        """Remember a file that contains its placeholder; a Python script may need none."""
        if found.mode == "text":
            data = relocatable_script(data, found.placeholder, found.path)
        if any(found.placeholder.encode(encoding) in data for encoding in ENCODINGS):
            self.placeholders.append(found)
        return data

    def _read(self, path: str) -> bytes:
        return Path(f"{self._prefix.path}/{path}").read_bytes()

    def link(self, path: str, text: str) -> str | None:
        """Return the text of a symbolic link, relative to its directory; None if it leads outside.

        Args:
            path: The link, relative to the prefix.
            text: Its present target.
        """
        old = self._old.old
        folder = os.path.dirname(f"{old}/{path}")
        target = os.path.normpath(os.path.join(folder, text))
        if target != old and not target.startswith(f"{old}/"):
            return None
        is_plain = not os.path.isabs(text) and not os.path.normpath(
            os.path.join(os.path.dirname(path), text)
        ).startswith("..")
        return text if is_plain else os.path.relpath(target, folder)

    def wheel_record(self, path: str) -> bytes:
        """Return a wheel's ``RECORD`` with the new hashes; call it after all other files."""
        before = self._read(path)
        data = updated_wheel_record(before, path, self._changes)
        if data != before:
            self._changes[path] = Rewritten(sha256_of(data), len(data))
        return data

    def record(self, record: PrefixRecord, left_out: frozenset[str]) -> list[bytes]:
        """Return the record of a package in pieces, without paths of this machine; call it last.

        Args:
            record: The package.
            left_out: Files that are not packed.
        """
        return updated_record(
            self._read(f"{CONDA_META}/{record.file_name}"),
            self._prefix.path_mapping(record),
            self._changes,
            left_out=left_out,
            files=[path for path in record.files if path not in left_out],
            link={**record.link, "source": ""},
            extracted_package_dir="",
            package_tarball_full_path="",
        )


def is_wheel_record(path: str) -> bool:
    """Whether a path is a wheel's list of files with their hashes."""
    return path.endswith(WHEEL_RECORD)


def relocatable_script(data: bytes, placeholder: str, path: str) -> bytes:
    """Let a Python script find the interpreter of its environment by its own path.

    Args:
        data: A script whose first lines start an interpreter below the placeholder; anything else
            is returned as it is.
        placeholder: Stands for the path of the environment.
        path: Of the script, relative to the prefix.
    """
    start = re.escape(placeholder.encode()) + _INTERPRETERS
    match = re.match(rb"#![ \t]*" + start + rb"([^\n]*)\n", data)
    if match and declares_encoding(data[match.end() - 1 :]):
        return data
    match = match or re.match(
        rb"#!/bin/sh\n'''exec' \"" + start + rb"\"([^\n]*) \"\$0\" \"\$@\"\n' '''\n", data
    )
    if match is None:
        return data
    options = f" {text}" if (text := match[2].decode().strip()) else ""
    interpreter = os.path.relpath(match[1].decode(), os.path.dirname(path)).replace(os.sep, "/")
    return _python_by_own_path(interpreter, options) + data[match.end() :]


def _python_by_own_path(interpreter: str, options: str = "") -> bytes:
    # As _polyglot in minicon.prefix.link.prefix_bytes: a shell script and a Python script in one.
    found = f'"$(dirname -- "$(realpath -- "$0")")/{interpreter}"'
    return f"#!/bin/sh\n'''exec' {found}{options} \"$0\" \"$@\"\n' '''\n".encode()


def python_script_start(interpreter: str) -> bytes:
    """Return the first lines of a script that is started by a Python beside it.

    Args:
        interpreter: Relative to the script's directory.
    """
    return _python_by_own_path(interpreter, " -I")
