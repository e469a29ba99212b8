"""PackageBuilder: real conda packages for tests, in a few lines.

>>> package = PackageBuilder("hello").version("1.0").file("bin/hello", b"#!/bin/sh\\n", mode=0o755)
>>> path = package.build(tmp_path, kind=".conda")      # a deterministic archive
>>> record = package.repodata_record(path)             # its record in repodata.json
>>> channel = build_channel(tmp_path, [package])       # a directory with repodata.json
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import zstandard

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.models.records import RepodataRecord

MODIFIED = 1_600_000_000
TIMESTAMP_MS = MODIFIED * 1000


@dataclass(frozen=True)
class PackageBuilder:
    """One package. Every method returns a new builder, so that variants are easy to write."""

    name: str
    _version: str = "1.0"
    _build: str = "0"
    _build_number: int = 0
    _subdir: str | None = None
    _noarch: str | None = None
    _index: dict[str, Any] = field(default_factory=dict)
    _files: tuple[dict[str, Any], ...] = ()
    _entry_points: tuple[str, ...] = ()
    _info: dict[str, bytes] = field(default_factory=dict)
    _legacy: bool = False

    def version(self, version: str) -> PackageBuilder:
        return replace(self, _version=version)

    def build_string(self, build: str, number: int = 0) -> PackageBuilder:
        return replace(self, _build=build, _build_number=number)

    def subdir(self, subdir: str) -> PackageBuilder:
        return replace(self, _subdir=subdir)

    def noarch(self, kind: str = "generic") -> PackageBuilder:
        """``python`` or ``generic``."""
        return replace(self, _noarch=kind)

    def index(self, **fields: Any) -> PackageBuilder:
        """Set more fields of index.json, for instance ``license=``, ``track_features=``."""
        return replace(self, _index={**self._index, **fields})

    def depends(self, *specs: str) -> PackageBuilder:
        return self.index(depends=[*self._index.get("depends", []), *specs])

    def constrains(self, *specs: str) -> PackageBuilder:
        return self.index(constrains=[*self._index.get("constrains", []), *specs])

    def file(
        self,
        path: str,
        content: bytes | str = b"",
        *,
        prefix: str | None = None,
        mode: int | str | None = None,
        no_link: bool = False,
        executable: bool | None = None,
    ) -> PackageBuilder:
        """Add a regular file.

        Args:
            path: In the package.
            content: Bytes, or text in UTF-8.
            prefix: Placeholder that the content contains, for instance PREFIX_PLACEHOLDER.
            mode: ``text`` or ``binary`` with a placeholder; or permission bits.
            no_link: Whether it must be copied.
            executable: Whether execute bits are set; None is only below ``bin/``.
        """
        data = content.encode() if isinstance(content, str) else content
        bits = mode if isinstance(mode, int) else None
        if bits is None:
            run = path.startswith("bin/") if executable is None else executable
            bits = 0o755 if run else 0o644
        file_mode = mode if isinstance(mode, str) else ("text" if prefix else None)
        entry = {
            "path": path,
            "type": "hardlink",
            "data": data,
            "bits": bits,
            "prefix": prefix,
            "file_mode": file_mode,
            "no_link": no_link,
        }
        return replace(self, _files=(*self._files, entry))

    def link(self, path: str, target: str) -> PackageBuilder:
        """Add a symbolic link."""
        entry = {"path": path, "type": "softlink", "target": target}
        return replace(self, _files=(*self._files, entry))

    def empty_folder(self, path: str) -> PackageBuilder:
        """Add a directory without entries."""
        entry = {"path": path, "type": "directory", "data": b""}
        return replace(self, _files=(*self._files, entry))

    def hard_link(self, path: str, target: str) -> PackageBuilder:
        """Add a hard link to a file that was added before."""
        entry = {"path": path, "type": "hardlink", "same_as": target}
        return replace(self, _files=(*self._files, entry))

    def entry_point(self, text: str) -> PackageBuilder:
        """Add ``command = module:function`` of a noarch python package."""
        return replace(self, _entry_points=(*self._entry_points, text))

    def script(self, action: str, content: str) -> PackageBuilder:
        """Add a link script for an action such as ``post-link`` or ``pre-unlink``."""
        return self.file(f"bin/.{self.name}-{action}.sh", content)

    def info(self, name: str, content: bytes | str) -> PackageBuilder:
        """Add a file below ``info/``; replaces a generated one (``paths.json`` …)."""
        data = content.encode() if isinstance(content, str) else content
        return replace(self, _info={**self._info, name: data})

    def legacy(self) -> PackageBuilder:
        """Use the format before 2017: no paths.json, but files, has_prefix and no_link."""
        return replace(self, _legacy=True)

    # Metadata

    @property
    def dist_name(self) -> str:
        return f"{self.name}-{self._version}-{self._build}"

    @property
    def actual_subdir(self) -> str:
        return self._subdir or ("noarch" if self._noarch else "linux-64")

    def index_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "name": self.name,
            "version": self._version,
            "build": self._build,
            "build_number": self._build_number,
            "subdir": self.actual_subdir,
            "depends": [],
            "timestamp": TIMESTAMP_MS,
        }
        if self._noarch:
            data["noarch"] = self._noarch
        return {**data, **self._index}

    def paths_json(self) -> dict[str, Any]:
        entries = []
        for file in self._files:
            data = self._content(file)
            entry: dict[str, Any] = {"_path": file["path"]}
            if file.get("prefix"):
                entry |= {"prefix_placeholder": file["prefix"], "file_mode": file["file_mode"]}
            if file.get("no_link"):
                entry["no_link"] = True
            entry["path_type"] = file["type"]
            entry |= {"sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
            entries.append(entry)
        return {"paths": entries, "paths_version": 1}

    def _content(self, file: dict[str, Any]) -> bytes:
        """Return the content of a file, or of a link's target, as conda-build hashes it."""
        if "data" in file:
            return bytes(file["data"])
        target = file.get("same_as")
        if target is None:
            parts: list[str] = file["path"].split("/")[:-1]
            for part in file["target"].split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part] if part != "." else parts
            target = "/".join(parts)
        found = [self._content(f) for f in self._files if f["path"] == target and f is not file]
        return found[0] if found else b""

    def info_files(self) -> dict[str, bytes]:
        """Return all files below ``info/``."""
        files = {"index.json": _json(self.index_json())}
        files["files"] = "".join(f"{file['path']}\n" for file in self._files).encode()
        if self._legacy:
            files |= self._legacy_info()
        else:
            files["paths.json"] = _json(self.paths_json())
        if self._noarch:
            noarch: dict[str, Any] = {"type": self._noarch}
            if self._entry_points:
                noarch["entry_points"] = list(self._entry_points)
            files["link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
        files["about.json"] = _json({"summary": f"{self.name} for tests"})
        return {**files, **self._info}

    def _legacy_info(self) -> dict[str, bytes]:
        prefixed = [f for f in self._files if f.get("prefix")]
        lines = [
            f["path"]
            if f["prefix"] == PREFIX_PLACEHOLDER and f["file_mode"] == "text"
            else f'"{f["prefix"]}" {f["file_mode"]} "{f["path"]}"'
            for f in prefixed
        ]
        files = {"has_prefix": "".join(f"{line}\n" for line in lines).encode()} if lines else {}
        no_link = [f["path"] for f in self._files if f.get("no_link")]
        if no_link:
            files["no_link"] = "".join(f"{path}\n" for path in no_link).encode()
        return files

    # Archives

    def members(self) -> tuple[list[tarfile.TarInfo], dict[str, bytes]]:
        """Return tar members of the payload, and the content of its regular files."""
        members, contents = [], {}
        for file in self._files:
            member = _tar_member(file["path"])
            if file["type"] == "directory":
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            elif "data" in file:
                member.size = len(file["data"])
                member.mode = file["bits"]
                contents[member.name] = bytes(file["data"])
            elif "same_as" in file:
                member.type, member.linkname = tarfile.LNKTYPE, file["same_as"]
            else:
                member.type, member.linkname = tarfile.SYMTYPE, file["target"]
                member.mode = 0o777
            members.append(member)
        return members, contents

    def build(self, directory: Path, kind: str = ".conda") -> Path:
        """Write the archive below a directory, in its subdir; return its path. Bytes never vary."""
        folder = Path(directory) / self.actual_subdir
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.dist_name}{kind}"
        path.write_bytes(self.archive_bytes(kind))
        return path

    def archive_bytes(self, kind: str = ".conda") -> bytes:
        """Return the bytes of the archive."""
        members, contents = self.members()
        info = {f"info/{name}": data for name, data in self.info_files().items()}
        info_members = []
        for name, data in info.items():
            member = _tar_member(name)
            member.size = len(data)
            info_members.append(member)
        if kind == ".tar.bz2":
            return bz2.compress(tar_bytes([*info_members, *members], {**info, **contents}))
        assert kind == ".conda", kind
        return conda_bytes(
            self.dist_name, tar_bytes(info_members, info), tar_bytes(members, contents)
        )

    def repodata_record(self, path: Path) -> dict[str, Any]:
        """Return the entry of ``repodata.json`` for an archive of :meth:`build`."""
        data = path.read_bytes()
        return {
            **self.index_json(),
            "md5": hashlib.md5(data).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }

    def record(self, path: Path, channel: str = "https://channel.test/main") -> RepodataRecord:
        """Return the package as a record of a channel."""
        return RepodataRecord(
            self.repodata_record(path),
            channel=channel,
            subdir=self.actual_subdir,
            fn=path.name,
            url=f"{channel}/{self.actual_subdir}/{path.name}",
        )


