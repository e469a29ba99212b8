"""Wheels as conda packages, and as records of a channel: built, installed, used by pip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.wheels import WheelBuilder

from minicon.archive.package_archive import read_info_file

SOURCES = ("-c", "host", "--override-channels")


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A wheel with a command, a script, data, a header, a license, an extra and a condition."""
    wheel = WheelBuilder("web-tool", "2.1").file(
        "web_tool/__init__.py", "def main():\n  print(7)\n"
    )
    wheel.entry_point("web-tool = web_tool:main").header("License-File: LICENSE")
    wheel.header("License-Expression: MIT").header("Requires-Python: >=3.8")
    wheel.header("Provides-Extra: fast").requires("leaf>=1; extra == 'fast'")
    wheel.requires("nothing; python_version < '3'", "leaf<2; sys_platform == 'win32'")
    wheel.header("Project-URL: Documentation, https://docs.test")
    wheel.data("scripts", "web-script", "#!python\nprint(8)\n")
    wheel.data("data", "share/web/x.txt", "x").data("headers", "web.h", "//")
    wheel.file(f"{wheel.dist_info}/licenses/LICENSE", "free")
    return wheel.build(tmp_path / "dist")


def index_of(channel: Path, name: str) -> dict:
    document = json.loads((channel / "noarch" / "repodata.json").read_bytes())
    sections = (document["packages.conda"], *document.get("v3", {}).values())
    (record,) = [r for section in sections for r in section.values() if r["name"] == name]
    return record


