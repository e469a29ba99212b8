"""The words of conda 26: what differs from minicon's own, which are mostly conda's."""

from __future__ import annotations

from minicon.cli.dialects.conda_documents import OTHER_SETTINGS, SHAPES, TEXTS
from minicon.cli.dialects.dialect import Dialect, ForeignOption
from minicon.constants import CONDA_VERSION
from minicon.lean_dataclasses import replace

_IGNORED = (
    *("--debug", "--trace", "--use-local", "--shortcuts", "--no-show-channel-urls"),
    *("--force-pscheck", "--unknown"),
)
_CHANGES = "create install update upgrade"


def option(
    flags: str, words: str = "", *, on: str = "", takes_value: bool = False, **variables: str
) -> ForeignOption:
    """Return a row: spellings, own words, and the commands (``env_create`` is ``env create``)."""
    commands = frozenset(each.replace("_", " ") for each in on.split())
    return ForeignOption(
        tuple(flags.split()), takes_value, tuple(words.split()), variables, commands
    )


OPTIONS = (
    *(ForeignOption((flag,)) for flag in _IGNORED),
    option("--console", takes_value=True),
    option("--env-spec --environment-specifier", takes_value=True),
    option("-O", "--override-channels"),
    option("--repodata-use-shards", MINICON_REPODATA_USE_SHARDS="true"),
    option("--no-repodata-use-shards", MINICON_REPODATA_USE_SHARDS="false"),
    option("--repodata-use-zst", MINICON_REPODATA_USE_ZST="true"),
    option("--no-repodata-use-zst", MINICON_REPODATA_USE_ZST="false"),
    option("--no-default-packages", on="env_create"),
    option("--force", "--yes", on="create env_create"),
    option("--force", "--force-reinstall", on="install update upgrade"),
    option("--format", on=f"env_create env_update {_CHANGES}", takes_value=True),
    option("--prune", on="install update upgrade remove uninstall"),
    option("--prune-deps", on="update upgrade remove uninstall"),
    option("--all", "--update-all", on="install"),
    option("--solver", on="env_remove", takes_value=True),
    option("--no-lock", on="search notices"),
    option("--rev", "--revision {}", on="install", takes_value=True),
    option("--auth", on="list"),
    option("--size", on="env_list"),
    option("--size --license --licenses", on="info"),
    option("--offline", on="info", MINICON_OFFLINE="true"),
    option("--root", "--base", on="info"),
    option("--full-name -f --canonical --names-only -o --outdated --spec", on="search"),
    option("--skip-flexible-search", "--exactly", on="search"),
    option("-s", on="run"),
    option("-y --yes --list", on="doctor check"),
    option("--heal", "--fix", on="doctor check"),
    option("--override-frozen", on="doctor check"),
    option("-d --dry-run", on="doctor check", MINICON_DRY_RUN="true"),
    option("-f --force", on="config"),
    option("--dev --install --condabin --no-user", on="init"),
    option("-c", "--tempfiles", on="clean"),
)

#: Options that mamba has with another meaning, or with a value.
_NOT_OF_MAMBA = (
    option("--channel-priority", on=_CHANGES, MINICON_CHANNEL_PRIORITY="flexible"),
    option("--experimental", on="search notices", takes_value=True),
)

WORDS = {
    "search": "search --flexible",
    "check": "doctor",
    "health": "doctor",
    "conda-env": "env",
    "init": "init --as conda",
    "env doctor": "doctor",
    "commands": "--help",
}

_NO_TERMS = "minicon asks for no terms of service; a channel's own terms apply"
NOTES = {"tos": _NO_TERMS, "tos accept": _NO_TERMS, "tos view": _NO_TERMS}

_BUILD = "build packages with 'rattler-build', or from wheels with 'minicon channel build'"
#: Plugins and projects beside conda, and what does their job.
ELSEWHERE = {
    "build": _BUILD,
    "mambabuild": _BUILD,
    "render": "render recipes with 'rattler-build build --render-only'",
    "debug": "debug recipes with 'rattler-build debug'",
    "skeleton": "write recipes with 'grayskull pypi NAME'",
    "convert": "build for other platforms with 'minicon channel build --platform SUBDIR'",
    "develop": "install a source directory with 'minicon run -n NAME pip install -e DIR'",
    "index": "index a channel with 'minicon channel index DIR'",
    "metapackage": "list the packages in an environment.yml instead",
    "package": "create packages with 'rattler-build'; see changed files with 'minicon status'",
    "content-trust": "packages are verified by the hashes of their channel's index",
    "server": "upload with the program of your server",
    "repo": "upload with the program of your server",
    "token": "save credentials in ~/.netrc or in the URL of the channel",
    "project": "use 'minicon lock' and 'minicon sync'",
    "inspect": "show contents of packages with 'minicon search SPEC --info'",
}