def build_channel(directory: Path, packages: list[PackageBuilder], kind: str = ".conda") -> Path:
    """Build a channel: the packages, and ``repodata.json`` in each subdir."""
    repodata: dict[str, dict[str, Any]] = {"noarch": {}}
    for package in packages:
        path = package.build(directory, kind)
        record = package.repodata_record(path)
        repodata.setdefault(package.actual_subdir, {})[path.name] = record
    for subdir, records in repodata.items():
        folder = Path(directory) / subdir
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "info": {"subdir": subdir},
            "packages": {k: v for k, v in records.items() if k.endswith(".tar.bz2")},
            "packages.conda": {k: v for k, v in records.items() if k.endswith(".conda")},
            "removed": [],
            "repodata_version": 1,
        }
        (folder / "repodata.json").write_bytes(_json(document))
    return Path(directory)


def tar_bytes(members: list[tarfile.TarInfo], contents: dict[str, bytes]) -> bytes:
    """Return a tar archive of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(contents.get(member.name, b"")))
    return buffer.getvalue()


def conda_bytes(
    stem: str, info_tar: bytes, package_tar: bytes, metadata: bytes | None = None
) -> bytes:
    """Return a ``.conda`` file of two tar archives."""
    compress = zstandard.ZstdCompressor(level=3).compress
    if metadata is None:
        metadata = b'{"conda_pkg_format_version": 2}'
    parts = {
        "metadata.json": metadata,
        f"pkg-{stem}.tar.zst": compress(package_tar),
        f"info-{stem}.tar.zst": compress(info_tar),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 9, 13, 12, 26, 40)), data)
    return buffer.getvalue()


def _tar_member(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mtime = MODIFIED
    member.mode = 0o644
    return member


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=2, sort_keys=True).encode()
