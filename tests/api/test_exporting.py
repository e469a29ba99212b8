"""Exported environments: the line of each package depends on its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minicon.api.export.exporting import explicit_spec, export_spec, portable_spec
from minicon.errors import NotAnEnvironment, PrefixError

SITE_PACKAGES = "lib/python3.11/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """python of this machine, numpy of a channel, a wheel, and an empty site-packages."""
    prefix = tmp_path / "data"
    (prefix / SITE_PACKAGES).mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "history").write_text("")
    add(prefix, "python", "3.11.9", "host", build="habc_host")
    add(prefix, "numpy", "2.1.0", "conda-forge", build="py311h1", requested="numpy >=2")
    add(prefix, "zlib", "1.3.1", "https://packages.example.org/lab", build="h2")
    add(prefix, "rich", "13.7.1", "pypi", requested="pypi:rich>=13")
    return prefix


def add(prefix: Path, name: str, version: str, channel: str, **fields: Any) -> None:
    build = fields.pop("build", "0")
    requested = fields.pop("requested", None)
    url = f"https://packages.example.org/x/noarch/{name}-{version}-{build}.conda"
    record = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "channel": channel,
        "subdir": "noarch",
        "fn": f"{name}-{version}-{build}.conda",
        "url": "" if channel == "host" else url,
        "sha256": "0" * 64,
        "depends": [],
        "files": [],
        **fields,
    }
    if requested:
        record |= {"requested_spec": requested, "requested_specs": [requested]}
    path = prefix / "conda-meta" / f"{name}-{version}-{build}.json"
    path.write_text(json.dumps(record))


def by_hand(prefix: Path, name: str, origin: dict[str, Any] | str | None) -> None:
    """What pip left: a distribution without a record, and where it came from (PEP 610)."""
    folder = prefix / SITE_PACKAGES / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    rows = [f"{folder.name}/METADATA,,", f"{folder.name}/RECORD,,"]
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (folder / "direct_url.json").write_text(text)
        rows.append(f"{folder.name}/direct_url.json,,")
    (folder / "RECORD").write_text("\n".join(rows) + "\n")


def test_each_source_has_its_form(prefix: Path) -> None:
    spec = export_spec(prefix)
    assert spec.dependencies == ("numpy=2.1.0=py311h1", "python=3.11.9", "zlib=1.3.1=h2")
    assert spec.pip == ("rich==13.7.1",)
    assert spec.channels == ("conda-forge", "https://packages.example.org/lab")
    full = export_spec(prefix, with_host=True)
    assert full.channels == (*spec.channels, "host")
    assert (spec.name, spec.prefix) == ("data", str(prefix))


def test_without_builds_channels(prefix: Path) -> None:
    spec = export_spec(prefix, builds=False, with_channels=False)
    assert spec.dependencies == ("numpy=2.1.0", "python=3.11.9", "zlib=1.3.1")
    assert spec.channels == ()
    assert export_spec(prefix, extra_channels=["lab", "host"]).channels[:2] == ("lab", "host")
    assert export_spec(prefix, extra_channels=["host"]).channels.count("host") == 1


def test_channels_are_named_as_conda_names_them(prefix: Path) -> None:
    names = {"https://packages.example.org/lab": "defaults"}
    for export in (export_spec, portable_spec):
        spec = export(prefix, channel_name=lambda url: names.get(url, url))
        assert spec.channels == ("conda-forge", "defaults")
        spec = export(prefix, channel_name=lambda _: "conda-forge")
        assert spec.channels == ("conda-forge",)


def test_variables_of_packages_are_left_out(prefix: Path) -> None:
    folder = prefix / "etc" / "conda" / "env_vars.d"
    folder.mkdir(parents=True)
    (folder / "lib.json").write_text('{"LIB": "1", "MINE": "1"}')
    (folder / "mine.json").write_text('{"OWN": "2"}')
    (prefix / "conda-meta" / "state").write_text('{"env_vars": {"MINE": "3"}}')
    numpy = prefix / "conda-meta" / "numpy-2.1.0-py311h1.json"
    record = {**json.loads(numpy.read_text()), "files": ["etc/conda/env_vars.d/lib.json"]}
    numpy.write_text(json.dumps(record))
    assert export_spec(prefix).variables == {"OWN": "2", "MINE": "3"}


def test_only_requested_specs(prefix: Path) -> None:
    (prefix / "conda-meta" / "history").write_text(
        "==> 2026-01-01 00:00:00 <==\n# cmd: minicon create\n"
        "+conda-forge::numpy-2.1.0-py311h1\n+pypi::rich-13.7.1-0\n"
        "# update specs: ['numpy >=2', 'host::python=3.11', 'pypi:rich>=13']\n"
    )
    spec = export_spec(prefix, from_history=True)
    assert spec.dependencies == ("numpy >=2", "python=3.11")
    full = export_spec(prefix, from_history=True, with_host=True)
    assert full.dependencies == ("numpy >=2", "host::python=3.11")
    assert portable_spec(prefix).dependencies == ("numpy>=2.1,<3", "python=3.11")
    assert spec.pip == ("rich>=13",)


@pytest.mark.parametrize(
    ("requested", "line", "portable"),
    [
        ("rich", "rich", "rich>=13.7,<14"),
        ("rich=13", "rich==13.*", "rich==13.*"),
        ("rich 13.7.1", "rich==13.7.1", "rich==13.7.1"),
        ("rich >=13,<14", "rich>=13,<14", "rich>=13,<14"),
        ("rich >=13.*", "rich>=13", "rich>=13.7,<14"),
        ("rich[extras=[jupyter]]", "rich[jupyter]", "rich[jupyter]>=13.7,<14"),
        ("rich 12.0|13.7.1", "rich==13.7.1", "rich==13.7.1"),
    ],
)
def test_specs_that_pypi_satisfied_become_requirements(
    prefix: Path, requested: str, line: str, portable: str
) -> None:
    (prefix / "conda-meta" / "history").write_text(
        "==> 2026-01-01 00:00:00 <==\n# cmd: minicon create\n"
        f"+pypi::rich-13.7.1-0\n# update specs: [{requested!r}]\n"
    )
    spec = export_spec(prefix, from_history=True)
    assert (spec.dependencies, spec.pip) == ((), (line,))
    assert portable_spec(prefix).pip == (portable,)


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "tool==1.0"),
        ({"url": "file:///srv/tool", "dir_info": {"editable": True}}, "-e /srv/tool"),
        ({"url": "file:///srv/tool", "dir_info": {}}, "tool @ file:///srv/tool"),
        (
            {
                "url": "https://git.example.org/tool",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "v1"},
            },
            "tool @ git+https://git.example.org/tool@abc",
        ),
        (
            {"url": "https://me:s3cret@example.org/tool-1.0.whl", "archive_info": {}},
            "tool @ https://",
        ),
        ("not json", "tool==1.0"),
        ({"no": "url"}, "tool==1.0"),
        ("[]", "tool==1.0"),
    ],
)
def test_distributions_installed_with_pip(prefix: Path, origin: Any, line: str) -> None:
    by_hand(prefix, "tool", origin)
    found = next(each for each in export_spec(prefix).pip if "tool" in each)
    assert found.startswith(line)
    assert "s3cret" not in found


def test_explicit_lists_contain_packages_of_channels_only(prefix: Path) -> None:
    with pytest.raises(PrefixError) as caught:
        explicit_spec(prefix)
    assert caught.value.reference == "no-url"
    assert "python" in caught.value.message
    assert "rich" in caught.value.message
    for path in (prefix / "conda-meta").glob("*.json"):
        if path.name.startswith(("python", "rich")):
            path.unlink()
    entries = explicit_spec(prefix).explicit
    assert [entry.fn for entry in entries] == ["numpy-2.1.0-py311h1.conda", "zlib-1.3.1-h2.conda"]
    assert entries[0].sha256 == "0" * 64


def test_no_environment(tmp_path: Path) -> None:
    for export in (export_spec, explicit_spec):
        with pytest.raises(NotAnEnvironment):
            export(tmp_path)