#: Packages of the program itself.
PROGRAMS = frozenset(
    ("conda", "mamba", "micromamba", "conda-libmamba-solver", "libmamba", "libmambapy")
)

ERRORS = {
    "MiniconError": "CondaError",
    "UsageError": "ArgumentError",
    "SpecError": "InvalidMatchSpec",
    "ChannelError": "CondaHTTPError",
    "RepodataError": "CorruptRepodataError",
    "OfflineError": "OfflineError",
    "SolveError": "UnsatisfiableError",
    "Unsatisfiable": "UnsatisfiableError",
    "PackageNotFound": "PackagesNotFoundError",
    "PackageError": "CondaVerificationError",
    "HashMismatch": "ChecksumMismatchError",
    "UnsafeArchive": "SafetyError",
    "PrefixError": "CondaEnvException",
    "NotAnEnvironment": "EnvironmentLocationNotFound",
    "Clobbered": "ClobberError",
    "PrefixLocked": "LockError",
    "LinkScriptFailed": "LinkError",
    "PipError": "CondaEnvException",
    "ConfigError": "ConfigurationLoadError",
    "FileError": "CondaFileIOError",
    "declined": "CondaSystemExit",
    "no-specs": "CondaValueError",
    "no-such-environment": "EnvironmentNameNotFound",
    "not-an-environment": "DirectoryNotACondaEnvironmentError",
    "unknown-command": "CommandNotFoundError",
    "unknown-key": "CondaKeyError",
    "unknown-setting": "ArgumentError",
    "not-in-config": "CondaKeyError",
    "not-a-single-value": "CondaKeyError",
    "not-a-list": "CondaValueError",
    "wrong-type": "CustomValidationError",
    "wrong-value": "CustomValidationError",
    "channel-not-found": "UnavailableInvalidChannel",
    "no-installed-match": "CondaValueError",
    "package-not-updatable": "PackageNotInstalledError",
    "unknown-field": "CondaValueError",
    "environment-exists": "CondaValueError",
    "invalid-environment-name": "CondaValueError",
    "no-target-environment": "ArgumentError",
    "environment-file-not-found": "EnvironmentFileNotFound",
    "environment-frozen": "EnvironmentIsFrozenError",
    "internal-error": "CondaError",
}


def pack_words(rest: list[str]) -> list[str]:
    """Rewrite ``pack``: without a file or format, conda-pack writes NAME.tar.gz."""
    chosen = {word.partition("=")[0] for word in rest} & {
        "-o",
        "--output",
        "--format",
        "--squashfs",
    }
    return ["pack", *([] if chosen else ["--format", "tar.gz"]), *rest]


CONDA = Dialect(
    name="conda",
    version=CONDA_VERSION,
    # clients accept one version only: snakemake looks for digits, others take the last word
    version_text="conda {version}",
    words=WORDS,
    rewritten={"pack": pack_words},
    options=(*OPTIONS, *_NOT_OF_MAMBA),
    notes=NOTES,
    elsewhere=ELSEWHERE,
    programs=PROGRAMS,
    errors=ERRORS,
    texts=TEXTS,
    shapes=SHAPES,
    settings=OTHER_SETTINGS,
    uses_base=True,
    uses_condarc=True,
    replaces_in_dry_runs=False,
    lists_builds=True,
    exit_codes={
        "no-specs": 1,
        "unknown-field": 1,
        "not-a-list": 1,
        "not-a-single-value": 1,
        "environment-exists": 1,
        "invalid-environment-name": 1,
        "unknown-key": 1,
        "unknown-setting": 2,
    },
)
#: The program ``conda-env``, which has the subcommands of ``env``.
CONDA_ENV = replace(CONDA, group="env")
