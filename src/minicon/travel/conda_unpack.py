"""The scripts in a packed environment: ``bin/conda-unpack``, ``bin/activate``, ``bin/deactivate``.

Names and behaviour are those of conda-pack: ``source bin/activate``, then ``conda-unpack``, which
replaces the placeholders by the path of the environment. It needs the environment's own Python, or
a POSIX shell where there is none.
"""

from __future__ import annotations

import ast
import re
from importlib import resources
from typing import Any

from minicon import __version__
from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import PackageError
from minicon.travel.portable import Placeholder, python_script_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Path of the script, and the name of its list, which conda-pack's scripts have too.
UNPACK_SCRIPT = "bin/conda-unpack"
_LIST = "_prefix_records"
#: The second line of each script for activation: a file with it may be written again.
_WRITTEN = b"# Written by minicon"
_MODES = ("text", "binary")

_MAIN = """

def _replace(path, placeholder, mode, prefix):
    if os.path.islink(path) or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        data = file.read()
    replace = replace_in_binary if mode == "binary" else replace_in_text
    new = replace(data, placeholder, prefix, _subdir)
    if new == data:
        return
    status = os.stat(path)
    temporary = path + ".unpack"
    with open(temporary, "wb") as file:
        file.write(new)
    os.chmod(temporary, status.st_mode & 0o7777)
    os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(temporary, path)
    if mode == "binary" and _subdir == "osx-arm64" and sys.platform == "darwin":
        import subprocess

        subprocess.call(["/usr/bin/codesign", "-s", "-", "-f", path])


def _main():
    import argparse

    parser = argparse.ArgumentParser(
        prog="conda-unpack", description="Put the path of this environment into its files."
    )
    parser.add_argument("--version", action="version", version="conda-unpack " + _version)
    parser.add_argument("-v", "--verbose", action="store_true", help="print each file")
    parser.add_argument("-q", "--quiet", action="store_true", help="has no effect")
    parser.add_argument(
        "-d", "--dest-prefix", metavar="PATH", help="the later path, if the directory will be moved"
    )
    arguments = parser.parse_args()
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    prefix = arguments.dest_prefix or here
    for path, placeholder, mode in _prefix_records:
        if arguments.verbose:
            print(path)
        try:
            _replace(os.path.join(here, path), placeholder, mode, prefix)
        except PrefixTooLong as error:
            sys.exit("conda-unpack: %s has room for a path of %s bytes only" % (path, error))


if __name__ == "__main__":
    import os
    import sys

    _main()
"""


def python_unpack_script(placeholders: Iterable[Placeholder], subdir: str) -> bytes:
    """Return ``bin/conda-unpack`` for an environment with a Python.

    Args:
        placeholders: The files to complete.
        subdir: Platform of the environment.
    """
    source = resources.files("minicon.prefix.link").joinpath("prefix_bytes.py").read_text("utf-8")
    lines = [
        f"\n_version = {__version__!r}\n_subdir = {subdir!r}\n{_LIST} = [\n",
        *(f"    {(each.path, each.placeholder, each.mode)!a},\n" for each in placeholders),
        "]\n",
    ]
    code = source[source.index("from __future__") :] + "".join(lines) + _MAIN
    return python_script_start("python") + b"# Written by minicon.\n" + code.encode()


def shell_unpack_script(
    placeholders: Iterable[Placeholder], content: Callable[[str], bytes]
) -> bytes:
    """Return ``bin/conda-unpack`` for an environment without a Python.

    Args:
        placeholders: The files to complete.
        content: Returns the packed content of a file.
    """
    lines = [_script("conda-unpack.sh").replace("@VERSION@", __version__)]
    for each in placeholders:
        path = _quoted(each.path)
        if each.mode == "text":
            pattern = re.sub(r"[.*\[\]^$\\|]", r"\\\g<0>", each.placeholder)
            lines.append(f"text {path} {_quoted(pattern)}\n")
        else:
            runs = " ".join(_runs(content(each.path), each.placeholder.encode()))
            lines.append(f"binary {path} {_quoted(each.placeholder)} {runs}\n")
    # For 'minicon unpack', which reads this list and not the calls above.
    lines += [f": <<'__MC_END'\n{_LIST} = [\n"]
    lines += [f"    {(each.path, each.placeholder, each.mode)!a},\n" for each in placeholders]
    return "".join([*lines, "]\n__MC_END\n"]).encode("utf-8", "surrogateescape")


