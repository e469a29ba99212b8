"""Where the files of a wheel belong in a package; its dist-info directory, parsed.

========================  =====================================================
in the wheel              in the package (conda's noarch python form)
========================  =====================================================
``x``, ``N.data/purelib/x``, ``N.data/platlib/x``  ``site-packages/x``
``N.data/scripts/x``      ``python-scripts/x``, executable
``N.data/headers/x``      ``python-headers/<name>/x``
``N.data/data/x``         ``x``, relative to the prefix
========================  =====================================================
"""

from __future__ import annotations

import base64
import binascii
import configparser
import csv
import io
from typing import NamedTuple

from minicon.errors import PackageError, UnsafeArchive
from minicon.fs.safe_path import folded, is_reserved_path
from minicon.models.package_names import normalize_pypi_name
from minicon.models.reporter import SilentReporter
from minicon.package.info_files import parse_entry_point
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import names_release, parse_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.archive.wheel_archive import WheelArchive
    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter

SITE_PACKAGES = "site-packages"
SCRIPTS = "python-scripts"
HEADERS = "python-headers"
#: Written by the installer for each environment (PEP 376, 610): never copied from a wheel.
_INSTALLATION_FILES = (
    "RECORD",
    "RECORD.jws",
    "RECORD.p7s",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
)
#: Not listed with a hash in RECORD, since they contain or sign it.
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_HASHES = ("sha256", "sha384", "sha512")
#: Of RECORD: path, hash and size.
_COLUMNS = 3
#: Reserved in a wheel's data: the package's metadata, and the directories above.
_RESERVED = ("info", SITE_PACKAGES, SCRIPTS, HEADERS)

#: Limits of entry_points.txt: its parser takes time quadratic in line length and errors.
_LONGEST_LINE = 1000
_MOST_LINES = 10_000


class Digest(NamedTuple):
    """A hash of RECORD: algorithm and hexadecimal value."""

    algorithm: str
    value: str


class DistInfo(NamedTuple):
    """A wheel's dist-info directory.

    Attributes:
        folder: ``name-version.dist-info``.
        metadata: Its METADATA.
        digests: Hash by file, from RECORD.
        entry_points: Commands to generate.
    """

    folder: str
    metadata: CoreMetadata
    digests: Mapping[str, Digest]
    entry_points: tuple[EntryPoint, ...]


def read_dist_info(
    archive: WheelArchive, record: RepodataRecord, reporter: Reporter | None = None
) -> DistInfo:
    """Read and check a wheel's dist-info directory.

    Args:
        archive: The wheel.
        record: Its record; name and version must match.
        reporter: Receives warnings.

    Raises:
        PackageError: A file is missing or invalid, or belongs to another package.
        UnsafeArchive: A command would be a path, or ``RECORD`` uses a weak hash.
    """
    folder = _dist_info_folder(archive.entries, record)
    _check_wheel_version(_fields(archive.read(f"{folder}/WHEEL")))
    metadata = CoreMetadata.from_text(archive.read(f"{folder}/METADATA").decode("utf-8", "replace"))
    _check_is(metadata.name, metadata.version, record, "its METADATA")
    points: tuple[EntryPoint, ...] = ()
    if f"{folder}/entry_points.txt" in archive.entries:
        text = archive.read(f"{folder}/entry_points.txt").decode("utf-8", "replace")
        points = parse_entry_points(text, record.dist_name)
    text = archive.read(f"{folder}/RECORD").decode("utf-8", "replace")
    digests = {
        _path_in_archive(path, folder, metadata): digest
        for path, digest in parse_record(text, reporter or SilentReporter()).items()
    }
    return DistInfo(folder, metadata, digests, points)


def package_path(name: str, info: DistInfo) -> str | None:
    """Return the path of a wheel's file in the package; None if it is not installed.

    Raises:
        PackageError: It is in an unknown ``.data`` directory.
        UnsafeArchive: Its path is reserved.
    """
    first, _, rest = name.partition("/")
    if first == info.folder and rest in _INSTALLATION_FILES:
        return None
    if not first.endswith(".data") or not rest:
        return f"{SITE_PACKAGES}/{name}"
    if not _is_of(first, ".data", info.metadata):
        raise PackageError(
            "broken-wheel", f"the wheel's {first} is the directory of another package"
        )
    scheme, _, path = rest.partition("/")
    if scheme in ("purelib", "platlib") and path:
        return f"{SITE_PACKAGES}/{path}"
    if scheme == "scripts" and path:
        return f"{SCRIPTS}/{path}"
    if scheme == "headers" and path:
        return f"{HEADERS}/{info.metadata.name}/{path}"
    if scheme != "data" or not path:
        raise PackageError("broken-wheel", f"the wheel's {name} is in an unknown directory")
    if is_reserved_path(path) or folded(path.partition("/")[0]) in _RESERVED:
        raise UnsafeArchive("unsafe-wheel", f"the wheel would write {path}, which is reserved")
    return path


def needs_digest(name: str, info: DistInfo) -> bool:
    """Whether RECORD must list a hash of a file: of all but itself and its signatures."""
    folder, _, file = name.partition("/")
    return folder != info.folder or file not in _UNHASHED


