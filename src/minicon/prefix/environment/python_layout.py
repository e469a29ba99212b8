"""PythonLayout: where the python of an environment has its files (CEP 17, CEP 20)."""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.fs.safe_path import is_reserved_path
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.subdir import is_windows
from minicon.models.version import python_minor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord

#: First directories of a noarch python package whose content :meth:`PythonLayout.target` moves.
SITE_PACKAGES = "site-packages/"
SCRIPTS = "python-scripts/"
HEADERS = "python-headers/"
MOVED_FOLDERS = (SITE_PACKAGES, SCRIPTS, HEADERS)

_SAFE_FOLDER = lazy_pattern(r"(?!\.\.?(/|$))[\w.+-]+(/(?!\.\.?(/|$))[\w.+-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLayout:
    """Paths of the python of one environment, relative to its prefix.

    Attributes:
        version: Major and minor, for instance ``3.11``.
        cache_tag: Part of the names of its bytecode files, for instance ``cpython-311``.
        site_packages: For instance ``lib/python3.11/site-packages``.
        scripts: ``bin``, or ``Scripts`` on Windows.
        headers: For instance ``include/python3.11``.
        executable: For instance ``bin/python3.11``.
        subdir: Platform of the environment.
    """

    version: str
    cache_tag: str
    site_packages: str
    scripts: str
    headers: str
    executable: str
    subdir: str

    @classmethod
    def from_record(cls, python: RepodataRecord, subdir: str) -> PythonLayout:
        """Derive the layout from the ``python`` record of an environment.

        Raises:
            PackageError: ``unsafe-path``: ``python_site_packages_path`` leaves the prefix (CEP 17).
        """
        version = python_minor(python.version)
        tag = f"cpython-{version.replace('.', '')}"
        given = python.data.get("python_site_packages_path")
        if given and not _is_folder(given):
            message = f"{python.dist_name} has an invalid python_site_packages_path: {given!r}"
            raise PackageError("unsafe-path", message, hint="report this to the package's channel")
        if is_windows(subdir):
            folders = (given or "Lib/site-packages", "Scripts", "Include", "python.exe")
        else:
            own = given or f"lib/python{version}/site-packages"
            folders = (own, "bin", f"include/python{version}", f"bin/python{version}")
        return cls(
            version=version,
            cache_tag=tag,
            site_packages=folders[0],
            scripts=folders[1],
            headers=folders[2],
            executable=folders[3],
            subdir=subdir,
        )

    def target(self, path: str) -> str:
        """Path in the prefix of a file of a noarch python package."""
        if path.startswith(SITE_PACKAGES):
            return f"{self.site_packages}/{path[len(SITE_PACKAGES) :]}"
        if path.startswith(SCRIPTS):
            return f"{self.scripts}/{path[len(SCRIPTS) :]}"
        if path.startswith(HEADERS):
            return f"{self.headers}/{path[len(HEADERS) :]}"
        return path

    def bytecode_path(self, path: str) -> str:
        """Path of the bytecode of a source file (PEP 3147)."""
        folder, _, name = path.rpartition("/")
        file_name = f"__pycache__/{name.removesuffix('.py')}.{self.cache_tag}.pyc"
        return f"{folder}/{file_name}" if folder else file_name


def _is_folder(path: object) -> bool:
    """Whether a path can be that of site-packages."""
    is_safe = isinstance(path, str) and _SAFE_FOLDER.fullmatch(path)
    return bool(is_safe) and not is_reserved_path(str(path))


def entry_point_path(entry_point: EntryPoint, layout: PythonLayout) -> str:
    """Path of the script of a command, relative to the prefix."""
    if is_windows(layout.subdir):
        return f"{layout.scripts}/{entry_point.command}-script.py"
    return f"{layout.scripts}/{entry_point.command}"
