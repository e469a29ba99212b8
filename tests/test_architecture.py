"""The shape of the code: layers, circles, sizes, homes of heavy imports, light start."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "minicon"
FILE_LIMIT = 400
FUNCTION_LIMIT = 60
FOLDER_LIMIT = 16
ROOM_LIMIT = 18

# Low to high. A module may import its own layer's folder and any lower layer.
LAYERS: list[set[str]] = [
    {"closing", "constants", "counted", "lazy_pattern", "lean_dataclasses", "short_hash"},
    {"redaction"},
    {"errors"},
    {"models"},
    {"fs"},
    {"config", "machine", "archive"},
    {"net"},
    {"repodata", "pypi", "solver"},
    {"package"},
    {"prefix"},
    {"shell"},
    {"envs", "publish"},
    {"travel"},
    {"api"},
    {"serve"},
    {"cli"},
    {"__init__", "__main__", "distributed"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# Within rooms, low to high: folders and modules, each importing those before it; names that share a
# line do not import one another. What is not named is on top.
ORDERS = {
    "api": (
        "sources",
        "services",
        "input_files package_preparation environment_variables dependency_graph",
        "package_previews",
        "plan",
        "change lock inspect export",
        "channels",
        "upkeep",
        "travel",
        "verbs",
    ),
    "cli": (
        "command_table",
        "json_text dialects mistakes wrapping",
        "console",
        "render",
        "progress options help",
        "parser",
        "context completion",
        "commands",
        "main",
    ),
    "net": ("credentials", "client", "small_files", "schemes"),
    "prefix": ("environment", "plan", "generations", "link", "scripts"),
    "pypi": (
        "urls requirement_syntax shared_results index_inputs",
        "wheels",
        "sdists",
        "requirements",
        "index",
        "pip_process",
        "pip_step metadata_build",
    ),
    "repodata": ("index", "shards"),
    "serve": (
        "refusal messages hosted tokens uploading",
        "options",
        "visit questions files answers",
        "pages",
        "solutions uploads",
        "site",
        "running",
    ),
    "solver": ("request reachability", "candidates", "search", "joint", "explain", "result"),
}

# Third-party modules, and the only rooms that may import them.
HOMES = {
    "cloudpickle": {"distributed"},
    "distributed": {"distributed", "publish"},
    "aiohttp": {"serve"},
    "requests": {"net"},
    "tqdm": {"cli"},
    "yaml": {"envs", "config", "publish"},
    "resolvelib": {"solver"},
    "libarchive": {"archive"},
    "zstandard": {"archive", "repodata", "publish"},
    "msgpack": {"repodata"},
    "packaging": {"models", "solver", "pypi", "envs", "publish", "api"},
    "pip": {"pypi"},
    "botocore": {"net"},
    "tomli": {"envs"},  # by importlib
}
FORBIDDEN_FOLDERS = {"core", "common", "utils", "helpers"}

FILES = sorted(SOURCE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@functools.cache
def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.append((node.lineno, whole if whole in MODULES else base))
    return found


by_folder = pytest.mark.parametrize(
    "folder", FOLDERS, ids=lambda folder: str(folder.relative_to(SOURCE)) or "."
)


@by_folder
def test_modules_keep_their_layer(folder: Path) -> None:
    for path in folder.glob("*.py"):
        here = room_of(path)
        assert here in LEVEL, f"{here} has no layer"
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] == "minicon" and len(parts) > 1:
                other = parts[1]
                below = LEVEL[other] < LEVEL[here] or other == here
                assert below, f"{path}:{line}: {here} must not import {other}"
            elif parts[0] in HOMES:
                assert here in HOMES[parts[0]], f"{path}:{line}: {parts[0]} has no home in {here}"


@by_folder
def test_modules_keep_their_size(folder: Path) -> None:
    for path in folder.glob("*.py"):
        assert path.read_text().count("\n") <= FILE_LIMIT, f"{path}: more than {FILE_LIMIT} lines"
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= FUNCTION_LIMIT, f"{path}: {node.name} has {length} lines"


def test_third_party_modules_are_imported_in_all_their_homes() -> None:
    found = {
        (module.partition(".")[0], room_of(path)) for path in FILES for _, module in imports(path)
    }
    homes = {(module, room) for module, rooms in HOMES.items() for room in rooms}
    assert homes - found == {("tomli", "envs")}


@pytest.mark.parametrize("room", ORDERS)
def test_folders_of_a_room_import_each_other_in_one_order(room: str) -> None:
    levels = {name: level for level, names in enumerate(ORDERS[room]) for name in names.split()}
    assert levels.keys() <= {path.stem for path in (SOURCE / room).iterdir()}
    top = len(ORDERS[room])
    for path in sorted((SOURCE / room).rglob("*.py")):
        here = part_of(module_name(path))
        for line, module in imports(path):
            other = part_of(module) if module.startswith(f"minicon.{room}.") else here
            below = levels.get(other, top) < levels.get(here, top)
            is_on_top = here not in levels and other not in levels
            assert other == here or below or is_on_top, f"{path}:{line} must not import {module}"


def part_of(module: str) -> str:
    """The folder or module of a room that a module belongs to."""
    return [*module.split("."), "", ""][2]


@by_folder
def test_folder_is_one_step_with_about_a_dozen_entries(folder: Path) -> None:
    text = (folder / "__init__.py").read_text()
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert first.endswith("."), "the first line of a folder is one sentence that says its step"
    entries = [p for p in folder.glob("*.py") if p.name not in ("__init__.py", "__main__.py")]
    entries += [p for p in folder.iterdir() if (p / "__init__.py").is_file()]
    if folder == SOURCE:  # the few modules below all rooms are a layer of their own
        entries = [p for p in entries if p.is_dir()]
    limit = ROOM_LIMIT if folder == SOURCE else FOLDER_LIMIT
    assert len(entries) <= limit, f"{len(entries)} modules and folders"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for types and imports within functions count too."""
    graph = {
        name: {m for _, m in imports(path) if m in MODULES} - {name}
        for name, path in MODULES.items()
        if name != "minicon"
    }
    assert not in_circles(graph)


def in_circles(graph: dict[str, set[str]]) -> set[str]:
    """Nodes of circles, and those that lead to them."""
    while leaves := {node for node, following in graph.items() if not following & graph.keys()}:
        graph = {node: following for node, following in graph.items() if node not in leaves}
    return set(graph)


def test_no_folder_has_a_name_that_means_nothing() -> None:
    assert not {p.name for p in SOURCE.rglob("*") if p.is_dir()} & FORBIDDEN_FOLDERS


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_importing_minicon_is_light() -> None:
    ours = {m for m in loaded_by("import minicon") if m.startswith("minicon")}
    assert len(ours) <= 5
