"""Generate the pages of docs/reference/ that are taken from the code, and drawings.

usage: ./dev docs            write the pages
       ./dev docs --check    print the pages that are out of date; exit with 1 if there are any

``tests/docs/test_references.py`` checks that they are up to date.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import diagrams
import house
import plots

import clients  # beside this file
import minicon
from minicon.cli.command_table import ALIASES, COMMANDS
from minicon.cli.parser import make_parser
from minicon.config.keys import KEYS, Key, Kind
from minicon.config.settings import Settings
from minicon.lean_dataclasses import MISSING, fields

REFERENCE = Path(__file__).parent / "reference"

#: Option groups that several commands share, in the order of the page; each is described once.
_SHARED_GROUPS = ("environment", "sources", "solving", "execution", "output")


# Settings


def configuration_page() -> str:
    """The page with its table of keys replaced."""
    text = (REFERENCE / "configuration.md").read_text()
    start = text.index("| key | value |")
    _, separator, rest = text[start:].partition("\n\n")
    rows = [
        (f"`{key.name}`", _values(key), _code(_default(key)), key.meaning) for key in KEYS.values()
    ]
    table = _table(("key", "value", "default", "meaning"), *rows)
    return text[:start] + table + (separator + rest or "\n")


def _values(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    aliases = f" (also `{'`, `'.join(key.aliases)}`)" if key.aliases else ""
    return key.kind.value + aliases


def _default(key: Key) -> str:
    """The default of a key; empty if it is computed or nothing."""
    for each in fields(Settings):
        if each.name == key.name and each.default not in (MISSING, None, ()):
            return str(each.default).lower() if each.default in (True, False) else str(each.default)
    return ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# The command line


def cli_page() -> str:
    """Return all commands with their options; shared options once, at the end."""
    shared: dict[str, list[argparse.Action]] = {}
    sections: list[str] = []
    first: dict[str, str] = {}
    for name, (module_name, summary) in COMMANDS.items():
        if first.setdefault(module_name, name) == name:
            module = importlib.import_module(f"minicon.cli.commands.{module_name}")
            sections += _command_section(name, make_parser(name, module), shared)
        else:
            other = first[module_name]
            link = f"[minicon {other}](#minicon-{other})"
            sections += [f"## minicon {name}", f"{summary[0].upper()}{summary[1:]}: see {link}."]
    others = ", ".join(f"`{alias}` is `{name}`" for alias, name in ALIASES.items())
    return _page(
        "Commands",
        _table(
            ("command", "effect"),
            *((f"[`{name}`](#minicon-{name})", text) for name, (_, text) in COMMANDS.items()),
        ),
        f"Aliases: {others}. Exit codes: [exit-codes.md](exit-codes.md). Documents\n"
        "of `--json`: [json.md](json.md). Every setting can be set for one command with an\n"
        "[environment variable](environment-variables.md).",
        *sections,
        "## Shared options",
        *(f"### {title}\n\n{_options(shared[title])}" for title in _SHARED_GROUPS),
    )


def _command_section(
    name: str, parser: argparse.ArgumentParser, shared: dict[str, list[argparse.Action]]
) -> list[str]:
    parts = [f"## minicon {name}", _prose((parser.description or "").replace("Examples:\n", ""))]
    for verb, each in _leaves(parser):
        if verb:
            parts += [f"### minicon {name} {verb}", each.description or ""]
        parts += _own_options(each, shared)
    return [part for part in parts if part]


def _prose(text: str) -> str:
    """Return help as Markdown; indented lines are command lines."""
    return re.sub(r"\n*((?:^  .*\n?)+)", _typed, text.strip(), flags=re.MULTILINE).strip()


def _typed(match: re.Match[str]) -> str:
    """Return command lines as a console block; text after three spaces is a comment."""
    words = [line.strip() for line in match.group(1).splitlines() if line.strip()]
    lines = ["$ " + re.sub(r"\s{3,}", "   # ", line, count=1) for line in words]
    return "\n\n```console\n" + "\n".join(lines) + "\n```\n"


def _leaves(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """Return the parser itself, or those of its verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return [
                (f"{verb} {rest}".strip(), leaf)
                for verb, child in action.choices.items()
                for rest, leaf in _leaves(child)
            ]
    return [("", parser)]


