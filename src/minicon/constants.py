"""File names and special strings of the conda formats and of environments."""

CONDA_META = "conda-meta"
HISTORY = "conda-meta/history"
STATE = "conda-meta/state"
PINNED = "conda-meta/pinned"
FROZEN = "conda-meta/frozen"

REPODATA = "repodata.json"
SHARDS_INDEX = "repodata_shards.msgpack.zst"
CONDA_EXTENSION = ".conda"
TARBALL_EXTENSION = ".tar.bz2"
WHEEL_EXTENSION = ".whl"
#: Of a bundle, which is a channel, too.
BUNDLE_EXTENSION = ".pyz"
PACKAGE_EXTENSIONS = (CONDA_EXTENSION, TARBALL_EXTENSION)

#: Directory next to environments with their earlier revisions and with unfinished ones.
GENERATIONS = ".minicon-generations"
#: The same inside an environment that is a mount point, or whose parent directory is read-only.
GENERATIONS_INSIDE = ".minicon-states"
#: Top-level names of a prefix that no package may contain, because minicon trusts these files.
OWN_NAMES = (CONDA_META, GENERATIONS, GENERATIONS_INSIDE)

#: Placeholder that conda-build writes in place of the prefix, unless the package has its own.
PREFIX_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"

#: The built-in sources, allowed wherever a channel name is.
HOST_CHANNEL = "host"
PYPI_CHANNEL = "pypi"
#: Build string of packages from PyPI (conda's word for what pip installed).
PYPI_BUILD = "pypi_0"
DEFAULT_CHANNEL = "conda-forge"
#: Base URL of channels that are given by name, unless ``channel_alias`` is set.
CHANNEL_ALIAS = "https://conda.anaconda.org"
#: Channels on another server than the alias, if nothing else is configured (conda's constants):
#: the URL above each. ``defaults`` stands for the first ones; that of msys2 on Windows only.
CHANNEL_SERVERS = dict.fromkeys(
    ("pkgs/main", "pkgs/r", "pkgs/msys2", "pkgs/pro"), "https://repo.anaconda.com"
)
DEFAULT_CHANNELS = ("pkgs/main", "pkgs/r")
DEFAULT_CHANNELS_ON_WINDOWS = (*DEFAULT_CHANNELS, "pkgs/msys2")
#: The version of conda whose files and documents minicon writes; other tools read it in histories.
CONDA_VERSION = "26.7.0"
#: Variable of a program that ``run --label`` started: its process ID, a colon and the label.
LABEL_VARIABLE = "MINICON_LABEL"
#: Before a requirement (PEP 508) that PyPI is to satisfy, wherever a spec can be written.
PYPI_PREFIX = "pypi:"

#: Names that no environment can have, and characters that no name can contain (conda's rule).
RESERVED_ENVIRONMENT_NAMES = ("base", "root")
FORBIDDEN_NAME_CHARACTERS = "/: #"

#: The end of the year 9999, in seconds since 1970: the latest date that can be displayed.
LATEST_TIME = 253_402_214_400.0
