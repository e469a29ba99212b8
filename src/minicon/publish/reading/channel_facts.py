"""What ``channeldata.json`` (CEP 38) says of one archive: its project, and what linking it does."""

from __future__ import annotations

import re

from minicon.config import strict_yaml
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Files below ``info/`` that facts are read from. The first recipe of those present counts.
_RECIPES = ("recipe/meta.yaml.rendered", "recipe/meta.yaml", "meta.yaml")
FACT_FILES = ("about.json", "paths.json", *_RECIPES)
#: Texts of which the newest version's is kept.
PROJECT_KEYS = (
    *("description", "dev_url", "doc_url", "doc_source_url", "home", "license", "source_url"),
    *("source_git_url", "summary", "icon_url", "icon_hash", "tags", "identifiers", "keywords"),
    "recipe_origin",
)
#: Facts that are true if they are for any archive of the name.
LINKING_KEYS = (
    *("activate.d", "binary_prefix", "deactivate.d", "post_link", "pre_link", "pre_unlink"),
    "text_prefix",
)
_SOURCE_KEYS = ("url", "git_url")
#: In a recipe that was not rendered.
_TEMPLATE = "{{"
_ONE_LINE = ("description", "summary")
#: The section of a recipe: up to the next line that is not indented.
_SOURCE = lazy_pattern(r"^source:.*(?:\n(?:[ \t#-].*)?)*", re.MULTILINE)
_LINK_SCRIPT = lazy_pattern(r".*/\.[^/]*-(?P<action>pre-link|post-link|pre-unlink)\.")


def channel_facts(info: Mapping[str, bytes], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of an archive; what its files do not say, or not as JSON, is left out.

    Args:
        info: Content of files below ``info/``, by name.
        record: The archive's record, whose license counts before that of ``about.json``.
    """
    stated = {**_sources(info), **_object(info.get("about.json", b""))}
    if record.get("license"):
        stated["license"] = record["license"]
    facts = {key: stated[key] for key in PROJECT_KEYS if stated.get(key)}
    for key in _ONE_LINE:
        if isinstance(facts.get(key), str):
            facts[key] = facts[key].strip().replace("\n", " ")
    return {**facts, **dict.fromkeys(_linking(info.get("paths.json", b"")), True)}


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = read_json(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sources(info: Mapping[str, bytes]) -> dict[str, Any]:
    """The URLs of the recipe's ``source:``, which is the only section that is parsed."""
    recipe = next((info[name] for name in _RECIPES if name in info), b"")
    section = _SOURCE.search(recipe.decode("utf-8", "replace"))
    if section is None:
        return {}
    try:
        source = strict_yaml.load(section[0], source="meta.yaml")["source"]
    except SpecError:
        return {}
    if not isinstance(source, dict):
        return {}
    found = {f"source_{key}": source[key] for key in _SOURCE_KEYS if source.get(key)}
    return {} if _TEMPLATE in str(found) else found


def _linking(paths_json: bytes) -> list[str]:
    # Few packages have any of these words, and paths.json may list 100,000 files.
    if not any(word in paths_json for word in (b"prefix_placeholder", b"activate.d", b"link.")):
        return []
    paths = _object(paths_json).get("paths")
    entries = [e for e in paths if isinstance(e, dict)] if isinstance(paths, list) else []
    found = {f"{e.get('file_mode')}_prefix" for e in entries if e.get("prefix_placeholder")}
    for entry in entries:
        path = str(entry.get("_path"))
        found |= {key for key in ("activate.d", "deactivate.d") if path.startswith(_HOOKS + key)}
        script = _LINK_SCRIPT.match(path)
        if script is not None:
            found.add(script["action"].replace("-", "_"))
    return sorted(found.intersection(LINKING_KEYS))


_HOOKS = "etc/conda/"
