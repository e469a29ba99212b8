"""Planted secrets: one wherever a user may have one, and a search for all of them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

from minicon.config.keys import KEYS, Key, Kind

#: Part of all secrets; the rest names their origin.
MARK = "S3CR3T"
_FOUND = re.compile(rf"{MARK}\w*|{b64encode(MARK.encode()).decode()[:-2]}\w*")

#: Every form of a URL with a secret; ``host`` has no scheme and ``path`` no leading slash.
FORMS: dict[str, Callable[[str, str, str], str]] = {
    "password": lambda host, path, secret: f"http://user:{secret}@{host}/{path}",
    "user": lambda host, path, secret: f"http://{secret}@{host}/{path}",
    "at": lambda host, path, secret: f"http://user:a@b{secret}@{host}/{path}",
    "slash": lambda host, path, secret: f"http://user:a/{secret}@{host}/{path}",
    "encoded": lambda host, path, secret: f"http://user:a%40{secret}%2F@{host}/{path}",
    "bare": lambda host, path, secret: f"user:{secret}@{host}/{path}",
    "slashes": lambda host, path, secret: f"//user:{secret}@{host}/{path}",
    "token": lambda host, path, secret: f"http://{host}/t/{secret}/{path}",
    "token-last": lambda host, path, secret: f"http://{host}/{path}/t/{secret}",
    "token-upper": lambda host, path, secret: f"http://{host}/T/{secret}/{path}",
    "query": lambda host, path, secret: f"http://{host}/{path}?token={secret}",
    "signed": lambda host, path, secret: f"http://{host}/{path}?a=1&X-Amz-Signature={secret}",
    "sig": lambda host, path, secret: f"http://{host}/{path}?sv=1&sig={secret}&x=2",
    "fragment": lambda host, path, secret: f"http://{host}/{path}#access_token={secret}",
    "inner": lambda host, path, secret: f"http://{host}/{path}?u=http%3A%2F%2Fu%3A{secret}%40h",
}


def planted_value(key: Key, form: str) -> object:
    """Return a value for a key of a configuration file, with a secret wherever one fits."""
    url = FORMS[form]("h.invalid", "x", f"{MARK}-{key.name}-{form}")
    return {
        Kind.SEQUENCE: [url],
        Kind.MAP: {"http": url, url: "x", "password": f"{MARK}-{key.name}"},
        Kind.MAP_OF_SEQUENCES: {"a": [url], url: [url]},
        Kind.MAP_OF_MAPS: {"a": {"url": url, "secret-key": f"{MARK}-{key.name}"}, url: {"x": url}},
        Kind.MAPS_BY_CHANNEL: [{"channel": url, "exclude_newer": "7d", "token": MARK}],
    }.get(key.kind, url)


def free_keys() -> Iterator[Key]:
    """Yield the keys that accept any text."""
    for key in KEYS.values():
        if not key.choices and key.kind not in (Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER):
            yield key


def secrets_in(text: str) -> list[str]:
    """Return the secrets in a text."""
    return sorted(set(_FOUND.findall(text)))


def files_with_secrets(folder: Path, planted: set[Path]) -> dict[str, list[str]]:
    """Return the files below a directory with secrets in name or content, but not planted."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        text = name
        if path.is_file() and not path.is_symlink() and path not in planted:
            text += "\n" + path.read_bytes().decode("utf-8", "replace")
        if secrets := secrets_in(text):
            found[name] = secrets
    return found


def foreign_record(name: str, form: str) -> tuple[str, str]:
    """Return name and text of a record with secrets, as a careless tool writes it."""
    channel = FORMS[form]("h.invalid", "chan", f"{MARK}-record-{form}")
    fn = f"{name}-1.0-0.conda"
    record = {
        "name": name,
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "channel": f"{channel}/noarch",
        "subdir": "noarch",
        "fn": fn,
        "md5": "0" * 32,
        "url": FORMS[form]("h.invalid", f"chan/noarch/{fn}", f"{MARK}-url-{form}"),
        "depends": [],
        "files": [f"share/{name}"],
        "paths_data": {"paths_version": 1, "paths": []},
        "requested_spec": f"{channel}::{name}",
    }
    return f"{name}-1.0-0.json", json.dumps(record)
