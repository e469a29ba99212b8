"""The shape of the code, held by a test: layers, sizes, homes of heavy imports, light start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "minicon"
FILE_LIMIT = 400
FUNCTION_LIMIT = 60

# Low to high. A module may import its own layer's folder and any lower layer.
LAYERS: list[set[str]] = [
    {"closing", "constants", "lazy_pattern", "lean_dataclasses"},
    {"redaction"},
    {"errors"},
    {"models"},
    {"fs"},
    {"config"},
    {"net", "detect"},
    {"repodata", "package", "solver"},
    {"interpreters", "pypi"},
    {"prefix", "shell"},
    {"envs", "publish"},
    {"api"},
    {"cli"},
    {"__init__", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# Third-party modules, and the only places that may import them.
HOMES = {
    "requests": {"net"},
    "tqdm": {"cli"},
    "yaml": {"envs", "config", "publish"},
    "resolvelib": {"solver"},
    "libarchive": {"package"},
    "zstandard": {"package", "repodata", "publish"},
    "msgpack": {"repodata"},
    "packaging": {"models", "solver", "pypi", "interpreters", "prefix", "envs", "publish", "api"},
    "pip": {"pypi"},
    "platformdirs": {"config"},
    "botocore": {"net"},
    "tomli": {"envs"},
}
FORBIDDEN_FOLDERS = {"core", "common", "utils", "helpers"}

FILES = sorted(SOURCE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.Module) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_module_keeps_its_layer_and_size(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE_LIMIT, f"more than {FILE_LIMIT} lines"
    tree = ast.parse(text)
    here = place(path)
    assert here in LEVEL, f"{here} has no layer"
    for line, module in imports(tree):
        parts = module.split(".")
        if parts[0] == "minicon" and len(parts) > 1:
            other = parts[1]
            below = LEVEL[other] < LEVEL[here] or other == here
            assert below, f"line {line}: {here} must not import {other}"
        elif parts[0] in HOMES:
            assert here in HOMES[parts[0]], f"line {line}: {parts[0]} has no home in {here}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LIMIT, f"{node.name} has {length} lines"


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
