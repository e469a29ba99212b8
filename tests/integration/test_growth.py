"""No reader of text from outside takes more than its share of time for a longer text.

Each reader gets texts that repeat one small part, which is what patterns and loops that look
again and again are slow at; four times the text may take four times as long, not sixteen.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.growth import assert_linear

from minicon.archive.tar_header import parse_pax
from minicon.config.files import read_config_text
from minicon.config.strict_yaml import load
from minicon.envs.environment_file import _parse_list, _select_lines
from minicon.envs.locks.conda_lock import parse_conda_lock
from minicon.envs.locks.pylock import parse_pylock
from minicon.errors import SpecError
from minicon.models.channel import Channel, parse_channels
from minicon.models.environment_files.explicit_list import parse_explicit_entry, parse_explicit_list
from minicon.models.match_spec.build_spec import BuildNumberSpec, StringSpec
from minicon.models.match_spec.spec import MatchSpec, parse_when
from minicon.models.match_spec.version_spec import VersionSpec
from minicon.models.subdir import selects
from minicon.models.url import Url
from minicon.models.version import Version
from minicon.net.client.headers import range_start
from minicon.net.schemes.oci_artifact import Artifact
from minicon.net.schemes.oci_login import parse_challenge
from minicon.package.info_files import parse_entry_point, parse_package_files
from minicon.package.prepare.wheel_layout import parse_entry_points, parse_record
from minicon.prefix.environment.history import parse_history
from minicon.prefix.link.prefix_bytes import replace_in_text
from minicon.pypi.index.project_page import parse_page
from minicon.pypi.index.simple_index import lifetime
from minicon.pypi.requirement_syntax import parse_requirement, parse_specifiers
from minicon.pypi.requirements.requirement_entry import parse_entry
from minicon.pypi.requirements.requirement_lines import Line, logical_lines, split_options
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import split_sdist_name, split_wheel_name
from minicon.pypi.wheels.wheel_tags import may_fit_platform
from minicon.redaction import redact
from minicon.repodata.channels.notices import parse_notices
from minicon.repodata.fetch import max_age_of
from minicon.repodata.index.scanner import RepodataScanner

LINE = Line("x", "r.txt", 1)
ALIAS = "https://channels.test"


def has_prefix(text: str) -> None:
    info = {"files": b"x", "has_prefix": text.encode(), "index.json": b"{}"}
    parse_package_files(info, "x")


def page(text: str) -> None:
    parse_page(text.encode(), "text/html", "https://x.test/simple/x/", "x", "linux-64")


def json_page(text: str) -> None:
    entry = {"filename": f"x-{text}.tar.gz", "url": text, "requires-python": text}
    body = json.dumps({"meta": {}, "files": [entry]}).encode()
    parse_page(body, "application/json", "https://x.test/simple/x/", "x", "linux-64")


def notices(text: str) -> None:
    body = json.dumps({"notices": [{"message": text, "id": text}]})
    parse_notices(Channel("x", "https://x.test"), body.encode())


def scan(text: str) -> None:
    for _ in RepodataScanner([b'{"packages":{"a-1-0.conda":{', text.encode()]).blocks():
        pass


def pip_requirement(text: str) -> None:
    line = Line(text, "r.txt", 1)
    parse_entry(*split_options(line), line)


READERS: dict[str, Callable[[str], Any]] = {
    "build": StringSpec,
    "build, pattern": lambda text: StringSpec(f"^{text[:1000]}$"),
    "build number": BuildNumberSpec,
    "challenge": lambda text: parse_challenge(text, "r.test"),
    "challenge, bearer": lambda text: parse_challenge(f"Bearer {text}", "r.test"),
    "channel": lambda text: parse_channels(text, alias=ALIAS, home="/"),
    "channel, URL": lambda text: parse_channels(f"https://h/{text}", alias=ALIAS, home="/"),
    "condition": parse_when,
    "condarc": lambda text: read_config_text(text, "condarc"),
    "conda-lock": lambda text: parse_conda_lock(f"package:\n- name: {text}", source="x"),
    "content-range": lambda text: range_start({"content-range": text}),
    "entry point": parse_entry_point,
    "entry points of a wheel": lambda text: parse_entry_points(f"[console_scripts]\n{text}", "x"),
    "environment file, comments": lambda text: _select_lines(f"a {text}", "linux-64"),
    "environment list": lambda text: _parse_list(text, "linux-64", "x"),
    "explicit entry": lambda text: parse_explicit_entry(f"/x-1-0.conda#{text}", position="x"),
    "explicit list": lambda text: parse_explicit_list(f"@EXPLICIT\n{text}", source="x"),
    "freshness": lambda text: max_age_of({"cache-control": text}),
    "has_prefix": has_prefix,
    "history": parse_history,
    "history, specs": lambda text: parse_history(f"==> x <==\n# update specs: {text}"),
    "lifetime": lambda text: lifetime({"cache-control": text}),
    "METADATA": CoreMetadata.from_text,
    "METADATA, requirement": lambda text: (
        CoreMetadata.from_text(f"Name: x\nVersion: 1\nRequires-Dist: {text}\n").requirements
    ),
    "notices": notices,
    "OCI": lambda text: Artifact.of(f"oci://r.test/{text}"),
    "page": page,
    "page, JSON": json_page,
    "pax": lambda text: parse_pax(text.encode()),
    "pip requirement": pip_requirement,
    "pip lines": lambda text: list(logical_lines(text, "r.txt", {})),
    "platform of a wheel": lambda text: may_fit_platform("linux-64", text),
    "pylock": lambda text: parse_pylock(text, source="x", folder=Path(), platform="linux-64"),
    "RECORD": parse_record,
    "redact": redact,
    "redact, URL": lambda text: redact(f"https://{text}"),
    "redact, query": lambda text: redact(f"https://h/?{text}"),
    "repodata": scan,
    "requirement": parse_requirement,
    "requirement, version": lambda text: parse_specifiers(f">=1{text}"),
    "sdist": lambda text: split_sdist_name(f"{text}.tar.gz", "x"),
    "selector": lambda text: selects(text, "linux-64"),
    "shebang": lambda text: replace_in_text(
        f"#!/old/bin/{text}".encode(), "/old", "/new x", "linux-64"
    ),
    "spec": MatchSpec,
    "spec, version": lambda text: MatchSpec(f"a {text}"),
    "spec, brackets": lambda text: MatchSpec(f"a[{text}]"),
    "spec, key": lambda text: MatchSpec(f"a[version={text}"),
    "URL": Url,
    "URL of the web": lambda text: Url(f"https://{text}"),
    "version": Version,
    "version spec": VersionSpec,
    "wheel": lambda text: split_wheel_name(f"x-1-{text}-py3-none-any.whl"),
    "YAML": lambda text: load(text, source="x"),
}
PARTS = [
    " ", "\n", "\t", "a", "1", "0", ".", "-", "_", "=", "==", ">=", "<", "!", "~", "*", ".*", ",",
    "|", "(", ")", "((", "[", "]", "[[", "{", "}", "{%", "'", '"', "''", "\\", "\\\\", "/", "//",
    ":", "::", ";", "#", " #", "\n#", "@", "a@", "&", "?", "%", "^", "$", "=^", "^$", "+", "a ",
    " a", "a.", "a-", "a=", "=a", "a,", ", ", "| ", ">= ", "[a", "a[", "a]", "(a", "1.", "1!",
    "- ", "-\n", "a: ", "- a\n", "[a]", "a='", 'a="', 'a="b",', "/t/", "token=", "?token",
    "https://", "a://", "sha256:", "==> ", "\r", "\0", "é", " and ", " or ", "x; if ", "; ",
    "--hash=", "Basic ", "a=b,", "\\\n", "\x1b[", "<!--", "<a ", "{{", "a | ", "a?", "(a|",
    "a{2}", "\n ", "a\n", "a \n", "max-age", "no-cache,", "10 a=b\n", "$A", "${", "..", "../",
    "./",
]  # fmt: skip


#: What stands before and behind the parts.
FRAMES = [("", ""), ("a", "x")]


@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_text_and_no_faster(name: str) -> None:
    for part, (start, end) in itertools.product(PARTS, FRAMES):
        make = functools.partial(_framed, start, part, end)
        try:
            assert_linear(READERS[name], make, 1_500)
        except AssertionError as error:
            raise AssertionError(f"{name} on many {part!r}: {error}") from None


def _framed(start: str, part: str, end: str, size: int) -> str:
    return start + part * (size // len(part)) + end


@pytest.mark.parametrize(
    "pattern",
    ["^" + "a?" * 30 + "a" * 30 + "$", "^" + "(a|b|ab)" * 12 + "$", "^(a|" + "b?" * 9 + ")$",
     "^" + "[" * 900 + "$", "^(a+)+$", "^a{1,9}{1,9}{1,9}{1,9}$"],
)  # fmt: skip
def test_patterns_that_may_take_very_long_are_refused(pattern: str) -> None:
    with pytest.raises(SpecError):
        StringSpec(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^py3(8|9|10|11|12|13)_.*$", "^(?:cuda)?12.*$", "^py3[0-9]+_(0|1)?$", "^.*?(mkl|openblas)$"],
)
def test_patterns_of_builds_go_on_to_work(pattern: str) -> None:
    assert not StringSpec(pattern).matches("x")
