"""Write ``conda-meta`` of a staged environment: records, requests, history, metadata.

A record is written as ``json.dumps(record.to_json())`` would, but faster. The record of a large
package has thousands of entries, nearly all of one shape: their text is taken from the package's
manifest or formatted directly, otherwise it would be a sixth of the time of linking.
"""

from __future__ import annotations

import contextlib
import json

from minicon.constants import CONDA_META, HISTORY
from minicon.fs.folder import Folder
from minicon.models.prefix_record import PrefixRecord
from minicon.package.record_texts import files_text, paths_text
from minicon.prefix.environment.history import change_lines, format_block, parse_history
from minicon.prefix.generations.store_entries import GENERATION_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from minicon.fs.operations import PathText
    from minicon.models.package_files import PathsEntry
    from minicon.prefix.generations.metadata import GenerationMetadata
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.package_plan import PackagePlan
    from minicon.prefix.plan.transaction import Transaction

_CREATED_AT = f"{CONDA_META}/created_at"


def write_prefix_record(
    tree: StagingDirectory,
    plan: PackagePlan,
    entries: Sequence[PathsEntry],
    *,
    link_type: int,
    requested_specs: Sequence[str],
    channel_url: Callable[[str], str] = str,
) -> None:
    """Write the record of a linked package.

    Args:
        tree: The staged environment.
        plan: The package.
        entries: Its files that are not plain files of the plan.
        link_type: How it was linked, a value of :class:`LinkType`.
        requested_specs: The user's specs that it matches; empty for a dependency.
        channel_url: Gives the base URL of a channel's name, which other tools would look up in
            their own settings.
    """
    directory = plan.directory
    archive = directory.parent / plan.record.fn
    record = PrefixRecord(
        plan.record.with_channel(channel_url(plan.record.channel)),
        files=[entry.path for entry in entries],
        paths=entries,
        requested_specs=requested_specs,
        link={"source": str(directory), "type": link_type},
        extracted_package_dir=str(directory),
        package_tarball_full_path=str(archive) if archive.exists() else "",
    )
    files, paths = plan.record_texts()
    pieces = prefix_record_text(record, files=files, paths=paths)
    tree.folder(CONDA_META).create_file_from(record.file_name, pieces)


def prefix_record_text(
    record: PrefixRecord, *, files: bytes = b"", paths: Iterable[bytes] = ()
) -> Iterator[bytes]:
    """Serialize a record to JSON, in one line, with keys in conda's order; yields it in pieces.

    Args:
        record: The package; its own files come last.
        files: JSON texts of further paths, separated by commas.
        paths: JSON objects of their entries, separated by commas, in pieces.
    """
    frame = PrefixRecord(
        record.record,
        files=(),
        paths=(),
        requested_specs=record.requested_specs,
        link=record.link,
        extracted_package_dir=record.extracted_package_dir,
        package_tarball_full_path=record.package_tarball_full_path,
    ).to_json()
    last = {key: frame.pop(key) for key in ("link", "requested_spec", "requested_specs")}
    for key in ("files", "paths_data"):
        del frame[key]
    comma = b", " if files and record.files else b""
    start = b'{%s, "files": [%s%s%s], "paths_data": {"paths_version": 1, "paths": ['
    yield start % (_members(frame), files, comma, files_text(record.files))
    yield from paths
    yield b"%s%s]}, %s}" % (comma, paths_text(record.paths), _members(last))


def _members(data: Mapping[str, Any]) -> bytes:
    """A JSON object without its braces."""
    return json.dumps(data)[1:-1].encode()


def update_requested_specs(meta: Folder, transaction: Transaction) -> None:
    """Record the specs of unchanged packages, which may be requested now and were not before."""
    for record in transaction.unchanged:
        specs = transaction.requested.get(record.name)
        name = record.file_name
        if specs and specs != record.requested_specs and meta.status(name) is not None:
            data = json.loads(meta.read_file(name))
            data.update(requested_spec=specs[0], requested_specs=list(specs))
            meta.remove_file(name)
            meta.create_file(name, json.dumps(data).encode())


def write_generation_files(
    tree: StagingDirectory,
    metadata: GenerationMetadata,
    transaction: Transaction,
    *,
    history: bytes,
    version: str,
    now: float,
    channel_name: Callable[[str], str] = str,
) -> None:
    """Write history, generation metadata, and the time of creation if it is not recorded.

    Args:
        tree: The staged environment.
        metadata: Of the new generation.
        transaction: What changes, for the new block of history.
        history: The previous history.
        version: Of minicon.
        now: Seconds since 1970.
        channel_name: Gives conda's canonical name of a base URL.
    """
    tree.create_file(GENERATION_FILE, metadata.to_bytes())
    meta = tree.folder(CONDA_META)  # what pip installed may have no record
    staying = [each for each in transaction.unchanged if meta.status(each.file_name) is not None]
    revisions = parse_history(history.decode(errors="replace"))
    block = format_block(
        command=metadata.command,
        version=version,
        lines=change_lines(revisions, [*staying, *transaction.link], channel_name),
        specs={"update": transaction.update_specs, "remove": transaction.remove_specs},
        now=metadata.created,
        generation=metadata.number,
    )
    tree.create_file(HISTORY, history + block.encode())
    with contextlib.suppress(FileExistsError):
        tree.create_file(_CREATED_AT, str(now).encode())


def read_history(environment: PathText) -> bytes:
    """The text that a new block is added to; a link of its name is refused (``ELOOP``)."""
    with Folder.open(environment) as folder:
        return folder.read_file(HISTORY) if folder.status(HISTORY) is not None else b""