def _own_options(
    parser: argparse.ArgumentParser, shared: dict[str, list[argparse.Action]]
) -> list[str]:
    own: list[argparse.Action] = []
    titles = []
    for group in parser._action_groups:
        shown = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
        if group.title in _SHARED_GROUPS:
            known = shared.setdefault(str(group.title), [])
            known += [a for a in shown if a.option_strings not in [k.option_strings for k in known]]
            titles.append(str(group.title))
        else:
            own += [action for action in shown if not isinstance(action, argparse._HelpAction)]
    listed = ", ".join(f"[{title}](#{title.replace(' ', '-')})" for title in titles)
    return [_options(own), f"Shared options: {listed}." if titles else ""]


def _options(actions: list[argparse.Action]) -> str:
    if not actions:
        return ""
    return _table(
        ("option", "meaning"),
        *((_how_to_write(each), (each.help or "").replace("|", "\\|")) for each in actions),
    )


def _how_to_write(action: argparse.Action) -> str:
    flags = ", ".join(f"`{flag}`" for flag in action.option_strings)
    value = _value(action).replace("|", "\\|")
    return " ".join(part for part in (flags, f"`{value}`" if value else "") if part)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    names = action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper()
    word = " ".join(names) if isinstance(names, tuple) else names
    shape = {"*": "[{}...]", "+": "{}...", "?": "[{}]"}.get(str(action.nargs), "{}")
    return shape.format(word)


# The Python interface


def api_page() -> str:
    """Return public names: functions with their signatures, types with their summaries."""
    values = {name: getattr(minicon, name) for name in minicon.__all__}
    types = {name: value for name, value in values.items() if inspect.isclass(value)}
    verbs = {n: v for n, v in values.items() if callable(v) and n not in types}
    return _page(
        "Python interface",
        "`import minicon` loads next to nothing; each name is loaded on first use. Library code\n"
        "never prints, asks or exits: it raises [errors](errors.md), and progress goes to a\n"
        "`Reporter`.",
        _API_EXAMPLE,
        "## Functions",
        *(_function(name, value) for name, value in verbs.items()),
        "## Types",
        _table(
            ("name", "summary", "defined in"),
            *((f"`{n}`", _summary(v), f"`{v.__module__}`") for n, v in types.items()),
        ),
        "## Errors",
        "```text\n" + _error_tree() + "\n```",
    )


_API_EXAMPLE = """\
```python
import minicon

plan = minicon.create("data", ["python=3.11", "numpy"], dry_run=True)
print([record.name for record in plan.install])   # nothing was written yet
prefix = minicon.apply(plan)
```"""


def _function(name: str, value: object) -> str:
    signature = _signature(name, value)
    return f"### {name}\n\n```python\n{signature}\n```\n\n{_summary(value)}"


def _signature(name: str, value: object) -> str:
    parameters = list(inspect.signature(value).parameters.values())  # type: ignore[arg-type]
    lines, starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        lines.append(str(each).replace("'", ""))
    returns = str(inspect.signature(value).return_annotation).strip("'")  # type: ignore[arg-type]
    one_line = f"{name}({', '.join(lines)}) -> {returns}"
    if len(one_line) <= 100:
        return one_line
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f") -> {returns}"


def _summary(value: object) -> str:
    paragraph = (inspect.getdoc(value) or "").split("\n\n")[0]
    without_roles = re.sub(r":[a-z]+:`~?([^`]*)`", r"`\1`", " ".join(paragraph.split()))
    return without_roles.replace("``", "`").replace("|", "\\|")


def _error_tree() -> str:
    from minicon import errors

    return (errors.__doc__ or "").partition("::")[2].strip("\n").replace("\n    ", "\n").strip()


# Variables


def variables_page() -> str:
    """Return all environment variables, by purpose."""
    header = ("variable", "meaning")
    return _page(
        "Environment variables",
        "## Directories",
        _table(header, *_DIRECTORIES),
        "## Settings",
        "Every [setting](configuration.md) can be set as `MINICON_<KEY>`; if that is not set,\n"
        "`CONDA_<KEY>` is read. Variables override files, and options override variables.",
        _table(
            ("variable", "format"),
            *((f"`MINICON_{key.name.upper()}`", _how_to_give(key)) for key in KEYS.values()),
        ),
        "## The machine",
        _table(header, *_MACHINE),
        "## Network",
        _table(header, *_NETWORK),
        "## Set by activation",
        _table(header, *_ACTIVATION),
    )


