"""Lock files of all kinds are parsed, hostile ones refused; written ones parse to the same lock."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.envs.input_text import read_input_text
from minicon.envs.locks.conda_lock import format_conda_lock, parse_conda_lock
from minicon.envs.locks.lock_files import parse_lock, read_lock_file, write_lock_file
from minicon.envs.locks.pixi_lock import parse_pixi_lock
from minicon.envs.locks.pylock import parse_pylock
from minicon.errors import SpecError
from minicon.models.environment_files.lockfile import LockedPackage, Lockfile, check_package

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"
SHA = "0123456789abcdef" * 4


def read(name: str) -> Lockfile:
    lock = read_lock_file(LOCKS / name, platform="linux-64")
    assert lock is not None
    return lock


def test_an_environment_of_a_pixi_lock(tmp_path: Path) -> None:
    text = (LOCKS / "pixi-6.lock").read_text()
    environments, _, packages = text.partition("packages:\n- conda")
    head, _, default = environments.partition("  default:\n")
    lines = [line for line in default.splitlines() if "flask" not in line and "index" not in line]
    other = "  test:\n" + "\n".join(lines) + "\n"
    path = tmp_path / "pixi.lock"
    path.write_text(f"{head}  default:\n{default}{other}packages:\n- conda{packages}")

    def names(environment: str | None) -> set[str]:
        lock = parse_lock(read_input_text(path), platform="linux-64", environment=environment)
        assert lock is not None
        return {package.name for package in lock.for_platform("linux-64")}

    assert names(None) == names("default") == {"python", "libzlib", "tzdata", "flask"}
    assert names("test") == {"python", "libzlib", "tzdata"}
    with pytest.raises(SpecError, match="no environment 'tset'") as caught:
        names("tset")
    assert caught.value.hint == "choose with --environment: test, default"


def test_conda_lock() -> None:
    lock = read("conda-lock.yml")
    assert lock.platforms == ("linux-64", "osx-arm64")
    assert lock.channels == ("conda-forge",)
    assert lock.sources == ("environment.yml",)
    main = {p.name: p for p in lock.for_platform("linux-64")}
    assert set(main) == {"python", "libzlib", "tzdata", "flask", "werkzeug"}
    assert {p.name for p in lock.for_platform("linux-64", ["dev"])} == {*main, "pytest"}
    python = main["python"].to_record()
    assert (python.version, python.build, python.subdir) == (
        "3.12.3", "hd12c33a_0_cpython", "linux-64",
    )  # fmt: skip
    assert python.channel == "https://conda.anaconda.org/conda-forge"
    assert set(python.depends) == {"tzdata", "libzlib >=1.2.13,<2.0.0a0"}
    assert main["tzdata"].to_record().subdir == "noarch"
    flask = main["flask"].to_record("3.12")
    assert (flask.source, flask.build, flask.noarch) == ("pypi", "pypi_0", "python")
    assert flask.depends == ("python 3.12.*", "werkzeug >=3.0.0")


@pytest.mark.parametrize("version", [4, 5, 6, 7])
def test_pixi_lock(version: int) -> None:
    lock = read(f"pixi-{version}.lock")
    assert lock.kind == "pixi"
    assert lock.platforms == (("linux-64",) if version < 7 else ("linux-64", "win-64"))
    packages = {p.name: p for p in lock.for_platform("linux-64")}
    assert set(packages) == {"python", "libzlib", "tzdata", "flask"}
    assert packages["python"].build == "hd12c33a_0_cpython"
    assert packages["python"].depends == ("libzlib >=1.2.13,<2.0.0a0", "tzdata")
    assert packages["tzdata"].size == 1234
    assert packages["flask"].manager == "pip"
    assert len(packages["flask"].sha256 or "") == 64


def test_unsupported_packages_of_other_platforms_are_ignored() -> None:
    with pytest.raises(SpecError, match="built"):
        read_lock_file(LOCKS / "pixi-7.lock", platform="win-64")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_rattler_parses_the_same_packages(version: int) -> None:
    rattler = pytest.importorskip("rattler")
    path = LOCKS / f"pixi-{version}.lock"
    environment = rattler.LockFile.from_path(str(path)).default_environment()
    theirs = {
        (package.name, str(package.version), package.location)
        for platform in environment.platforms()
        for package in environment.packages(platform)
    }
    mine = {(p.name, p.version, p.url) for p in read(path.name).packages}
    assert mine == theirs


def test_pylock() -> None:
    lock = read("pylock.toml")
    assert lock.requires_python == ">=3.10"
    assert [p.name for p in lock.packages] == ["attrs", *["numpy"] * 3, "colorama"]
    assert lock.packages[-1].marker == "sys_platform == 'win32'"
    assert {p.platform for p in lock.packages} == {"linux-64"}


def test_other_files_are_not_locks(tmp_path: Path) -> None:
    for name, text in (
        ("environment.yml", "name: a\ndependencies: [numpy]\n"),
        ("list.txt", "version: 1\npackage:\n"),
        ("uv.lock", "version = 1\n"),
    ):
        (tmp_path / name).write_text(text)
        assert read_lock_file(tmp_path / name, platform="linux-64") is None


def test_a_platform_or_group_that_is_not_locked_is_named() -> None:
    lock = read("conda-lock.yml")
    with pytest.raises(SpecError, match="win-64") as caught:
        lock.for_platform("win-64")
    assert "osx-arm64" in (caught.value.hint or "")
    with pytest.raises(SpecError, match="docs") as caught:
        lock.for_platform("linux-64", ["docs"])
    assert "dev" in (caught.value.hint or "")


NAMES = st.sampled_from(["numpy", "a", "libx_y", "y", "on", "r-base", "null", "x.y"])
VERSIONS = st.sampled_from(["1.0", "2024a", "1!2.0", "0.1", "1_2", "1e5", "3.10", "1.0+cu12"])
DEPENDS = st.sampled_from(
    ["python >=3.8", "libc 2.* h_1", "zlib", "x[version='>=1']", "q >=1,<2.0a0",
     "t *", "__glibc >=2.17"]
)  # fmt: skip
PLATFORMS = st.sampled_from(["linux-64", "osx-arm64", "win-64"])


@st.composite
def packages(draw: st.DrawFn) -> LockedPackage:
    name, version, platform = draw(NAMES), draw(VERSIONS), draw(PLATFORMS)
    category = draw(st.sampled_from(["main", "dev", "on", "1"]))
    if draw(st.booleans()):
        build = draw(st.sampled_from(["0", "py_1", "h1e5_0"]))
        depends = draw(st.lists(DEPENDS, unique_by=lambda text: text[0]))
        return LockedPackage(
            name=name, version=version, platform=platform, build=build, sha256=SHA, md5=SHA[:32],
            url=f"https://host.test/c/noarch/{name}-{version.replace('!', '%21')}-{build}.conda",
            depends=tuple(sorted(depends)), category=category,
        )  # fmt: skip
    name = name.replace("_", "-").replace(".", "-")
    fn = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    return LockedPackage(
        name=name, version="1.0", platform=platform, manager="pip", sha256=SHA,
        url=f"https://host.test/{fn}", depends=("six>=1",) if draw(st.booleans()) else (),
        category=category,
    )  # fmt: skip


@given(st.lists(packages(), unique_by=lambda package: package.key, max_size=8))
def test_written_locks_parse_to_the_same_lock(found: list[LockedPackage]) -> None:
    lock = Lockfile(
        packages=tuple(sorted(found, key=lambda p: p.key)),
        platforms=("linux-64", "osx-arm64", "win-64"),
        channels=("conda-forge", "https://host.test/c"),
        content_hash={"linux-64": SHA},
        sources=("environment.yml", "a b/ü: #.yml"),
        metadata={"virtual_packages linux-64": "__glibc=2.28=0"},
    )
    text = format_conda_lock(lock)
    again = parse_conda_lock(text, source="x")
    assert format_conda_lock(again) == text
    assert {p.key: (p.url, p.version, p.build, p.sha256) for p in again.packages} == {
        p.key: (p.url, p.version, p.build, p.sha256) for p in lock.packages
    }
    for mine, read_back in zip(lock.packages, again.packages, strict=True):
        specs = [str(d).replace(" ", "") for d in mine.depends]
        assert [str(d).replace(" ", "") for d in read_back.depends] == specs
    assert (again.sources, again.metadata) == (lock.sources, lock.metadata)


def test_secrets_are_never_written(tmp_path: Path) -> None:
    package = LockedPackage(
        name="x", version="1", build="0", platform="linux-64", sha256=SHA,
        url="https://user:sesame@host.test/t/tk-sesame/c/linux-64/x-1-0.conda",
    )  # fmt: skip
    channels = ("https://user:sesame@host.test/c", "https://$USER:$PASSWORD@host.test/d")
    lock = Lockfile(packages=(package,), platforms=("linux-64",), channels=channels)
    write_lock_file(tmp_path / "conda-lock.yml", lock)
    text = (tmp_path / "conda-lock.yml").read_text()
    assert "sesame" not in text
    assert "used_env_vars: [USER, PASSWORD]" in text
    assert not write_lock_file(tmp_path / "conda-lock.yml", lock)


def conda_lock(**changes: str) -> str:
    fields = {
        "name": "x", "version": "'1'", "manager": "conda", "platform": "linux-64",
        "url": "https://h.test/c/linux-64/x-1-0.conda", "hash": f"{{sha256: '{SHA}'}}",
    } | changes  # fmt: skip
    body = "".join(f"  {key}: {value}\n" for key, value in fields.items())
    return f"version: 1\nmetadata: {{platforms: [linux-64]}}\npackage:\n-\n{body}"


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        conda_lock(name="../../etc/passwd"),
        conda_lock(name="y"),
        conda_lock(version="'../1'"),
        conda_lock(build="'a/b'"),
        conda_lock(platform="../linux-64"),
        conda_lock(url="https://h.test/c/linux-64/y-1-0.conda"),
        conda_lock(url="https://h.test/c/linux-64/x.tar.gz"),
        conda_lock(url="'git+https://h.test/x-1-0.conda'"),
        conda_lock(url="relative/x-1-0.conda"),
        conda_lock(hash="{sha256: zz}"),
        conda_lock(hash="[1, 2]"),
        conda_lock(manager="npm"),
        conda_lock(category="'a/../b'"),
        conda_lock(dependencies="[{a: b}]"),
        conda_lock(dependencies="{a: {b: c}}"),
        conda_lock(dependencies="{a: '=>1'}"),
        conda_lock(manager="pip", url="https://h.test/x-1-py3-none-any.whl", hash="{}"),
        conda_lock(manager="pip", url="https://h.test/y-1-py3-none-any.whl"),
        "version: 4\nmetadata: {}\npackage: []\n",
        "version: 1\nmetadata: []\npackage: []\n",
        "version: 1\nmetadata: {}\npackage: {a: b}\n",
        "version: 1\nmetadata: {}\npackage: [1, 2]\n",
        "version: 1\nmetadata: {}\npackage: !!python/object/apply:os.system [id]\n",
        "version: 1\nmetadata: {}\npackage:\n" + "[" * 5000,
        BOMB + "package: []\nmetadata: {}\n",
        "package: []\npackage: []\n",
        "- just a list\n",
        "",
    ],
)
def test_hostile_conda_locks_are_refused(text: str) -> None:
    if not text:
        assert parse_conda_lock(text, source="x").packages == ()
        return
    with pytest.raises(SpecError) as caught:
        parse_conda_lock(text, source="x")
    assert len(str(caught.value)) < 1000


PIXI = """\
version: 6
environments: {default: {channels: [], packages: {linux-64: [%s]}}}
packages: [%s]
"""


@pytest.mark.parametrize(
    "text",
    [
        "version: 3\nenvironments: {}\npackages: []\n",
        "version: 99\nenvironments: {}\npackages: []\n",
        "version: 7\nplatforms: [a]\nenvironments: {d: {packages: {a: []}}}\npackages: []\n",
        "version: 6\nenvironments: [a]\npackages: []\n",
        "version: 6\nenvironments: {a: {}, b: {}}\npackages: []\n",
        PIXI % ("{conda: 'https://h.test/c/linux-64/x-1-0.conda'}", ""),
        PIXI % ("{npm: x}", ""),
        PIXI % ("x", ""),
        PIXI % ("{conda: ./src}", "{conda: ./src}"),
        PIXI % ("{pypi: ./src}", "{pypi: ./src, name: x, version: '1'}"),
        PIXI % ("{pypi: 'https://h.test/x-1-py3-none-any.whl'}",
                "{pypi: 'https://h.test/x-1-py3-none-any.whl', name: x, version: '1'}"),
        PIXI % ("{conda: 'https://h.test/x-1-0.conda'}",
                "{conda: 'https://h.test/x-1-0.conda', size: huge}"),
        PIXI % ("{conda: 'https://h.test/x-1-0.conda'}",
                "{conda: 'https://h.test/x-1-0.conda', depends: 7}"),
    ],
)  # fmt: skip
def test_hostile_pixi_locks_are_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse_pixi_lock(text, source="x")


def wheel(url: str | None, digest: str = SHA) -> str:
    location = f'url = "{url}", ' if url else ""
    return f'[{{{location}hashes = {{sha256 = "{digest}"}}}}]'


def pylock(**changes: str) -> str:
    fields = {
        "name": '"x"', "version": '"1"',
        "wheels": wheel("https://h.test/x-1-py3-none-any.whl"),
    } | changes  # fmt: skip
    body = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'lock-version = "1.0"\n[[packages]]\n{body}'


@pytest.mark.parametrize(
    "text",
    [
        "not toml at all [",
        'lock-version = "2.0"\n',
        "packages = []\n",
        'lock-version = "1.0"\npackages = "x"\n',
        'lock-version = "1.0"\npackages = ' + "[" * 3000,
        pylock(name='"../x"'),
        pylock(name="7"),
        pylock(wheels=wheel("https://h.test/y-1-py3-none-any.whl")),
        pylock(wheels='[{url = "https://h.test/x-1-py3-none-any.whl"}]'),
        pylock(wheels=wheel("relative/x-1-py3-none-any.whl")),
        pylock(wheels=wheel(None)),
        pylock(wheels='"x"'),
        pylock(wheels="[]"),
        pylock(vcs='{type = "git", url = "https://h.test/x"}'),
        pylock(directory='{path = "."}'),
    ],
)  # fmt: skip
def test_hostile_pylocks_are_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse_pylock(text, source="x", folder=Path("/f"), platform="linux-64")


def test_pylock_credentials_are_dropped_and_paths_become_urls() -> None:
    file = f'{{path = "w/x-1-py3-none-any.whl", hashes = {{sha256 = "{SHA}"}}}}'
    lock = parse_pylock(pylock(wheels=f"[{file}]"), source="x", folder=Path("/f"), platform="p-64")
    assert [p.url for p in lock.packages] == ["file:///f/w/x-1-py3-none-any.whl"]
    url = "https://me:sesame@h.test/x-1-py3-none-any.whl"
    file = f'{{url = "{url}", hashes = {{sha256 = "{SHA}"}}}}'
    lock = parse_pylock(pylock(wheels=f"[{file}]"), source="x", folder=Path("/f"), platform="p-64")
    assert "sesame" not in repr(lock)


def test_other_tools_entries_of_a_conda_lock() -> None:
    """poetry's ``||``, repositories with their revision as hash, and a list as pixi wrote it."""
    sha = "0123456789abcdef0123456789abcdef01234567"
    url = f"git+https://h.test/x.git@{sha}"
    (package,) = parse_conda_lock(
        conda_lock(
            manager="pip", url=url, hash=f"{{sha256: {sha}}}",
            dependencies="{python: '>=3.8,<3.10 || >3.10', a: ^1.2}",
        ),
        source="x",
    ).packages  # fmt: skip
    assert (package.url, package.sha256, package.is_wheel) == (url, None, False)
    (package,) = parse_conda_lock(
        conda_lock(dependencies="{python: '>=3.8,<3.10 || >3.10'}"), source="x"
    ).packages
    assert package.depends == ("python >=3.8,<3.10 | >3.10",)
    text = conda_lock(dependencies="[python >=3.8, libx]").replace("version: 1", "version: 3", 1)
    lock = parse_conda_lock(text, source="x")
    assert lock.kind == "pixi"
    assert lock.packages[0].depends == ("python >=3.8", "libx")
    wheel = conda_lock(
        manager="pip", url="https://h.test/x-1-py3-none-any.whl", dependencies="{b: '>=1 || ^2'}"
    )
    (package,) = parse_conda_lock(wheel, source="x").packages
    assert package.to_record("3.12").depends == ("python 3.12.*", "b")


