"""Shims: files with the names of conda's own, for programs that call conda, mamba or micromamba.

``conda``, ``mamba`` and ``micromamba`` are copies of minicon's program, which speaks the dialect of
the name it is started with; clients that resolve links find that name too. Beside them lie the
scripts that clients source. A list of them records the root prefix and the program, so that the
copies use them without any variable, and what to remove again.
"""

from __future__ import annotations

import os

from minicon.errors import ShellError
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.shell.shells import Shell

PROGRAMS = ("conda", "mamba", "micromamba")
_LIST = os.path.join("condabin", "minicon-shims.txt")
#: Directories of programs, and the files that clients look for in them.
_FOLDERS = ("bin", "condabin", "Scripts")


@dataclass(frozen=True, slots=True)
class Shims:
    """The files of one directory, each by its path relative to the directory.

    Attributes:
        directory: Absolute path of the directory.
        program: Absolute path of the minicon program.
        copies: Copies of the program.
        texts: Other files, and their contents; the last is the list of all.
    """

    directory: str
    program: str
    copies: tuple[str, ...]
    texts: Mapping[str, str]

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, relative to the directory."""
        return (*self.copies, *self.texts)


def make_shims(
    directory: str, *, root: str, executable: str, windows: bool = os.name == "nt"
) -> Shims:
    """Return the files to write.

    Args:
        directory: Absolute path of their directory.
        root: The root prefix that the programs use, unless MINICON_ROOT is set.
        executable: Absolute path of the minicon program.
        windows: Write the files that clients look for on Windows.
    """
    programs = programs_in(directory, windows=windows)
    folder = os.path.basename(os.path.dirname(programs["conda"]))
    files = [os.path.basename(program) for program in programs.values()]
    folders = (folder,) if windows else (folder, "condabin")
    copies = tuple(os.path.join(each, file) for each in folders for file in files)
    copies += (os.path.join(folder, files[0].replace("conda", "conda-env")),)
    lines = _scripts(programs, folder)
    if windows:
        lines |= _batch_files(directory, programs, executable)
    texts = {}
    for path, text in lines.items():
        start, end = ("@REM", "\r\n") if path.endswith(".bat") else ("#", "\n")
        whole = f"{start} Written by 'minicon shims'.\n{text}\n".replace("\n", end)
        texts[path.replace("/", os.sep)] = whole
    texts[_LIST] = "\n".join([root, executable, *copies, *texts, _LIST, ""])
    return Shims(directory, executable, copies, texts)


def programs_in(directory: str, *, windows: bool = os.name == "nt") -> dict[str, str]:
    """Return the programs of a directory with shims by their names, as absolute paths."""
    folder, suffix = ("Scripts", ".exe") if windows else ("bin", "")
    return {name: os.path.join(directory, folder, name + suffix) for name in PROGRAMS}


def _scripts(programs: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the scripts that clients source in shells."""
    from minicon.shell.shells import get_shell

    def hook(shell: str, program: str = "conda") -> str:
        return f"{_word(get_shell(shell), programs[program])} shell.{shell} hook"

    conda = f'eval "$({hook("posix")})" && conda'
    return {
        f"{folder}/activate": f'{conda} activate "$@"',
        f"{folder}/deactivate": f"{conda} deactivate",
        **{f"etc/profile.d/{p}.sh": f'eval "$({hook("posix", p)})"' for p in PROGRAMS},
        "etc/profile.d/conda.csh": get_shell("csh").evaluate(hook("csh")),
        "etc/profile.d/conda.xsh": get_shell("xonsh").evaluate(hook("xonsh")),
        "etc/fish/conf.d/conda.fish": f"{hook('fish')} | source",
        "shell/condabin/conda-hook.ps1": get_shell("powershell").evaluate(hook("powershell")),
    }


def _word(shell: Shell, program: str) -> str:
    """Return a program as the first word of a command."""
    word = shell.quote(program)
    return f"& {word}" if shell.name == "powershell" else word


