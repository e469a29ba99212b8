"""The words of mamba 2 and micromamba, which are one program: conda's, with these differences."""

from __future__ import annotations

from minicon.cli.dialects import conda
from minicon.cli.dialects.conda import option
from minicon.cli.dialects.dialect import Dialect
from minicon.lean_dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

OPTIONS = (
    *conda.OPTIONS,
    option("-r --root-prefix", takes_value=True, MINICON_ROOT="{}"),
    option("--rc-file", takes_value=True, CONDARC="{}"),
    option("--log-level", takes_value=True),
    option("--channel-priority", takes_value=True, MINICON_CHANNEL_PRIORITY="{}"),
    option("--channel-alias", takes_value=True, MINICON_CHANNEL_ALIAS="{}"),
    option("--safety-checks", takes_value=True, MINICON_SAFETY_CHECKS="{}"),
    option("--ssl-verify --cacert-path", takes_value=True, MINICON_SSL_VERIFY="{}"),
    option("--lock-timeout", takes_value=True, MINICON_LOCK_TIMEOUT="{}"),
    option("--allow-softlinks", MINICON_ALLOW_SOFTLINKS="true"),
    option("--no-allow-softlinks", MINICON_ALLOW_SOFTLINKS="false"),
    option("--no-always-copy", MINICON_ALWAYS_COPY="false"),
    option("--no-always-softlink", MINICON_ALWAYS_SOFTLINK="false"),
    option("--pyc", MINICON_COMPILE_BYTECODE="true"),
    option("--skip-run-link-scripts", MINICON_LINK_SCRIPTS="false"),
    option("--run-link-scripts", MINICON_LINK_SCRIPTS="true"),
    option("--trusted-channels", takes_value=True),
    option("--no-rc", MINICON_NO_RC="true"),
    option("--no-env", MINICON_NO_ENV="true"),
    option("--always-copy", MINICON_ALWAYS_COPY="true"),
    option("--always-softlink", MINICON_ALWAYS_SOFTLINK="true"),
    option("--no-pyc", MINICON_COMPILE_BYTECODE="false"),
    option("--strict-channel-priority --no-strict", "--strict-channel-priority", on="create"),
    option("--category", "--with {}", takes_value=True, on="create install"),
    option("--relocate-prefix --target-prefix-checks", takes_value=True),
    option(
        "--retry-clean-cache --no-py-pin --py-pin --allow-uninstall "
        "--no-allow-uninstall --allow-downgrade --no-extra-safety-checks --extra-safety-checks "
        "--no-allow-downgrade --pin --use-uv --ssl-no-revoke "
        "--print-config-only --print-context-only --verify-artifacts --experimental --rc"
    ),
    option("-e --env", "--env {}", on="run", takes_value=True),
    option("-a --attach", "--attach {}", on="run", takes_value=True),
    option("-d", "--detach", on="run"),
    option("--trash --locks -l", "--tempfiles", on="clean"),
    option("-a --all", "--all", on="remove uninstall"),
    option("-a", "--all", on="update upgrade"),
    option("-f", "--force", on="remove uninstall"),
    option("-l --long-descriptions -g --groups -d --descriptions", on="config"),
    option("-s --sources", on="config_list"),
    option("--category", on="update upgrade", takes_value=True),
    option("--no-prune-deps", on="update upgrade"),
    option("--md5 --build", on="env_export"),
    option("--no-build", "--no-builds", on="env_export"),
    option("--channel-subdir", on="env_export"),
    option("--local", "--installed", on="repoquery"),
    option("--local --remote", on="search"),
    option("--pretty", on="repoquery search"),
    option("-n --name -p --prefix", on="search", takes_value=True),
)

#: Settings that variables of mamba set as those of conda do.
_SETTINGS = """
    ADD_PIP_AS_PYTHON_DEPENDENCY ALLOW_SOFTLINKS ALWAYS_COPY ALWAYS_SOFTLINK ALWAYS_YES
    AUTO_ACTIVATE_BASE CHANGEPS1 CHANNEL_ALIAS CHANNEL_PRIORITY CUSTOM_CHANNELS DEFAULT_CHANNELS
    DOWNLOAD_ONLY DRY_RUN ENV_PROMPT JSON LOCK_TIMEOUT MIRRORED_CHANNELS OFFLINE
    PINNED_PACKAGES QUIET REMOTE_CONNECT_TIMEOUT_SECS REMOTE_MAX_RETRIES SAFETY_CHECKS SSL_VERIFY
"""
VARIABLES = {
    "MAMBA_ROOT_PREFIX": "MINICON_ROOT",
    "MAMBARC": "CONDARC",
    "MAMBA_NO_RC": "MINICON_NO_RC",
    "MAMBA_NO_ENV": "MINICON_NO_ENV",
    **{f"MAMBA_{name}": f"CONDA_{name}" for name in _SETTINGS.split()},
    "MAMBA_CACERT_PATH": "CONDA_SSL_VERIFY",
    "MAMBA_COMPILE_PYC": "CONDA_COMPILE_BYTECODE",
    "MAMBA_NO_PIN": "CONDA_IGNORE_PINNED",
    "MAMBA_PLATFORM": "CONDA_SUBDIR",
    "MAMBA_TARGET_PREFIX": "MINICON_TARGET_PREFIX",
    "MAMBA_USE_SHARDED_REPODATA": "CONDA_REPODATA_USE_SHARDS",
}
USER_FILES = ("~/.config/mamba/mambarc", "~/.mamba/mambarc", "~/.mamba/.mambarc", "~/.mambarc")