def _how_to_give(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    if key.kind is Kind.SEQUENCE:
        between = "the path separator" if key.separator == "path" else f"`{key.separator}`"
        return f"items separated by {between}"
    if key.kind in (Kind.MAP, Kind.MAP_OF_SEQUENCES, Kind.MAP_OF_MAPS):
        return "a JSON object" + (", or `NAME=VALUE,…`" if key.kind is Kind.MAP else "")
    return key.kind.value


_OVERRIDE = "version of a virtual package, as in `CONDA_OVERRIDE_CUDA=12.4`; empty: `__cuda`, `__cuda_arch`, `__glibc` do not exist"
_PIP = "configuration of pip, which the source `pypi` uses: `PIP_INDEX_URL`, `PIP_FIND_LINKS` …"
_PROXIES = "proxies, unless `proxy_servers` is set; also in lower case"

_DIRECTORIES = (
    ("`MINICON_DIALECT`", "`conda`, `mamba` or `micromamba`: understand its command lines"),
    ("`MINICON_ROOT`", "directory of `envs/`, `pkgs/` and `cache/`"),
    ("`MINICONRC`", "minicon's own configuration file, instead of the user's"),
    ("`CONDARC`", "an additional configuration file in conda's format"),
    ("`MINICON_NO_RC`", "if it is not empty, no configuration file is read"),
    ("`MINICON_NO_ENV`", "if it is not empty, no setting is read from a `CONDA_` variable"),
    ("`MINICON_LABEL`", "set by `run --label` for the program: its process ID and the label"),
    ("`XDG_DATA_HOME`", "the default of `MINICON_ROOT` is `$XDG_DATA_HOME/minicon`"),
    ("`XDG_CONFIG_HOME`", "directory of configuration files"),
)
_MACHINE = (
    ("`CONDA_OVERRIDE_<NAME>`", _OVERRIDE),
    ("`SHELL`", "the shell of `minicon shell` and `minicon init` if no shell started them"),
    ("`NO_COLOR`", "disables colours, if not empty"),
    ("`FORCE_COLOR`", "enables colours even if the output is not a terminal"),
    ("`TERM`", "`dumb` disables colours and progress bars"),
)
_NETWORK = (
    ("`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`", _PROXIES),
    ("`NETRC`", "path of the file to read instead of `~/.netrc`"),
    ("`PIP_*`", _PIP),
)
_ACTIVATION = (
    ("`CONDA_PREFIX`", "path of the active environment"),
    ("`CONDA_DEFAULT_ENV`", "its name"),
    ("`CONDA_SHLVL`", "number of active environments"),
    ("`CONDA_PREFIX_<N>`", "environments that were active before"),
    ("`CONDA_PROMPT_MODIFIER`", "text before the prompt"),
)


# Writing


def clients_page() -> str:
    """Return what clients of conda were tested, and what is not spoken."""
    return _page("Programs that call conda", *clients.page_parts())


def _page(title: str, *parts: str) -> str:
    written = "*Generated from the code by `./dev docs`.*"
    return "\n\n".join([f"# {title}", written, *(part for part in parts if part)]) + "\n"


def _table(header: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


#: Path of each page or picture, from docs/reference/, and the function that returns its text.
PAGES = {
    "../internals/architecture.svg": house.picture,
    **{f"../internals/{name}": draw for name, draw in diagrams.PICTURES.items()},
    **{f"../{name}": draw for name, draw in plots.PICTURES.items()},
    "api.md": api_page,
    "cli.md": cli_page,
    "clients.md": clients_page,
    "configuration.md": configuration_page,
    "environment-variables.md": variables_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or only compare them."""
    stale = 0
    for name, write in PAGES.items():
        text = write()
        path = REFERENCE / name
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stdout.write(f"{path} is not up to date; run ./dev docs\n")
        else:
            path.write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
