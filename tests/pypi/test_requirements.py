"""Requirement files and ``pip:`` sections: the result of each kind of line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.wheels import WheelBuilder

from minicon.errors import SpecError
from minicon.pypi.requirements.requirement_files import parse_requirements
from minicon.pypi.requirements.requirements import RequirementSet

HASH = "a" * 64


def parse(folder: Path, *lines: str, **options: object) -> RequirementSet:
    return parse_requirements(lines, folder=folder, origin="environment.yml", **options)


def names(found: RequirementSet) -> list[str]:
    return [str(entry.requirement) for entry in found.requirements]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("numpy", "numpy"),
        ("numpy>=1.20,<2  # a comment", "numpy<2,>=1.20"),
        ("  dask [complete] == 2024.1  ", "dask[complete]==2024.1"),
        ("uvloop; sys_platform != 'win32'", 'uvloop; sys_platform != "win32"'),
        ("a.b_c~=1.4", "a-b-c~=1.4"),
        ("old>=1.0.*", "old>=1.0"),
    ],
)
def test_names(tmp_path: Path, line: str, expected: str) -> None:
    found = parse(tmp_path, line)
    assert names(found) == [expected]
    assert found.requirements[0].origin == "environment.yml, line 1"
    assert not found.pip_requirements


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("git+https://h.invalid/x/y.git@v2", None, "git+https://h.invalid/x/y.git@v2"),
        ("git+ssh://git@h.invalid/x.git#egg=Foo_Bar", "foo-bar", None),
        ("x @ git+https://h.invalid/x.git", "x", "x @ git+https://h.invalid/x.git"),
        ("x[all]@https://h.invalid/x/1.0.zip", "x", "x[all] @ https://h.invalid/x/1.0.zip"),
        (
            "x @ https://h.invalid/x-1.tar.gz ; python_version < '3.9'",
            "x",
            "x @ https://h.invalid/x-1.tar.gz ; python_version < '3.9'",
        ),
        ("https://h.invalid/x-1.tar.gz", None, "https://h.invalid/x-1.tar.gz"),
        ("x --config-settings=a=b", "x", "x --config-settings=a=b"),
        (f"x==1 --hash=sha512:{HASH}", "x", f"x==1 --hash=sha512:{HASH}"),
    ],
)
def test_what_pip_must_build(tmp_path: Path, line: str, name: str | None, text: str | None) -> None:
    found = parse(tmp_path, line)
    (entry,) = found.pip_requirements
    assert entry.name == name
    assert entry.text == (text or line)
    assert not found.requirements


def test_editable(tmp_path: Path) -> None:
    (tmp_path / "my project").mkdir()
    found = parse(
        tmp_path,
        "-e .",
        '-e "./my project[dev]"',
        "--editable=.[a,b]",
        "-e git+https://h.invalid/x.git@main#egg=x",
        f"-e {tmp_path.as_uri()}",
    )
    assert [entry.text for entry in found.pip_requirements] == [
        f'--editable="{tmp_path}"',
        f'--editable="{tmp_path}/my project[dev]"',
        f'--editable="{tmp_path}[a,b]"',
        "--editable=git+https://h.invalid/x.git@main#egg=x",
        f'--editable="{tmp_path}"',
    ]
    assert all("--editable=" in entry.text for entry in found.pip_requirements)


def test_local_paths(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "x-1.0.tar.gz").write_bytes(b"")
    found = parse(tmp_path, "./lib", "lib/[dev]", "x-1.0.tar.gz", f"lib @ {tmp_path.as_uri()}/lib")
    assert [entry.text for entry in found.pip_requirements] == [
        f"{tmp_path}/lib",
        f"{tmp_path}/lib[dev]",
        f"{tmp_path}/x-1.0.tar.gz",
        f"lib @ {tmp_path.as_uri()}/lib",
    ]


def test_wheels_by_url_and_path(tmp_path: Path) -> None:
    path = WheelBuilder("Some-Thing", "1.2+cpu").build(tmp_path / "wheels")
    url = f"https://u:p@h.invalid/y-2.0-py3-none-any.whl#sha256={HASH}"
    found = parse(
        tmp_path,
        f"wheels/{path.name}[extra] ; python_version > '3'",
        f"some-thing @ {path.as_uri()}",
        url,
        f"z @ https://h.invalid/z-1-py3-none-any.whl --hash=sha256:{HASH}",
    )
    assert names(found) == [
        'some-thing[extra]==1.2+cpu; python_version > "3"',
        "some-thing==1.2+cpu",
        "y==2.0",
        "z==1",
    ]
    first, second, third, fourth = found.direct_files
    assert first.url == second.url == path.as_uri()
    assert third.url == "https://h.invalid/y-2.0-py3-none-any.whl"
    assert third.sha256 == fourth.sha256 == HASH


def test_hashes(tmp_path: Path) -> None:
    other = "b" * 64
    found = parse(tmp_path, f"x==1 --hash=sha256:{HASH} \\", f"    --hash=sha256:{other}", "y")
    assert found.allowed_hashes == {"x": frozenset({HASH, other})}
    assert names(found) == ["x==1", "y"]


def test_require_hashes(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="y==1 has no hash"):
        parse(tmp_path, "--require-hashes", f"x==1 --hash=sha256:{HASH}", "y==1")


def test_index_options(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    options = parse(
        tmp_path,
        "-i https://one.invalid/simple",
        "--extra-index-url https://${USER_NAME}:${NOT_SET}@two.invalid/simple",
        "--extra-index-url=https://three.invalid/simple",
        "-f wheels",
        "--trusted-host x.invalid",
        "--pre",
        "--prefer-binary",
        environ={"USER_NAME": "me"},
    ).options
    assert options.index_url == "https://one.invalid/simple"
    assert options.extra_index_urls == (
        "https://me:${NOT_SET}@two.invalid/simple",
        "https://three.invalid/simple",
    )
    assert options.find_links == (f"{tmp_path}/wheels",)
    assert options.trusted_hosts == ("x.invalid",)
    assert options.pre
    assert not options.no_index


def test_pre_allows_prereleases(tmp_path: Path) -> None:
    (entry,) = parse(tmp_path, "--pre", "x>=1").requirements
    assert entry.requirement.specifier.prereleases
    (entry,) = parse(tmp_path, "x>=1").requirements
    assert not entry.requirement.specifier.prereleases


def test_no_binary_goes_to_pip(tmp_path: Path) -> None:
    found = parse(tmp_path, "--no-binary A.B,c", "a_b>=1", "c", "d", "--only-binary=:all:")
    assert names(found) == ["d"]
    assert [entry.text for entry in found.pip_requirements] == [
        "--no-binary=a-b\na-b>=1",
        "--no-binary=c\nc",
    ]


def test_included_files(tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "lib").mkdir()
    (more / "all.txt").write_text("numpy\n-r ../other.txt\n-c limits.txt\n./lib\n")
    (more / "limits.txt").write_text("\ufeffscipy<2\n\n# nothing\n")
    (tmp_path / "other.txt").write_text("six\\\n==1.16\n")
    found = parse(tmp_path, "-r more/all.txt", "-r file:other.txt", f"-r {tmp_path}/other.txt")
    assert names(found) == ["numpy", "six==1.16", "six==1.16", "six==1.16"]
    assert [str(entry.requirement) for entry in found.constraints] == ["scipy<2"]
    assert found.pip_requirements[0].text == f"{more}/lib"
    assert found.requirements[1].origin == f"{tmp_path / 'other.txt'}, line 1"


def test_files_included_from_the_network(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="from the network"):
        parse(tmp_path, "-r https://h.invalid/a/r.txt")


@pytest.mark.parametrize(
    "line",
    [
        "numpy=1.20",
        "numpy >= ",
        "not a name",
        "x @ nowhere",
        "./missing",
        "-e ./missing",
        "-e numpy",
        "-r missing.txt",
        "--target /tmp",
        "-i",
        '-e "open',
        "x --no-index",
        "x-1.0-py3-none-any.whl @ y",
        "y @ https://h.invalid/x-1.0-py3-none-any.whl",
        "https://h.invalid/x.whl",
        "$(rm -rf /)",
    ],
)
def test_invalid_lines_are_errors(tmp_path: Path, line: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(tmp_path, "numpy", line)
    assert caught.value.context == "while reading environment.yml, line 2"


def test_files_that_include_themselves(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")
    with pytest.raises(SpecError, match="in a circle"):
        parse(tmp_path, "-r a.txt")


def test_credentials_are_not_shown(tmp_path: Path) -> None:
    found = parse(tmp_path, "x @ git+https://me:secret@h.invalid/x.git")
    assert "secret" in found.pip_requirements[0].text
    assert "secret" not in str(found.pip_requirements[0])
    with pytest.raises(SpecError) as caught:
        parse(tmp_path, "x y @ https://me:secret@h.invalid/x.git")
    assert "secret" not in caught.value.message
