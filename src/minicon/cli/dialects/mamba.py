"""The words of mamba 2 and micromamba, which are one program: conda's, with these differences."""

from __future__ import annotations

from minicon.cli.dialects import conda
from minicon.cli.dialects.conda import option
from minicon.cli.dialects.dialect import Dialect
from minicon.lean_dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPTIONS = (
    *conda.OPTIONS,
    option("-r --root-prefix", takes_value=True, MINICON_ROOT="{}"),
    option("--rc-file", takes_value=True, CONDARC="{}"),
    option("--log-level", takes_value=True),
    option("--channel-priority", takes_value=True, MINICON_CHANNEL_PRIORITY="{}"),
    option("--channel-alias", takes_value=True, MINICON_CHANNEL_ALIAS="{}"),
    option("--safety-checks", takes_value=True, MINICON_SAFETY_CHECKS="{}"),
    option("--ssl-verify", takes_value=True, MINICON_SSL_VERIFY="{}"),
    option("--always-copy", MINICON_ALWAYS_COPY="true"),
    option("--always-softlink", MINICON_ALWAYS_SOFTLINK="true"),
    option("--no-pyc", MINICON_COMPILE_BYTECODE="false"),
    option("--strict-channel-priority --no-strict", "--strict-channel-priority", on="create"),
    option("--category", "--with {}", takes_value=True, on="create install"),
    option("--relocate-prefix --target-prefix-checks", takes_value=True),
    option(
        "--no-rc --no-env --retry-clean-cache --no-py-pin --py-pin --allow-uninstall "
        "--no-allow-uninstall --allow-downgrade --no-extra-safety-checks --extra-safety-checks "
        "--print-config-only --print-context-only --verify-artifacts --experimental --rc"
    ),
    option("-e --env", on="run", takes_value=True),
    option("-a --attach --label", on="run", takes_value=True),
    option("-d --detach --clean-env", on="run"),
    option("--trash --locks", "--tempfiles", on="clean"),
    option("--channel-subdir", on="env_export"),
    option("--local --remote --pretty", on="repoquery search"),
    option("-n --name -p --prefix", on="info repoquery", takes_value=True),
)

_CONFIG = {
    "list": "--show",
    "sources": "--show-sources",
    "describe": "--describe",
    "get": "--show",
    "set": "--set",
    "append": "--append",
    "prepend": "--prepend",
    "remove": "--remove",
    "remove-key": "--remove-key",
}


def shell_words(rest: list[str]) -> list[str]:
    """Rewrite ``shell VERB [-s SHELL] [-p PREFIX] [NAME]``.

    Returns:
        ``shell.SHELL VERB [NAME]``; ``init SHELL`` for the verbs that change start files.
    """
    verb, shell, names = "", "posix", []
    words = iter(rest)
    for word in words:
        if word in ("-s", "--shell"):
            shell = next(words, shell)
        elif word in ("-p", "--prefix", "-n", "--name"):
            names.append(next(words, ""))
        elif not verb and not word.startswith("-"):
            verb = word
        else:
            names.append(word)
    if verb in ("init", "deinit"):
        reverse = ["--reverse"] if verb == "deinit" else []
        return ["init", "--as", "mamba", *reverse, *([] if shell == "posix" else [shell])]
    if verb == "completion":
        return ["completion", *names, *([] if shell == "posix" else [shell])]
    if not verb:
        return ["shell", *rest]
    return [f"shell.{shell}", verb, *names]


def export_words(rest: list[str]) -> list[str]:
    """Rewrite ``env export [--explicit [--no-md5]]``: an explicit list is ``list`` here."""
    if not {"-e", "--explicit"} & set(rest):
        return ["env", "export", *rest]
    anchor = [] if "--no-md5" in rest else ["--md5"]
    own = [word for word in rest if word not in ("-e", "--explicit", "--no-md5")]
    return ["list", "--explicit", *anchor, *own]


def _query_shape(document: Any) -> Any:
    """Return records as ``repoquery --json`` and ``search --json`` of mamba print them."""
    listed = document.values() if isinstance(document, dict) else [document]
    packages = [record for records in listed if isinstance(records, list) for record in records]
    return {"query": {}, "result": {"pkgs": packages, "status": "OK"}}


def _info_shape(document: Any) -> Any:
    """Add the names that mamba gives to the facts of ``info --json``."""
    return {
        **document,
        "libmamba version": MAMBA.version,
        "mamba version": MAMBA.version,
        "micromamba version": MAMBA.version,
        "base environment": document["root_prefix"],
        "envs directories": document["envs_dirs"],
        "package cache": document["pkgs_dirs"],
        "active environment": document["active_prefix"],
        "env location": document["active_prefix"] or "-",
        "user config files": [document["user_rc_path"]],
        "populated config files": document["config_files"],
        "virtual packages": ["=".join(each) for each in document["virtual_pkgs"]],
    }


_NO_UPDATE = "this program is part of minicon, which is updated as it was installed"
_NO_LOGIN = "save credentials in ~/.netrc or in the URL of the channel; nothing to log in to"

MICROMAMBA = Dialect(
    name="micromamba",
    version="2.5.0",
    version_text="{version}",
    words={f"config {verb}": f"config {own}" for verb, own in _CONFIG.items()},
    rewritten={"shell": shell_words, "env export": export_words},
    options=OPTIONS,
    notes={
        "self-update": _NO_UPDATE,
        "auth login": _NO_LOGIN,
        "auth logout": _NO_LOGIN,
        "ps": "minicon keeps no list of programs; see 'ps'",
    },
    elsewhere={
        **conda.ELSEWHERE,
        "package": "extract packages with 'cph extract', from conda-package-handling on PyPI",
    },
    programs=conda.PROGRAMS,
    errors=conda.ERRORS,
    texts=conda.CONDA.texts,
    uses_base=True,
    uses_condarc=True,
    settings=conda.CONDA.settings,
    exit_codes=conda.CONDA.exit_codes,
    shapes={"search": _query_shape, "repoquery": _query_shape, "info": _info_shape},
    variables={"MAMBA_ROOT_PREFIX": "MINICON_ROOT", "MAMBARC": "CONDARC"},
)
MAMBA = replace(MICROMAMBA, name="mamba")
