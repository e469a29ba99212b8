"""Archives of conda-pack are unpacked, and its documented options work in 'minicon pack'."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.index_peers import PYTHON

CONDA_PACK = PYTHON.with_name("conda-pack")

SCRIPT = b"#!/usr/bin/env python\n_prefix_records = [\n('bin/listed', '/opt/old', 'text')\n]\n"
RECORD = {
    "name": "tool",
    "version": "1.0",
    "build": "0",
    "build_number": 0,
    "channel": "c",
    "url": "https://h.example/noarch/tool-1.0-0.conda",
    "files": ["bin/own", "bin/placed", "bin/entry"],
    "paths_data": {
        "paths_version": 1,
        "paths": [
            {"_path": "bin/own", "path_type": "hardlink"},
            {
                "_path": "bin/placed",
                "path_type": "hardlink",
                "prefix_placeholder": "/opt/built",
                "file_mode": "text",
            },
            {"_path": "bin/entry", "path_type": "unix_python_entry_point"},
        ],
    },
}


def conda_packed(path: Path) -> None:
    """Write an archive as conda-pack does: commands start with ``env``, and are not listed."""
    files = {
        "conda-meta/history": b"",
        "conda-meta/tool-1.0-0.json": json.dumps(RECORD).encode(),
        "bin/python": b'#!/bin/sh\necho own "$@"\n',
        "bin/own": b"#!/usr/bin/env python\n",
        "bin/placed": b"#!/usr/bin/env python -E\nx = '/opt/built/share'\n",
        "bin/entry": b"#!/usr/bin/env python\n",
        "bin/by-pip": b"#!/usr/bin/env python\n",
        "bin/other": b"#!/usr/bin/env perl\n",
        "bin/listed": b"#!/bin/sh\n# /opt/old\n",
        "bin/conda-unpack": SCRIPT,
        "bin/conda_unpack_progress.py": b"",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))


def test_commands_start_with_the_python_of_their_environment(minicon: CommandLine) -> None:
    conda_packed(minicon.folder / "env.tar.gz")
    new = minicon.folder / "new"
    minicon("unpack", "env.tar.gz", new).ok()
    bin_folder = new / "bin"
    texts = {path.name: path.read_text() for path in bin_folder.iterdir()}
    own = f"#!{bin_folder}/python"
    assert texts["placed"] == f"{own} -E\nx = '{new}/share'\n"
    assert texts["entry"] == texts["by-pip"] == f"{own}\n"
    assert texts["own"] == "#!/usr/bin/env python\n", "as its package has it"
    assert texts["other"] == "#!/usr/bin/env perl\n", "the environment has no perl"
    assert texts["listed"] == f"#!/bin/sh\n# {new}\n"
    assert not {"conda-unpack", "conda_unpack_progress.py"} & texts.keys()
    minicon("verify", "-p", new).ok()
    shown = subprocess.run([bin_folder / "by-pip", "x"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"own {bin_folder}/by-pip x\n"


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tgz", "tar.bz2", "tbz2", "tar.zst", "tar"])
def test_suffixes_of_conda_pack_name_formats(data: CommandLine, suffix: str) -> None:
    data(f"pack -n data -o e.{suffix}").ok()
    data(f"unpack e.{suffix} ./new").ok()
    assert (data.folder / "new" / "bin" / "hello").exists()


def test_options_of_conda_pack(data: CommandLine) -> None:
    """Those of its documentation: what is excluded, replaced, ignored."""
    data("pack -n data -o e.tar --exclude share/* --exclude bin/* --include bin/hello").ok()
    with tarfile.open(data.folder / "e.tar") as archive:
        names = archive.getnames()
    assert "bin/hello" in names
    assert "share/greeting" not in names
    assert "exists already" in data("pack -n data -o e.tar").err
    data("pack -n data -o e.tar --force --quiet").ok()
    (data.environment("data") / "share" / "greeting").unlink()
    assert "missing" in data("pack -n data -o m.tar").err
    data("pack -n data -o m.tar --ignore-missing-files").ok()
    data("pack -n data -o p.tar --ignore-missing-files --dest-prefix /opt/other").ok()
    with tarfile.open(data.folder / "p.tar") as archive:
        assert "bin/conda-unpack" not in archive.getnames(), "its paths are final"
    data("pack -n data -o z.tgz --ignore-missing-files --compress-level 9").ok()
    assert tarfile.is_tarfile(data.folder / "z.tgz")


def test_what_conda_pack_packs_is_unpacked(data: CommandLine) -> None:
    if not CONDA_PACK.exists():
        pytest.skip("no conda-pack; run: ./dev clients")
    command = [CONDA_PACK, "-q", "-p", data.environment("data")]
    for suffix in ("tar.gz", "zip"):
        output = data.folder / f"packed.{suffix}"
        subprocess.run([*command, "-o", output], check=True, capture_output=True)
        new = data.folder / suffix
        data("unpack", output, new).ok()
        data("verify", "-p", new).ok()
        assert "hello 1.0" in subprocess.check_output([new / "bin" / "hello"], text=True)