def test_a_converted_wheel_is_used_by_pip_as_its_own(
    workspace: Workspace, wheelhouse: Path, tool: Path
) -> None:
    channel = workspace.folder / "mine"
    leaf = str(wheelhouse / "leaf-1.0-py3-none-any.whl")
    done = workspace.run("channel", "convert", str(tool), leaf, "-o", str(channel)).ok()
    assert "built" in done.out
    record = index_of(channel, "web-tool")
    assert record["depends"] == ['python[version=">=3.8"]', 'leaf[version="<2a0",when="__win"]']
    assert record["extra_depends"] == {"fast": ['leaf[version=">=1"]']}
    assert (record["license"], record["noarch"]) == ("MIT", "python")
    about = json.loads((channel / "channeldata.json").read_bytes())["packages"]["web-tool"]
    assert about["doc_url"] == "https://docs.test"

    spec = "web-tool[extras=[fast]]"
    workspace.environ["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = "true"
    workspace.run("create", "-y", "-n", "a", "-c", str(channel), *SOURCES, "python", spec).ok()
    prefix = workspace.environment("a")

    def run(*words: str) -> str:
        return workspace.run("run", "-n", "a", *words).ok().out

    assert [run("web-tool"), run("web-script")] == ["7\n", "8\n"]
    assert (prefix / "share/web/x.txt").read_text() == "x"
    assert (prefix / "include/web-tool/web.h").exists()
    (archive,) = channel.glob("noarch/web-tool-*.conda")
    assert read_info_file(archive, "licenses/LICENSE") == b"free"

    pip = ("python", "-m", "pip", "--disable-pip-version-check")
    assert "No broken requirements" in run(*pip, "check")
    shown = run(*pip, "show", "-v", "-f", "web-tool")
    assert "Installer: conda" in shown
    assert "../../../bin/web-script" in shown
    run(*pip, "install", "--no-deps", "leaf==2.0")
    assert run("python", "-c", "import leaf; print(leaf.version)") == "2.0\n"
    run(*pip, "uninstall", "-y", "web-tool")
    left = [path for path in prefix.rglob("*web[-_]*") if "conda-meta" not in str(path)]
    assert [path for path in left if path.is_file() and path.suffix != ".pyc"] == []


def test_a_closure_is_converted_and_its_modules_imported(workspace: Workspace) -> None:
    channel = workspace.folder / "mine"
    words = ("channel", "convert", "pypi:top", "--closure", "--test-imports", "-o", str(channel))
    done = workspace.run(*words, "--json", *SOURCES).ok().json
    assert [Path(path).name for path in done["built"]] == [
        "leaf-2.0-py_0.conda", "top-1.0-py_0.conda",
    ]  # fmt: skip
    assert done["imported"] == ["leaf", "top"]
    broken = WheelBuilder("broken").file("broken.py", "import missing_module\n")
    wheel = str(broken.build(workspace.folder / "dist"))
    failed = workspace.run(*words[:2], wheel, *words[4:], *SOURCES)
    assert failed.code == 1
    assert "No module named 'missing_module'" in failed.err
    assert "neither the path of a wheel" in workspace.run(*words[:2], "x", *words[5:]).err


def test_modules_are_imported_with_a_python_of_this_machine_by_default(
    workspace: Workspace, wheelhouse: Path
) -> None:
    workspace.environ.pop("MINICON_CHANNELS", None)
    wheel = str(wheelhouse / "leaf-1.0-py3-none-any.whl")
    words = ("channel", "convert", wheel, "--test-imports", "-o", "mine", "--json")
    assert workspace.run(*words).ok().json["imported"] == ["leaf"]


@pytest.mark.parametrize("verb", ["convert", "index", "mirror", "build"])
def test_a_file_where_the_channel_should_be_is_an_error(
    workspace: Workspace, wheelhouse: Path, channel: Path, verb: str
) -> None:
    (workspace.folder / "file").touch()
    (workspace.folder / "recipe.yaml").write_text("wheel: leaf\n")
    wheel = str(wheelhouse / "leaf-1.0-py3-none-any.whl")
    words = {
        "convert": (wheel, "-o", "file"),
        "index": (str(channel), "-o", "file"),
        "mirror": (str(channel), "file", "--specs", "hello"),
        "build": ("recipe.yaml", "file"),
    }[verb]
    failed = workspace.run("channel", verb, *words)
    assert failed.code == 1
    assert "Not a directory" in failed.err
    assert "internal error" not in failed.err
    assert "[Errno" not in failed.err


def test_wheels_that_a_channel_lists_are_linked_as_wheels(
    workspace: Workspace, wheelhouse: Path, tool: Path
) -> None:
    noarch = workspace.folder / "mine" / "noarch"
    noarch.mkdir(parents=True)
    for wheel in (tool, *wheelhouse.glob("leaf-*.whl")):
        (noarch / wheel.name).write_bytes(wheel.read_bytes())
    channel = str(workspace.folder / "mine")
    workspace.run("channel", "index", channel).ok()
    spec = "web-tool[extras=[fast]]"
    plan = workspace.run("create", "-y", "-n", "a", "-c", channel, *SOURCES, "python", spec).ok()
    assert "web-tool" in plan.out
    assert workspace.run("run", "-n", "a", "web-tool").ok().out == "7\n"
    listed = {p["name"]: p for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed["leaf"]["version"] == "2.0"
    assert listed["web-tool"]["channel"] != "pypi"
    prefix = workspace.environment("a")
    (record,) = prefix.glob("lib/*/site-packages/web_tool-2.1.dist-info/RECORD")
    assert "../../../bin/web-tool,sha256=" in record.read_text()
    assert (record.parent / "INSTALLER").read_text() == "minicon\n"
    assert "no problems found" in workspace.run("verify", "-n", "a").ok().out
    workspace.run("remove", "-y", "-n", "a", *SOURCES, "web-tool").ok()
    assert not record.exists()

    file = workspace.folder / "environment.yml"
    file.write_text(f"channels: [{channel}, host]\ndependencies: [python, web-tool]\n")
    lock = str(workspace.folder / "conda-lock.yml")
    workspace.run("lock", "-f", str(file), "-o", lock, "--override-channels").ok()
    workspace.run("create", "-y", "-n", "b", "-f", lock).ok()
    assert workspace.run("run", "-n", "b", "web-tool").ok().out == "7\n"
