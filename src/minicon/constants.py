"""File names and magic strings of the conda formats."""

CONDA_META = "conda-meta"
HISTORY = "conda-meta/history"
STATE = "conda-meta/state"
PINNED = "conda-meta/pinned"
FROZEN = "conda-meta/frozen"

REPODATA = "repodata.json"
CONDA_EXTENSION = ".conda"
TARBALL_EXTENSION = ".tar.bz2"
WHEEL_EXTENSION = ".whl"
PACKAGE_EXTENSIONS = (CONDA_EXTENSION, TARBALL_EXTENSION)

#: Beside environments: the folder of their earlier states, and of what is being made.
GENERATIONS = ".minicon-generations"
#: The same inside an environment that is a mount point, or whose parent cannot be written to.
GENERATIONS_INSIDE = ".minicon-states"
#: Names at the top of a prefix that no package may bring: minicon believes what it reads there.
OWN_NAMES = (CONDA_META, GENERATIONS, GENERATIONS_INSIDE)

#: What conda-build writes where the prefix will be, unless the package says otherwise.
PREFIX_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"

#: The built-in sources beside channels, usable wherever a channel name is.
HOST_CHANNEL = "host"
PYPI_CHANNEL = "pypi"
DEFAULT_CHANNEL = "conda-forge"

#: Names that cannot be given to an environment, and characters no name may hold (conda's rule).
RESERVED_ENVIRONMENT_NAMES = ("base", "root")
FORBIDDEN_NAME_CHARACTERS = "/: #"

#: The end of the year 9999, in seconds since 1970: what can be shown as a date.
LATEST_TIME = 253_402_214_400.0
