"""The site: Sphinx reads the same Markdown files as a forge does, and nothing else.

Navigation is taken from the lists of ``docs/index.md``, so no page is listed twice. The changes that a
page gets are in :func:`setup`: navigation, links from references of errors to their rows, links to
directories, which a site does not have, as plain text, and drawings in the scheme of the page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Generic, Name, Text

ROOT = Path(__file__).parent.parent.parent

project = "minicon"
root_doc = "docs/index"
extensions = ["myst_parser", "sphinx_copybutton"]
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "channels/README.md", "docs/**"]
exclude_patterns = [
    ".*",
    "bench",
    "build",
    "fixtures",
    "src",
    "tests",
    "channels/demo",
    "docs/site",
]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
smartquotes = False  # pages show what is typed: --label, not an en dash
pygments_style = "a11y-light"  # a contrast of 4.5 for all that is coloured, comments too
pygments_dark_style = "a11y-dark"
# Pages are for people who read on a phone, too: system fonts, nothing from other servers.
html_theme = "furo"
html_title = "minicon"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
html_additional_pages = {"index": "start.html"}
templates_path = ["templates"]
# Only what is typed is copied: no prompts, no output.
copybutton_prompt_text = r"(?:\(\w+\) )?\$ "
copybutton_prompt_is_regexp = True
copybutton_here_doc_delimiter = "EOF"
copybutton_line_continuation_character = "\\"

_LINK = re.compile(r"\[[^\]]+\]\(([^)\s#]+\.md)\)")
#: Pages of the navigation that only a page of their own lists.
_DECISIONS = "docs/adr/index"


def _pages(text: str) -> list[str]:
    """Return linked pages in order, without their suffix, as paths from docs/."""
    return list(dict.fromkeys(link.removesuffix(".md") for link in _LINK.findall(text)))


def _toctree(caption: str, pages: list[str]) -> str:
    head = f":caption: {caption}\n" if caption else ""
    listed = "\n".join(map(_entry, pages))
    return f"\n```{{toctree}}\n:hidden:\n{head}\n{listed}\n```\n"


def _entry(page: str) -> str:
    if page == "../README":  # its title is the name of the program
        return "Overview </README>"
    return f"/{page.removeprefix('../')}" if "../" in page else page


def add_navigation(_app: Any, docname: str, content: list[str]) -> None:
    """Append the pages that the sections of the start page and of the decisions list."""
    if docname == root_doc:
        sections = re.split(r"^## (.+)\n", content[0], flags=re.MULTILINE)[1:]
        for caption, text in zip(sections[::2], sections[1::2], strict=True):
            content[0] += _toctree(caption, _pages(text))
    elif docname == _DECISIONS:
        content[0] += _toctree("", _pages(content[0]))


def errors() -> set[str]:
    """Return the references of errors that docs/reference/errors.md describes."""
    text = (ROOT / "docs" / "reference" / "errors.md").read_text()
    return set(re.findall(r"^\| `([\w-]+)` \|", text, flags=re.MULTILINE))


def link_errors(app: Any, doctree: nodes.document, docname: str) -> None:
    """Give rows of errors an anchor, and link the references on other pages to them."""
    known = errors()
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if name not in known or isinstance(literal.parent, nodes.reference):
            continue
        if docname == "docs/reference/errors":
            row = literal.parent
            while row is not None and not isinstance(row, nodes.row):
                row = row.parent
            if row is not None and literal in row.children[0].findall(nodes.literal):
                row["ids"].append(f"error-{name}")
        elif "-" in name:
            page = app.builder.get_relative_uri(docname, "docs/reference/errors")
            link = nodes.reference("", "", literal.deepcopy(), refuri=f"{page}#error-{name}")
            literal.replace_self(link)


def drop_links_to_sources(app: Any, doctree: nodes.document) -> None:
    """Replace links to directories and files that are not pages by their text."""
    from sphinx.addnodes import download_reference, pending_xref

    here = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(doctree.findall(lambda n: isinstance(n, (pending_xref, download_reference)))):
        path = here / str(link.get("reftarget", "")).partition("#")[0]
        if path.suffix != ".md" and path.exists() and not path.is_relative_to(ROOT / "docs" / "x"):
            link.replace_self(list(link.children))


_IMAGE = re.compile(r'<img ([^>]*?)src="([^"]*)\.svg"([^>]*)/>')
_SCHEMES = re.compile(r"@media \(prefers-color-scheme:dark\)\{(.*)\}(?=</style>)", re.DOTALL)


def show_drawings_by_scheme(
    app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Show each drawing twice: the switch of the page decides which one is seen (Furo's classes).

    A drawing in an ``img`` sees the scheme of the system only.
    """

    sources = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}

    def both(match: re.Match[str]) -> str:
        before, name, after = match.groups()
        if not _SCHEMES.search(sources[f"{name.rpartition('/')[2]}.svg"].read_text()):
            return match.group()
        return "".join(
            f'<img class="only-{scheme}" {before}src="{name}{suffix}.svg"{after}/>'
            for scheme, suffix in (("light", ""), ("dark", "-dark"))
        )

    if "body" in context:
        context["body"] = _IMAGE.sub(both, context["body"])


def write_schemes(app: Any, error: Exception | None) -> None:
    """Write the light and the dark variant of each drawing that has both."""
    for path in [] if error else list((Path(app.outdir) / "_images").glob("*.svg")):
        text = path.read_text()
        if _SCHEMES.search(text):
            path.write_text(_SCHEMES.sub("", text))
            path.with_stem(f"{path.stem}-dark").write_text(_SCHEMES.sub(r"\1", text))


class ConsoleLexer(RegexLexer):
    """Prompts, programs and comments. (Lexers of shells take specs for assignments: python=3.11.)"""

    name = "console"
    tokens = {
        "root": [
            (
                r"^((?:\(\w+\) )?\$ )([^\s#]+)?(.*?)(\s#.*)?$",
                bygroups(Generic.Prompt, Name.Function, Text, Comment),
            ),
            (r".*\n", Generic.Output),
            (r"\n", Text),
        ]
    }


def setup(app: Any) -> None:
    app.add_lexer("console", ConsoleLexer)
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", drop_links_to_sources)
    app.connect("doctree-resolved", link_errors)
    app.connect("html-page-context", show_drawings_by_scheme)
    app.connect("build-finished", write_schemes)