def _runs(data: bytes, placeholder: bytes) -> Iterator[str]:
    """Yield the strings that contain a placeholder: offset, and lengths of the texts after each."""
    position = 0
    while (start := data.find(placeholder, position)) >= 0:
        end = data.find(b"\0", start)
        end = len(data) if end < 0 else end
        texts = data[start:end].split(placeholder)[1:]
        yield ":".join(map(str, (start, *map(len, texts))))
        position = end


def read_placeholders(script: bytes, archive: str) -> list[Placeholder]:
    """Read the list in a ``bin/conda-unpack`` of minicon or conda-pack, without running it.

    Raises:
        PackageError: ``damaged-archive``: there is none.
    """
    text = script.decode("utf-8", "replace")
    start = text.find(f"\n{_LIST} = [")
    end = text.find("\n]", start)
    try:
        found: Any = ast.literal_eval(
            text[start + len(f"\n{_LIST} = ") : end + 2] if start >= 0 else "0"
        )
        listed = [Placeholder(*map(str, each)) for each in found]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        listed = [Placeholder("", "", "")]
    for each in listed:
        if each.mode not in _MODES or not each.placeholder:
            hint = "pack the environment again"
            message = f"{archive}: {UNPACK_SCRIPT} has no valid list of files"
            raise PackageError("damaged-archive", message, hint=hint)
    return listed


def activation_scripts(
    variables: Mapping[str, str], old: str, destination: str | None
) -> dict[str, bytes]:
    """Return the scripts that activate and deactivate a packed environment, by path.

    Args:
        variables: Variables of the environment.
        old: Its present path, in their values.
        destination: Its later path, if it is known.
    """
    names = {
        "bin/activate": ("activate.sh", _posix_set),
        "bin/deactivate": ("deactivate.sh", _posix_unset),
        "bin/activate.fish": ("activate.fish", None),
    }
    found: dict[str, bytes] = {}
    for path, (name, line) in names.items():
        exports, unsets = ("\n".join(
            each(key, value, old) for key, value in variables.items()
        ) for each in ((line, line) if line else (_fish_set, _fish_unset)))  # fmt: skip
        text = _script(name).replace("@EXPORTS@", exports).replace("@UNSETS@", unsets)
        found[path] = text.replace("@PREFIX@", destination or PREFIX_PLACEHOLDER).encode()
    return found


def is_pack_script_of_minicon(data: bytes) -> bool:
    """Whether minicon added a script when it packed."""
    return _WRITTEN in data[:400]


def is_pack_script(data: bytes) -> bool:
    """Whether a file is a script that minicon or conda-pack added when they packed."""
    return (
        is_pack_script_of_minicon(data)
        or b"_conda_pack_" in data
        or f"\n{_LIST} = [".encode() in data
    )


def _posix_set(name: str, value: str, old: str) -> str:
    parts = '"$CONDA_PREFIX"'.join(_quoted(part) for part in value.split(old))
    return (
        f'    [ "${{{name}+x}}" ] && export __MC_SAVED_{name}="${name}"\n    export {name}={parts}'
    )


def _posix_unset(name: str, value: str, old: str) -> str:  # noqa: ARG001
    saved = f"__MC_SAVED_{name}"
    return (
        f'    if [ "${{{saved}+x}}" ]; then\n        export {name}="${saved}"\n'
        f"        unset {saved}\n    else\n        unset {name}\n    fi"
    )


def _fish_set(name: str, value: str, old: str) -> str:
    parts = '"$CONDA_PREFIX"'.join(_fish_quoted(part) for part in value.split(old))
    saved = f"set -gx __MC_SAVED_{name} ${name}"
    return f"if set -q {name}\n    {saved}\nend\nset -gx {name} {parts}"


def _fish_unset(name: str, value: str, old: str) -> str:  # noqa: ARG001
    saved = f"__MC_SAVED_{name}"
    return (
        f"    set -e {name}\n    if set -q {saved}\n        set -gx {name} ${saved}\n"
        f"        set -e {saved}\n    end"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _script(name: str) -> str:
    return resources.files("minicon.travel").joinpath("scripts").joinpath(name).read_text("utf-8")
