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
    """

    dialect: str
    functions: Mapping[str, str]
    exports: Mapping[str, str]


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
    return Clients(dialect, functions, exports)


def render_exports(shell: Shell, clients: Clients) -> str:
    """Return the code that sets the variables."""
    return "".join(shell.export(*each) + shell.separator for each in clients.exports.items())


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
    first = [_FIRST.get(shell.name, "")] if functions else []
    # last: csh evaluates the hook as one line, of which a comment is the rest
    mark = f"{_MARK}{clients.dialect}\n" if functions else ""
    return "".join([render_exports(shell, clients), *first, *functions, mark])


def clients_in(hook: str) -> str:
    """Return the dialect whose functions a hook contains."""
    _, mark, rest = hook.partition(_MARK)
    return rest.partition("\n")[0] if mark else "minicon"


_MARK = "# functions of: "
#: Once per hook. An unset CONDA_SHLVL is 0, as after conda's hook, and again after the last
#: deactivation, which restores it.
_FIRST = {
    "posix": """\
[ -n "${CONDA_SHLVL+x}" ] || export CONDA_SHLVL=0
__minicon_client() {
__minicon_as=$1
shift
if minicon "$@"; then __minicon_as=''; else set -- "$?"; __minicon_as=''; return "$1"; fi
}
""",
    "fish": """\
set -q CONDA_SHLVL; or set -gx CONDA_SHLVL 0
function __minicon_client
set -g __minicon_as $argv[1]
minicon $argv[2..-1]
set -l code $status
set -g __minicon_as
return $code
end
""",
    "csh": "if ( ! $?CONDA_SHLVL ) setenv CONDA_SHLVL 0;\n",
    "xonsh": '__xonsh__.env.setdefault("CONDA_SHLVL", "0")\n',
    "powershell": "if (-not $Env:CONDA_SHLVL) { $Env:CONDA_SHLVL = '0' }\n",
    "nu": 'if "CONDA_SHLVL" not-in $env { $env.CONDA_SHLVL = "0" }\n',
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