def may_differ(name: str, info: DistInfo) -> bool:
    """Whether a file may differ from RECORD: metadata that was corrected after the build.

    Real wheels are like that (ruamel.yaml 0.18.12), and neither file holds code or commands.
    """
    folder, _, file = name.partition("/")
    return folder == info.folder and file in ("METADATA", "WHEEL")


def parse_record(text: str, reporter: Reporter) -> dict[str, Digest]:
    """Parse RECORD (PEP 376, 627) into a hash by path; lines without a hash are ignored.

    Args:
        text: Of RECORD.
        reporter: Receives a warning of lines with too many columns.

    Raises:
        UnsafeArchive: A hash is weak, or one path has two.
    """
    digests: dict[str, Digest] = {}
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if len(row) >= 2]
    except csv.Error as error:
        raise PackageError("broken-wheel", f"its RECORD cannot be read: {error}") from error
    if any(len(row) > _COLUMNS for row in rows):
        reporter.warn(f"the RECORD of a wheel has lines with more than {_COLUMNS} columns")
    for written, value, *_ in rows:
        if not value:
            continue
        path = written.replace("\\", "/").removeprefix("./")
        algorithm, _, encoded = value.partition("=")
        if algorithm not in _HASHES:
            raise UnsafeArchive("unsafe-wheel", f"its RECORD uses {algorithm[:20]}, a weak hash")
        try:
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            raise PackageError("broken-wheel", f"its RECORD has no hash of {path}") from None
        digest = Digest(algorithm, raw.hex())
        if digests.setdefault(path, digest) != digest:
            raise UnsafeArchive("unsafe-wheel", f"its RECORD has two hashes of {path}")
    return digests


def _path_in_archive(path: str, folder: str, metadata: CoreMetadata) -> str:
    """The path of a line of RECORD, where its dist-info folder is spelled as in the archive."""
    first, slash, rest = path.partition("/")
    is_own = slash and first != folder and _is_of(first, ".dist-info", metadata)
    return f"{folder}/{rest}" if is_own else path


def _is_of(name: str, suffix: str, metadata: CoreMetadata) -> bool:
    """Whether a folder is ``name-version.dist-info`` (or ``.data``) of a wheel's own release."""
    stem = name.removesuffix(suffix)
    return stem != name and names_release(stem, metadata.name, metadata.version)


def parse_entry_points(text: str, package: str) -> tuple[EntryPoint, ...]:
    """Parse the commands of ``entry_points.txt``: console and graphical ones.

    Raises:
        PackageError: It cannot be read.
        UnsafeArchive: A command's name is a path, or its target is code
            (GHSA-4gg8-gxpx-9rph: executables written outside of the environment).
    """
    lines = text.split("\n")
    if len(lines) > _MOST_LINES or max(map(len, lines)) > _LONGEST_LINE:
        raise PackageError("broken-wheel", "its entry points cannot be read: they are too long")
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        reason = str(error).partition("\n")[0]
        raise PackageError("broken-wheel", f"its entry points cannot be read: {reason}") from error
    points: dict[str, EntryPoint] = {}
    for section in ("console_scripts", "gui_scripts"):
        for command, value in parser.items(section) if parser.has_section(section) else ():
            point = _entry_point(f"{command} = {value}", package)
            points[point.command] = point
    return tuple(points.values())


def _entry_point(text: str, package: str) -> EntryPoint:
    try:
        return parse_entry_point(text)
    except ValueError as error:
        raise UnsafeArchive(
            "unsafe-entry-point",
            f"{package} has an invalid entry point: {error}",
            hint="report this to the package's authors",
        ) from error


def _dist_info_folder(names: Iterable[str], record: RepodataRecord) -> str:
    folders = {name.partition("/")[0] for name in names if "/" in name}
    found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
    if len(found) != 1:
        raise PackageError(
            "broken-wheel", f"{record.fn} has {len(found)} dist-info directories instead of one"
        )
    if not names_release(found[0].removesuffix(".dist-info"), record.project, record.version):
        message = f"{record.fn} is not {record.dist_name}: it has the folder {found[0]}"
        raise PackageError("broken-wheel", message)
    return found[0]


def _check_is(name: str, version: str, record: RepodataRecord, what: str) -> None:
    same_version = parse_version(version) == parse_version(record.version)
    if normalize_pypi_name(name) != normalize_pypi_name(record.project) or not same_version:
        raise PackageError(
            "broken-wheel", f"{record.fn} is not {record.dist_name}: {what} says {name} {version}"
        )


def _check_wheel_version(fields: Mapping[str, str]) -> None:
    version = fields.get("wheel-version", "")
    if version.partition(".")[0] != "1":
        raise PackageError(
            "wheel-version",
            f"the wheel has format {version[:20] or 'unknown'}; only format 1 is supported",
            hint="a newer minicon may support it",
        )
    if fields.get("root-is-purelib", "").lower() not in ("true", "false"):
        raise PackageError("broken-wheel", "its WHEEL file has no valid Root-Is-Purelib")


def _fields(data: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in data.decode("utf-8", "replace").splitlines())
    return {key.strip().lower(): value.strip() for key, colon, value in lines if colon}