def _batch_files(directory: str, programs: Mapping[str, str], executable: str) -> dict[str, str]:
    """Return the batch files that clients call on Windows; the programs change no variables."""
    from minicon.shell.shells import get_shell

    shell = get_shell("cmd.exe")
    commands = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "command.bat")
    condabin = os.path.join(directory, "condabin")
    conda = shell.quote(os.path.join(condabin, "conda.bat"))
    files = {
        f"condabin/{name}.bat": f"{shell.export('MINICON_EXE', executable)}\n"
        f"{shell.export('__MINICON_AS', program)}\n"
        f'@CALL "{shell.quote(commands)}" %*\n@SET "__MINICON_AS=" & EXIT /B %ERRORLEVEL%'
        for name, program in programs.items()
    }
    files["condabin/conda_hook.bat"] = (
        f"{shell.export('CONDA_EXE', programs['conda'])}\n"
        f"{shell.export('CONDA_BAT', os.path.join(condabin, 'conda.bat'))}\n"
        "@IF NOT DEFINED CONDA_SHLVL SET CONDA_SHLVL=0\n"
        f'@DOSKEY conda="{conda}" $*'
    )
    for folder in ("condabin", "Scripts"):
        files[f"{folder}/activate.bat"] = f'@CALL "{conda}" activate %*'
        files[f"{folder}/deactivate.bat"] = f'@CALL "{conda}" deactivate'
    return files


def write_shims(shims: Shims) -> None:
    """Write the files; those of an earlier call are replaced.

    Raises:
        ShellError: Reference ``foreign-shim``: another program has a file of that name.
        FileError: A file cannot be written; those before it have been.
    """
    from minicon.fs import operations

    own = set(_listed(shims.directory)[2:])
    for path in shims.paths:
        whole = os.path.join(shims.directory, path)
        if os.path.lexists(whole) and path not in own:
            raise ShellError(
                "foreign-shim",
                f"{whole} exists, and minicon did not write it",
                hint="choose another directory: minicon shims DIR",
            )
    with operations.describing("read", shims.program), open(shims.program, "rb") as reader:
        program = reader.read()
    for path in reversed(shims.paths):  # the list first, so that all can be removed again
        whole = os.path.join(shims.directory, path)
        text = shims.texts.get(path)
        with operations.describing("write", whole):
            operations.make_directory(os.path.dirname(whole))
            data, mode = (program, 0o755) if text is None else (text.encode(), 0o644)
            operations.replace_file(whole, data, mode)


def remove_shims(directory: str) -> list[str]:
    """Remove the files that :func:`write_shims` wrote, and directories that are then empty.

    Returns:
        Absolute paths of the removed files.

    Raises:
        ShellError: Reference ``no-shims``: there are none.
        FileError: A file cannot be removed.
    """
    from minicon.fs import operations

    listed = _listed(directory)[2:]
    if not listed:
        raise ShellError("no-shims", f"{directory} has no shims", hint="minicon shims DIR --undo")
    paths = [os.path.join(directory, path) for path in listed]
    for path in paths:
        with operations.describing("remove", path):
            if os.path.lexists(path):
                operations.remove_file(path)
    for folder in sorted({os.path.dirname(path) for path in paths}, key=len, reverse=True):
        while folder != directory and os.path.isdir(folder) and not os.listdir(folder):
            operations.remove_directory(folder)
            folder = os.path.dirname(folder)
    return paths


def shims_directory(program: str) -> str | None:
    """Return the directory of the shim that a program was started by; None if it is none."""
    folder = os.path.dirname(os.path.abspath(program)) if os.sep in program else None
    if folder is None or os.path.basename(folder) not in _FOLDERS:
        return None
    directory = os.path.dirname(folder)
    return directory if os.path.isfile(os.path.join(directory, _LIST)) else None


def recorded_root(program: str) -> str | None:
    """Return the root prefix that the shims beside a program record; None without shims."""
    directory = shims_directory(program)
    return _listed(directory)[0] if directory else None


def copied_program(program: str) -> str | None:
    """Return the minicon program that a shim is a copy of; None if it is no shim."""
    directory = shims_directory(program)
    return _listed(directory)[1] or None if directory else None


def _listed(directory: str) -> list[str]:
    """Return the root prefix, the program and the listed paths; paths that leave are skipped."""
    try:
        with open(os.path.join(directory, _LIST), encoding="utf-8") as reader:
            root, *paths = reader.read().splitlines() or [""]
    except OSError:
        return ["", ""]
    program = paths.pop(0) if paths and os.path.isabs(paths[0]) else ""
    inside = [p for p in paths if p and not os.path.isabs(p) and ".." not in p.split(os.sep)]
    return [root, program, *inside]
