"""The words of code and documentation: those of the field, as CONTRIBUTING.md says.

Checked are docstrings, comments, other strings, names, and pages.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Idioms that a conda, pip or cargo user would not write, and better words.
IDIOMS = {
    r"(?:tells?|told)(?! (?:\w+ )?apart)": "report, print, show, say",
    r"anew": "again",
    r"of him": "(name the user, owner or server)",
    r"(?:to|can(?:not)?|could(?: not)?) be had": "is available, is missing",
    r"what (?:it )?becomes?|becomes? of": "the result, the effect on",
    r"had to move": "changed as a dependency",
    r"as it should be": "no differences found",
    r"all is well": "no problems found",
    r"holds? for": "applies to",
    r"(?:take|takes|taken|taking|took) (?:\w+ )?away": "remove",
    r"(?:write|writes|writing|written|wrote) (?:\w+ ){0,3}down": "record, save, export",
    r"(?:go|goes|come|comes|move|moves) along": "(say what is copied or moved)",
    r"of which it is known": "known to",
    r"whoever|nobody(?! else)|somebody(?! else)": "(name the user, process or caller)",
    r"asked for|is asked|are asked": "requested",
    r"(?:is|are|was|were|be|been|still|already) there(?! (?:is|are|was|an?|any|no)\b)":
        "exists, is installed, is present",
    r"there too|what is there": "also installed, installed packages",
    r"go ahead|as you said": "proceed; aborted",
    r"believe[sd]?|distrust(?:s|ed)?": "use, trust, invalidate",
    r"mend(?:s|ed|ing|able)?": "fix, repair",
    r"round in circles": "redirect loop",
    r"who you are": "authentication required",
    r"(?<!in )(?<!in its )(?<!take )(?<!takes )(?<!took )places?": "directory, path, location",
    r"sooner than": "faster than",
    r"stands? against": "conflicts with",
}  # fmt: skip
#: Further idioms in pages for users (not docs/internals and docs/adr).
PAGE_IDIOMS = {
    r"(?<!-)folders?": "directory",  # references of errors, such as not-a-folder, are stable
    r"states?(?= of (?:an|the|your) environment)|(?:earlier|old|kept) states?": "revision",
}
#: Parts of names that mean nothing to a reader.
WORDLESS_NAMES = {"anew", "asked", "mend", "place", "places", "told", "tell", "story"}

COMMENT = re.compile(r"(?:^|\s)#:? (.*)")

#: Words that are written in capitals anyway.
ACRONYMS = {"ID", "URL", "URLS"}

SOURCES = sorted(
    {*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "docs/generate.py"}
    - {Path(__file__)}
)
SCRIPTS = sorted((ROOT / "src/minicon/shell/scripts").iterdir())
#: CONTRIBUTING.md and the glossary list words to avoid.
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")}
    - {ROOT / "docs/glossary.md"}
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each_of(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=relative)


@functools.cache
def pattern_of(idioms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(idioms)})\b", re.IGNORECASE)


def found_in(text: str, idioms: dict[str, str]) -> Iterator[str]:
    """Yield the idioms in a text, each with better words."""
    text = " ".join(text.split())
    if not pattern_of(tuple(idioms)).search(text):
        return
    for pattern, better in idioms.items():
        for match in pattern_of((pattern,)).finditer(text):
            context = text[max(match.start() - 30, 0) : match.end() + 20]
            yield f"{match.group()!r} in …{context}… (better: {better})"


def texts_of(source: str, nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield strings, docstrings and comments of a module, each with its line."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    block: list[str] = []
    for line, text in enumerate([*source.splitlines(), ""], 1):
        comment = COMMENT.search(text)
        if comment and not text[: comment.start()].strip():
            block.append(comment[1])
            continue
        yield line, " ".join([*block, comment[1] if comment else ""])
        block = []


@each_of(SOURCES)
def test_code_uses_the_words_of_the_field(path: Path) -> None:
    source = path.read_text()
    nodes = list(ast.walk(ast.parse(source)))
    texts = texts_of(source, nodes)
    found = [f"line {line}: {idiom}" for line, text in texts for idiom in found_in(text, IDIOMS)]
    found += parameters_in_capitals(nodes)
    found += [
        f"line {line}: {name} means nothing"
        for line, name in names_defined_in(nodes)
        if WORDLESS_NAMES & set(name.lower().split("_"))
    ]
    assert not found, "\n".join(found)


@each_of(SCRIPTS)
def test_comments_of_scripts_have_no_idioms(path: Path) -> None:
    comments = re.findall(r"^\s*(?:#|@REM) (.*)$", path.read_text(), re.MULTILINE)
    assert not list(found_in(" ".join(comments), IDIOMS))


@each_of(PAGES)
def test_pages_have_no_idioms(path: Path) -> None:
    is_for_users = path.parent.name not in ("adr", "internals")
    found = list(found_in(path.read_text(), IDIOMS | (PAGE_IDIOMS if is_for_users else {})))
    assert not found, "\n".join(found)


def parameters_in_capitals(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield parameters that docstrings do not write as they are spelled."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            text = re.sub(r"``.*?``", "", ast.get_docstring(node) or "", flags=re.DOTALL)
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            capitals = {argument.arg.upper() for argument in arguments} - ACRONYMS
            for word in capitals & set(re.findall(r"\w+", text)):
                yield f"line {node.lineno}: {word} is a parameter"


def names_defined_in(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def test_idioms_are_found() -> None:
    source = '"""Users are told."""\n#: It was there,\n# and was made anew.\nx = f"Go ahead, {1}"\n'
    texts = texts_of(source, ast.walk(ast.parse(source)))
    found = [idiom for _, text in texts for idiom in found_in(text, IDIOMS)]
    assert [idiom.split("'")[1] for idiom in found] == ["told", "Go ahead", "anew", "was there"]
    assert not list(found_in("Install in place of it; there is no placeholder there.", IDIOMS))
