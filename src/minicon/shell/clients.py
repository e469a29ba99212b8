"""The functions ``conda``, ``mamba`` and ``micromamba`` of a hook, and conda's own variables.

They call the same functions as ``minicon`` does for activation, and for all else the program of
their name, so that it speaks its dialect.
"""

from __future__ import annotations

import os
import sys

from minicon.lean_dataclasses import dataclass
from minicon.shell.shims import PROGRAMS, programs_in, shims_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.shell.shells import Shell


@dataclass(frozen=True, slots=True)
class Clients:
    """What a hook defines beside ``minicon``.

    Attributes:
        dialect: The name of the dialect.
        functions: Names, and the programs that they run.
        exports: Environment variables.
        condabin: Directory of the programs for PATH, so that scripts find them; None without shims.
    """

    dialect: str
    functions: Mapping[str, str]
    exports: Mapping[str, str]
    condabin: str | None = None


def find_clients(dialect: str, *, executable: str, root: str) -> Clients | None:
    """Return the functions and variables of a dialect; None for minicon's own.

    Args:
        dialect: ``conda``, ``mamba``, ``micromamba`` or ``minicon``.
        executable: Absolute path of the minicon program.
        root: The root prefix.
    """
    if dialect not in PROGRAMS:
        return None
    own = os.path.abspath(sys.argv[0])
    directory = shims_directory(own) or shims_directory(programs_in(root)[dialect])
    functions: Mapping[str, str]
    if directory is not None:
        functions = programs_in(directory)
    else:  # a link to minicon, or minicon itself with MINICON_DIALECT
        named = os.path.splitext(os.path.basename(own))[0] == dialect
        functions = {dialect: own if named else executable}
    conda = functions.get("conda", executable)
    exports = {
        "MINICON_ROOT": root,
        "CONDA_EXE": conda,
        "_CONDA_EXE": conda,
        "CONDA_PYTHON_EXE": sys.executable,
        "_CE_CONDA": "",
        "_CE_M": "",
    }
    if dialect != "conda":
        exports |= {"MAMBA_EXE": functions[dialect], "MAMBA_ROOT_PREFIX": root}
    return Clients(dialect, functions, exports, directory and os.path.join(directory, "condabin"))


def exported_variables(dialect: str, *, executable: str, root: str) -> Mapping[str, str]:
    """Return the variables of a dialect's hook, for programs that ``run`` starts.

    They call the program again by these, as after an activation. Empty for minicon's own words.
    """
    found = find_clients(dialect, executable=executable, root=root)
    return found.exports if found else {}


def render_clients(shell: Shell, clients: Clients) -> str:
    """Return the code that a hook ends with; only the variables for shells without functions."""
    function = _FUNCTIONS.get(shell.name, "")
    functions = [
        function
        % {
            "name": name,
            "program": shell.quote(program),
            "alias": shell.quote(_ALIAS % shell.quote(program)),
        }
        for name, program in clients.functions.items()
    ]
    exports = [shell.export(*each) + shell.separator for each in clients.exports.items()]
    if not functions:
        return "".join(exports)
    condabin = _CONDABIN[shell.name] % shell.quote(clients.condabin) if clients.condabin else ""
    first = [condabin, _LEVEL[shell.name], _CLIENT.get(shell.name, "")]
    # the mark is last: csh evaluates the hook as one line, of which a comment is the rest
    return "".join([*exports, *first, *functions, f"{_MARK}{clients.dialect}\n"])


def clients_in(hook: str) -> str:
    """Return the dialect whose functions a hook contains."""
    _, mark, rest = hook.partition(_MARK)
    return rest.partition("\n")[0] if mark else "minicon"


_MARK = "# functions of: "
#: As conda's hook, the first one adds the programs to PATH.
_CONDABIN = {
    "posix": '[ -n "${CONDA_SHLVL+x}" ] || export PATH=%s"${PATH:+:$PATH}"\n',
    "fish": "set -q CONDA_SHLVL; or set -gx PATH %s $PATH\n",
    "csh": 'if ( ! $?CONDA_SHLVL ) setenv PATH %s":$PATH";\n',
    "xonsh": '"CONDA_SHLVL" in __xonsh__.env or __xonsh__.env["PATH"].insert(0, %s)\n',
    "powershell": "if (-not $Env:CONDA_SHLVL) "
    "{ $Env:PATH = %s + [IO.Path]::PathSeparator + $Env:PATH }\n",
    "nu": 'if "CONDA_SHLVL" not-in $env { $env.PATH = ($env.PATH | prepend %s) }\n',
}
#: An unset CONDA_SHLVL is 0, and again after the last deactivation, which restores it.
_LEVEL = {
    "posix": '[ -n "${CONDA_SHLVL+x}" ] || export CONDA_SHLVL=0\n',
    "fish": "set -q CONDA_SHLVL; or set -gx CONDA_SHLVL 0\n",
    "csh": "if ( ! $?CONDA_SHLVL ) setenv CONDA_SHLVL 0;\n",
    "xonsh": '__xonsh__.env.setdefault("CONDA_SHLVL", "0")\n',
    "powershell": "if (-not $Env:CONDA_SHLVL) { $Env:CONDA_SHLVL = '0' }\n",
    "nu": 'if "CONDA_SHLVL" not-in $env { $env.CONDA_SHLVL = "0" }\n',
}
#: The function that runs ``minicon`` with another program.
_CLIENT = {
    "posix": """\
__minicon_client() {
__minicon_as=$1
shift
if minicon "$@"; then __minicon_as=''; else set -- "$?"; __minicon_as=''; return "$1"; fi
}
""",
    "fish": """\
function __minicon_client
set -g __minicon_as $argv[1]
minicon $argv[2..-1]
set -l code $status
set -g __minicon_as
return $code
end
""",
}
#: An alias of csh, before it is quoted.
_ALIAS = 'set __mc_words = ( !* ); set __mc_as = %s; source "$__minicon_commands"'
_FUNCTIONS = {
    "posix": '%(name)s() { __minicon_client %(program)s "$@"; }\n',
    "fish": "function %(name)s\n__minicon_client %(program)s $argv\nend\n",
    "csh": "alias %(name)s %(alias)s;\n",
    "powershell": "function %(name)s { $__MiniconAs = %(program)s; minicon @args }\n",
    "nu": """\
def --env "%(name)s activate" [name?: string, --stack, --no-stack] {
__minicon_activate %(program)s $name --stack=$stack --no-stack=$no_stack
}
def --env "%(name)s deactivate" [] { __minicon_ask %(program)s deactivate }
def --env --wrapped %(name)s [...words: string] { __minicon_run %(program)s ...$words }
""",
    "xonsh": 'aliases["%(name)s"] = lambda args: _minicon(args, %(program)s)\n',
}
