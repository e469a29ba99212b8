"""What of an environment does not work on another machine: projects and files outside of it."""

from __future__ import annotations

import os
import shlex
import stat

from minicon.errors import PrefixError
from minicon.prefix.environment.origins import read_origins
from minicon.prefix.environment.site_packages import installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minicon.prefix.environment.prefix import Prefix
    from minicon.travel.contents import Contents
    from minicon.travel.portable import PortableContent

_SHOWN = 5
#: Longest ``.pth`` file that is read, in bytes.
_PATH_FILE_LIMIT = 1 << 16


def projects_outside(prefix: Prefix) -> list[str]:
    """Return the names of projects that are used from directories outside of an environment.

    These are editable projects (PEP 660), and directories in ``.pth`` files.
    """
    origins = read_origins(prefix.path, installed_packages(prefix))
    found = {
        f"{origin.name} ({origin.path or origin.url})": None
        for origin in origins.values()
        if origin.is_editable
    }
    known = tuple(origin.path for origin in origins.values() if origin.is_editable)
    for path in _directories_in_path_files(prefix):
        if not any(path == each or path.startswith(f"{each}/") for each in known if each):
            found[path] = None
    return list(found)


def _directories_in_path_files(prefix: Prefix) -> Iterator[str]:
    folder = prefix.site_packages
    if folder is None or not folder.is_dir():
        return
    root = os.path.realpath(prefix.path)
    for file in sorted(folder.glob("*.pth")):
        if file.stat().st_size > _PATH_FILE_LIMIT:
            continue
        for line in file.read_text("utf-8", "replace").splitlines():
            path = os.path.realpath(os.path.join(folder, line.strip()))
            is_code = line.startswith(("#", "import ", "import\t")) or not line.strip()
            if not is_code and os.path.isdir(path) and not f"{path}/".startswith(f"{root}/"):
                yield path


def refuse_projects_outside(prefix: Prefix) -> None:
    """Raise PrefixError (``editable-projects``) if projects are used from outside."""
    projects = projects_outside(prefix)
    if projects:
        raise PrefixError(
            "editable-projects",
            f"{prefix.path} uses projects outside of it: {shortened_list(projects)}",
            hint="install them without -e, or pass --ignore-editable to pack without them",
        )


def refuse_links_outside(prefix: Prefix, contents: Contents, content: PortableContent) -> None:
    """Refuse symbolic links that lead out of the environment, to files of this machine.

    Raises:
        PrefixError: ``linked-interpreter``: its python is one of this machine;
            ``links-outside``: others.
    """
    outside = [
        f"{item.path} -> {text}"
        for item in contents.items
        if stat.S_ISLNK(item.mode)
        and content.link(item.path, text := os.readlink(f"{prefix.path}/{item.path}")) is None
    ]
    if not outside:
        return
    python = prefix.record("python")
    layout = prefix.python_layout
    if python is not None and python.record.source == "interpreter" and layout is not None:
        own = f"{layout.executable} -> "
        link = next((text for text in outside if text.startswith(own)), None)
        if link is not None:
            raise _linked_interpreter(prefix, python.record.version, link.removeprefix(own))
    raise PrefixError(
        "links-outside",
        f"{prefix.path} has links to files outside of it: {shortened_list(outside)}",
        hint="replace them by files, or leave them out (--exclude PATTERN)",
    )


def _linked_interpreter(prefix: Prefix, version: str, target: str) -> PrefixError:
    """Return the error for an environment whose python is a link.

    Copying such a python would not be enough: its files are in several directories, and it needs
    libraries of its distribution.
    """
    minor = ".".join(version.split(".")[:2])
    install = f"minicon install -p {shlex.quote(str(prefix.path))}"
    return PrefixError(
        "linked-interpreter",
        f"{prefix.path} uses a python of this machine, {target}",
        hint="use one that minicon copies (pyenv, uv): "
        f"MINICON_HOST_PYTHON=copy {install} 'python={minor}[build=*portable]'"
        f"; or one of a channel: {install} conda-forge::python={minor}",
    )


def shortened_list(texts: Iterable[str]) -> str:
    """Join at most five texts, and say how many there are more."""
    found = list(texts)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
