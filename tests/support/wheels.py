"""WheelBuilder: small real wheels, and wheels with wrong metadata."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import warnings
import zipfile
from pathlib import Path

Text = str | bytes


def record_hash(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


class WheelBuilder:
    """Collects the files of a wheel; :meth:`build` writes it.

    Methods return the builder. The required files (METADATA, WHEEL, RECORD) are added on building,
    unless they were given or omitted on purpose.
    """

    def __init__(self, name: str, version: str = "1.0", tag: str = "py3-none-any") -> None:
        self.name, self.version, self.tag = name, version, tag
        self._base = f"{name.replace('-', '_')}-{version}"
        self._members: list[tuple[zipfile.ZipInfo, bytes]] = []
        self._metadata = [f"Name: {name}", f"Version: {version}"]
        self._wheel_version = "1.0"
        self._pure = "true"
        self._record_rows: dict[str, tuple[str, str]] = {}
        self._left_out: set[str] = set()
        self._entry_points: dict[str, list[str]] = {}
        self._algorithm = "sha256"
        self.compression = zipfile.ZIP_DEFLATED

    @property
    def dist_info(self) -> str:
        return f"{self._base}.dist-info"

    @property
    def filename(self) -> str:
        return f"{self._base}-{self.tag}.whl"

    def member(self, name: str, data: Text = b"", mode: int = stat.S_IFREG | 0o644) -> WheelBuilder:
        """Add any entry, without checks of its name."""
        info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
        info.filename = name  # ZipInfo cleans names; hostile writers do not
        info.external_attr = mode << 16
        info.compress_type = self.compression
        self._members.append((info, data.encode() if isinstance(data, str) else data))
        return self

    def file(self, name: str, data: Text = b"", executable: bool = False) -> WheelBuilder:
        return self.member(name, data, stat.S_IFREG | (0o755 if executable else 0o644))

    def data(
        self, scheme: str, name: str, data: Text = b"", executable: bool = False
    ) -> WheelBuilder:
        return self.file(f"{self._base}.data/{scheme}/{name}", data, executable)

    def requires(self, *requirements: str) -> WheelBuilder:
        self._metadata += [f"Requires-Dist: {text}" for text in requirements]
        return self

    def header(self, line: str) -> WheelBuilder:
        self._metadata.append(line)
        return self

    def entry_point(self, text: str, group: str = "console_scripts") -> WheelBuilder:
        self._entry_points.setdefault(group, []).append(text)
        return self

    def wheel_version(self, version: str) -> WheelBuilder:
        self._wheel_version = version
        return self

    def hashed_by(self, algorithm: str) -> WheelBuilder:
        self._algorithm = algorithm
        return self

    def record_row(self, name: str, value: str, size: str = "") -> WheelBuilder:
        """Set the line of a file in RECORD, true or not."""
        self._record_rows[name] = (value, size)
        return self

    def without(self, name: str) -> WheelBuilder:
        """Omit a file of dist-info."""
        self._left_out.add(name)
        return self

    def content(self) -> bytes:
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # duplicate names, on purpose
            with zipfile.ZipFile(stream, "w", self.compression) as archive:
                self._write(archive)
        return stream.getvalue()

    def build(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.content())
        return path

    def _write(self, archive: zipfile.ZipFile) -> None:
        members = [*self._members, *self._dist_info_members()]
        rows = []
        for info, data in members:
            archive.writestr(info, data)
            if not info.filename.endswith("/"):
                rows.append((info.filename, record_hash(data, self._algorithm), str(len(data))))
        record = f"{self.dist_info}/RECORD"
        if "RECORD" not in self._left_out:
            table = {name: (value, size) for name, value, size in rows} | self._record_rows
            lines = [f"{_quoted(name)},{value},{size}" for name, (value, size) in table.items()]
            archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))

    def _dist_info_members(self) -> list[tuple[zipfile.ZipInfo, bytes]]:
        pure = f"Wheel-Version: {self._wheel_version}\nRoot-Is-Purelib: {self._pure}\n"
        texts = {
            "METADATA": "\n".join(["Metadata-Version: 2.1", *self._metadata, "", "A text.", ""]),
            "WHEEL": f"{pure}Tag: {self.tag}\n",
        }
        if self._entry_points:
            texts["entry_points.txt"] = "".join(
                "\n".join([f"[{group}]", *lines, ""]) for group, lines in self._entry_points.items()
            )
        given = {info.filename for info, _ in self._members}
        found = []
        for name, text in texts.items():
            path = f"{self.dist_info}/{name}"
            if name not in self._left_out and path not in given:
                info = zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0))
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                info.compress_type = self.compression
                found.append((info, text.encode()))
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n') else name