_CONFIG = {
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
    split = (each.split("=", 1) if each.startswith("--") else [each] for each in rest)
    words = (word for pieces in split for word in pieces)
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


def list_words(rest: list[str]) -> list[str]:
    """Rewrite ``config list [-a] [KEY]...``: without ``-a``, only what is configured."""
    keys = [word for word in rest if word not in ("-a", "--all", "--show-all")]
    return ["config", *(["--configured"] if keys == rest else []), "--show", *keys]


def run_words(rest: list[str]) -> list[str]:
    """Rewrite ``run``: every program is in the list of ``ps``."""
    return ["run", "--label", "", *rest]


def installed_words(query: str) -> Callable[[list[str]], list[str]]:
    """Rewrite ``repoquery QUERY``: without a channel or ``--remote``, what is installed."""
    return lambda rest: ["repoquery", query, "--installed", *rest]


def export_words(rest: list[str]) -> list[str]:
    """Rewrite ``env export [--explicit [--no-md5]]``: an explicit list is ``list`` here."""
    own = [word for word in rest if word not in ("-e", "--explicit", "--no-md5")]
    if not {"-e", "--explicit"} & set(rest):
        return ["env", "export", *own]
    return ["list", "--explicit", *([] if "--no-md5" in rest else ["--md5"]), *own]


def _query_shape(document: Any) -> Any:
    """Return records as ``repoquery --json`` and ``search --json`` of mamba print them."""
    listed = document.values() if isinstance(document, dict) else [document]
    packages = [record for records in listed if isinstance(records, list) for record in records]
    return {"query": {}, "result": {"pkgs": packages, "status": "OK"}}


def _settings_shape(values: Any) -> Any:
    """Return settings with mamba's name of the target platform."""
    return {**values, "platform": values["subdir"]} if "subdir" in values else values


def _info_facts(document: Any) -> dict[str, Any]:
    """Return the facts of ``info`` with mamba's names, in its order."""
    return {
        "libmamba version": MAMBA.version,
        "mamba version": MAMBA.version,
        "micromamba version": MAMBA.version,
        "libarchive version": document["archive_reader"],
        "envs directories": document["envs_dirs"],
        "package cache": document["pkgs_dirs"],
        "environment": document["active_prefix_name"] or "None",
        "env location": document["active_prefix"] or "-",
        "user config files": [document["user_rc_path"]],
        "populated config files": document["config_files"],
        "virtual packages": ["=".join(each) for each in document["virtual_pkgs"]],
        "channels": document["channels"],
        "base environment": document["root_prefix"],
        "platform": document["platform"],
    }


def _info_shape(document: Any) -> Any:
    """Add the names that mamba gives to the facts of ``info --json``."""
    return {**document, **_info_facts(document), "active environment": document["active_prefix"]}


def _info_text(document: Any) -> str:
    """Return the output of ``info``."""
    facts = _info_facts(document)
    width = max(map(len, facts)) + 1
    lines = [""]
    for label, value in facts.items():
        first, *others = value if isinstance(value, list) and value else [value or ""]
        lines += [f"{label:>{width}} : {first}", *(" " * (width + 3) + text for text in others)]
    return "\n".join([*lines, ""])


_NO_UPDATE = "this program is part of minicon, which is updated as it was installed"
_NO_LOGIN = "save credentials in ~/.netrc or in the URL of the channel; nothing to log in to"

MICROMAMBA = Dialect(
    name="micromamba",
    version="2.5.0",
    version_text="{version}",
    words={f"config {verb}": f"config {own}" for verb, own in _CONFIG.items()},
    rewritten={
        "shell": shell_words,
        "env export": export_words,
        "run": run_words,
        "config list": list_words,
        "repoquery depends": installed_words("depends"),
        "repoquery whoneeds": installed_words("whoneeds"),
    },
    options=OPTIONS,
    notes={
        "self-update": _NO_UPDATE,
        "auth login": _NO_LOGIN,
        "auth logout": _NO_LOGIN,
    },
    elsewhere={
        **conda.ELSEWHERE,
        "package": "extract packages with 'cph extract', from conda-package-handling on PyPI",
    },
    programs=conda.PROGRAMS,
    errors=conda.ERRORS,
    texts={"info": _info_text},
    uses_base=True,
    uses_condarc=True,
    settings=conda.CONDA.settings,
    exit_codes=conda.CONDA.exit_codes,
    shapes={
        "search": _query_shape,
        "repoquery": _query_shape,
        "info": _info_shape,
        "info-base": lambda document: {"base environment": document["root_prefix"], **document},
        "config-show": _settings_shape,
    },
    variables=VARIABLES,
    user_files=USER_FILES,
)
MAMBA = replace(MICROMAMBA, name="mamba")