def test_packages_that_are_not_needed_do_not_refuse_the_lock(tmp_path: Path) -> None:
    file = tmp_path / "conda-lock.yml"
    bad = conda_lock(name="y", url="https://h.test/a.zip").partition("package:\n")[2]
    for change in ("platform: win-64", "platform: linux-64\n  category: dev"):
        file.write_text(conda_lock() + bad.replace("platform: linux-64", change))
        lock = parse_lock(read_input_text(file), platform="linux-64")
        assert lock is not None
        assert [package.name for package in lock.for_platform("linux-64")] == ["x"]
        with pytest.raises(SpecError, match=r"conda-lock\.yml, line 12: .* 'a\.zip'"):
            read_lock_file(file, platform="linux-64")
    with pytest.raises(SpecError, match=r"conda-lock\.yml, line 12: .* 'a\.zip'"):
        lock.for_platform("linux-64", ["dev"])


def test_packages_of_other_environments_of_a_pixi_lock() -> None:
    url = "https://h.test/x-1-py3-none-any.whl"
    text = (
        "version: 7\nenvironments:\n"
        f"  default: {{channels: [], packages: {{linux-64: [{{pypi: 'direct+{url}'}}]}}}}\n"
        "  dev: {channels: [], packages: {linux-64: [{conda_source: '.[a1b2]'}]}}\n"
        f"packages:\n- conda_source: '.[a1b2]'\n- pypi: 'direct+{url}'\n  name: x\n"
        f"  version: '1'\n  sha256: {SHA}\n"
    )
    (package,) = parse_pixi_lock(text, source="pixi.lock").packages
    assert package.url == url
    with pytest.raises(SpecError, match=r"pixi\.lock, line 4: packages of the kind 'conda_source'"):
        parse_pixi_lock(text, source="pixi.lock", environment="dev")
    with pytest.raises(SpecError, match=r"pixi\.lock, line 7: 'name' is missing"):
        parse_pixi_lock(text.replace("  name: x\n", ""), source="pixi.lock")


def test_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minicon.envs.input_text.MAX_BYTES", 10)
    (tmp_path / "conda-lock.yml").write_text("x" * 100)
    with pytest.raises(SpecError, match="larger"):
        read_lock_file(tmp_path / "conda-lock.yml", platform="linux-64")


@given(st.text(max_size=40))
def test_names_and_versions_that_could_be_paths_are_refused(text: str) -> None:
    package = LockedPackage(
        name=text, version=text, platform="linux-64", build="0", sha256=SHA,
        url="https://h.test/c/linux-64/x-1-0.conda",
    )  # fmt: skip
    try:
        check_package(package, "x")
    except SpecError:
        return
    assert "/" not in text
    assert ".." not in text
