"""What a channel has: a list of its packages, and all about one of them."""

from __future__ import annotations

from time import process_time

from minicon.api.dependency_graph import parsed_dependency
from minicon.api.inspect.repoquery import Catalogue
from minicon.errors import ChannelError
from minicon.models.near_names import near_names
from minicon.models.package_names import PACKAGE_NAME
from minicon.serve.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.records import RepodataRecord
    from minicon.serve.answers.channels import KnownChannels

#: Most versions and builds that the page of a package lists.
_MOST_VERSIONS, _MOST_BUILDS = 200, 1000
_MOST_DEPENDENTS = 1000
#: Processor time to look for dependents, for which all records are read.
_SECONDS = 5.0
_TEXTS = ("summary", "description", "license", "home", "dev_url", "doc_url")


def packages(
    known: KnownChannels, channel: str, search: str, subdir: str, first: int, count: int
) -> dict[str, Any]:
    """Return some packages of a channel, by name; the best matches of a search first.

    Args:
        known: The channels.
        channel: Name of a served channel.
        search: Words that names or summaries contain; empty for all.
        subdir: Only packages that this platform or ``noarch`` has; empty for all.
        first: Index of the first package to return.
        count: Most packages to return.
    """
    services = known.services()
    try:
        subdirs = known.subdirs(services, channel)
        about = known.channeldata(services, channel).get("packages") or {}
        chosen = tuple(s for s in subdirs if not subdir or s in (subdir, "noarch"))
        catalogue = _catalogue(known, services, channel, chosen)
        names = catalogue.package_names() if catalogue else set()
        found = _matching(sorted(names), about, search)
        shown = [] if catalogue is None else found[first : first + count]
        rows = [_row(catalogue.records_for(name), about.get(name)) for name in shown if catalogue]
        return {"subdirs": subdirs, "all": len(names), "total": len(found), "packages": rows}
    finally:
        services.close()


def package(known: KnownChannels, channel: str, name: str) -> dict[str, Any]:
    """Return all about a package of a channel.

    Raises:
        Refusal: The channel has no such package.
    """
    services = known.services()
    try:
        subdirs = known.subdirs(services, channel)
        catalogue = _catalogue(known, services, channel, subdirs)
        records = catalogue.records_for(name) if catalogue and PACKAGE_NAME.match(name) else []
        if catalogue is None or not records:
            near = near_names(name, catalogue.package_names()) if catalogue else []
            hint = f"did you mean {', '.join(near)}?" if near else None
            raise Refusal(404, "package-not-found", f"{channel} has no package {name}", hint=hint)
        about = (known.channeldata(services, channel).get("packages") or {}).get(name) or {}
        dependents, has_all = _dependents(catalogue, name)
        return {
            "name": name,
            "about": {key: text for key in _TEXTS if isinstance(text := about.get(key), str)},
            "subdirs": [s for s in subdirs if any(r.subdir == s for r in records)],
            "versions": _versions(records[:_MOST_BUILDS]),
            "builds": len(records),
            "linked": _linked(records[0], catalogue.package_names()),
            "dependents": [{"name": each, "spec": dependents[each]} for each in sorted(dependents)],
            "has_all_dependents": has_all,
        }
    finally:
        services.close()


def _dependents(catalogue: Catalogue, name: str) -> tuple[dict[str, str], bool]:
    """Return the packages that need one, each with its dependency; and whether these are all."""
    found: dict[str, str] = {}
    end = process_time() + _SECONDS
    for record in catalogue.everything(name):
        if len(found) >= _MOST_DEPENDENTS or process_time() > end:
            return found, False
        if record.name in found:
            continue
        texts = (text for text in record.depends if name in text)
        for text in texts:
            spec = parsed_dependency(text)
            if spec is not None and spec.exact_name == name:
                found[record.name] = text
                break
    return found, True


def _catalogue(
    known: KnownChannels, services: Services, channel: str, subdirs: Sequence[str]
) -> Catalogue | None:
    """Return the records of a channel; None if it has no index yet."""
    text = f"{known.channel_text(channel)}[{','.join(subdirs)}]"
    try:
        return Catalogue(services, (text,), override=True)
    except ChannelError as error:
        if error.reference == "channel-not-found":
            return None
        raise


def _matching(names: Iterable[str], about: Mapping[str, Any], search: str) -> list[str]:
    words = search.lower().split()
    if not words:
        return list(names)

    def rank(name: str) -> int | None:
        if all(word in name for word in words):
            return 0 if name == words[0] else 1 if name.startswith(words[0]) else 2
        summary = f"{name} {(about.get(name) or {}).get('summary') or ''}".lower()
        return 3 if all(word in summary for word in words) else None

    ranked = [(rank(name), name) for name in names]
    return [name for number, name in sorted((n, name) for n, name in ranked if n is not None)]


def _row(records: Sequence[RepodataRecord], about: Mapping[str, Any] | None) -> dict[str, Any]:
    newest = records[0]
    summary = (about or {}).get("summary")
    return {
        "name": newest.name,
        "version": newest.version,
        "subdirs": sorted({record.subdir for record in records}),
        "builds": len(records),
        "size": newest.size,
        "license": newest.license,
        "timestamp": newest.timestamp,
        "summary": summary if isinstance(summary, str) else None,
    }


def _versions(records: Iterable[RepodataRecord]) -> list[dict[str, Any]]:
    versions: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.version in versions or len(versions) < _MOST_VERSIONS:
            versions.setdefault(record.version, []).append(_build(record))
    return [{"version": version, "builds": builds} for version, builds in versions.items()]


def _build(record: RepodataRecord) -> dict[str, Any]:
    return {
        "fn": record.fn,
        "subdir": record.subdir,
        "build": record.build,
        "build_number": record.build_number,
        "size": record.size,
        "license": record.license,
        "timestamp": record.timestamp,
        "sha256": record.sha256,
        "depends": list(record.depends),
        "constrains": list(record.constrains),
    }


def _linked(record: RepodataRecord, names: set[str]) -> list[str]:
    """Return the names that the dependencies of a record may have, and that the channel has."""
    texts = (*record.depends, *record.constrains)
    specs = (parsed_dependency(text) for text in texts)
    return sorted({spec.exact_name or "" for spec in specs if spec is not None} & names)
