"""Rules for variables, compared with the names that real shells treat specially."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.shells import ALL, RUNNERS, ShellHome, shells

from minicon.shell.variable_rules import is_variable_name, refusal

#: Commands that list the special names of each shell.
LISTS = {
    "bash": "compgen -v",
    "zsh": 'zmodload zsh/parameter zsh/zle zsh/watch; for n t in "${(@kv)parameters}"; do'
    ' [[ $t == *(special|integer|readonly|tied)* ]] && print -r -- "$n"; done',
    "fish": "set -n",
    "xonsh": "print('\\n'.join(n for n in __xonsh__.env._vars if isinstance(n, str)))",
    "nu": "$env | columns | each {print $in} | ignore",
}
#: Names that shells only read as other programs do, or that describe the machine.
ORDINARY = {
    "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "VENDOR", "TERM", "MANPATH", "VIRTUAL_ENV",
    "LANG", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME",
    "FILE_PWD", "CURRENT_FILE", "PROCESS_PATH", "LS_COLORS", "ANSICON",
    "XDG_CACHE_HOME", "XDG_DATA_DIRS", "XDG_DATA_HOME", "manpath",
}  # fmt: skip
#: How xonsh looks and completes; all that it evaluates, or takes for a file of code, is not here.
LOOKS_OF_XONSH = (
    "ALIAS_COMPLETIONS", "ASYNC_", "AUTO_", "CMD_COMPLETIONS", "COLOR_", "COMMANDS_CACHE",
    "COMPLET", "DIRSTACK_SIZE", "DOTGLOB", "DYNAMIC_CWD", "ENABLE_", "EXPAND_ENV_VARS",
    "FORCE_POSIX", "FOREIGN_", "FUZZY_", "GLOB_SORTED", "IGNOREEOF", "INDENT", "INTENSIFY",
    "LAST_RETURN_CODE", "MOUSE_", "PRETTY_", "PTK_", "PUSHD_", "RAISE_", "SHELL_TYPE",
    "SUBSEQUENCE", "SUGGEST", "SUPPRESS", "THREAD_", "UPDATE_", "VC_", "VI_MODE", "__THREAD",
)  # fmt: skip


@shells(*LISTS)
def test_no_package_sets_special_variables_of_shells(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(LISTS[shell] + "\n")
    done = subprocess.run(
        [*RUNNERS[shell], str(script)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name for name in done.stdout.split() if is_variable_name(name)} - ORDINARY
    assert len(names) > 5
    if shell == "xonsh":
        names = {name for name in names if not name.startswith(LOOKS_OF_XONSH)}
    assert {name for name in names if not refusal(name, "1", from_package=True)} == set()


@pytest.mark.parametrize("from_package", [True, False])
@pytest.mark.parametrize(
    "name",
    ["PS0", "PS1", "PS4", "RPS1", "RPS2", "RPROMPT", "RPROMPT2", "PROMPT2", "PROMPT3", "PROMPT4",
     "SPROMPT", "PROMPT_COMMAND", "PROMPT_COMMAND_RIGHT", "PROMPT_FIELDS", "RIGHT_PROMPT",
     "MAILPATH", "BOTTOM_TOOLBAR", "TRANSIENT_PROMPT_COMMAND", "NULLCMD", "READNULLCMD", "fpath",
     "module_path", "XONSHRC", "fish_function_path", "FISH_FUNCTION_PATH", "ps0", "rps1",
     "prompt", "_MINICON_1"],
)  # fmt: skip
def test_no_environment_sets_prompts_and_function_paths(name: str, from_package: bool) -> None:
    assert "reserved" in (refusal(name, "$(touch canary)", from_package=from_package) or "")


@pytest.mark.parametrize(
    "name",
    ["BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "ZDOTDIR", "HOME",
     "INPUTRC", "EDITOR", "PAGER", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "PYTHONSTARTUP",
     "PYTHONHOME", "PERL5OPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "HISTFILE", "PSModulePath",
     "ComSpec", "PATHEXT", "https_proxy", "ALL_PROXY", "PIP_INDEX_URL", "CONDARC",
     "CONDA_SSL_VERIFY", "CONDA_CHANNELS", "CONDA_PKGS_DIRS", "MINICON_OFFLINE", "MINICON_ROOT",
     "XDG_CONFIG_HOME", "AWS_PROFILE"],
)  # fmt: skip
def test_packages_do_not_change_other_programs_but_users_may(name: str) -> None:
    assert refusal(name, "x", from_package=True) == f"{name!r} cannot be set by a package"
    if not name.startswith("MINICON_EXE"):
        assert refusal(name, "x", from_package=False) is None


#: As packages of conda-forge and defaults set them.
REAL = [
    "JAVA_HOME", "JAVA_LD_LIBRARY_PATH", "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA",
    "PROJ_NETWORK", "CPL_ZIP_ENCODING", "CC", "CXX", "FC", "CFLAGS", "CXXFLAGS", "LDFLAGS", "HOST",
    "BUILD", "CMAKE_ARGS", "CMAKE_PREFIX_PATH", "CONDA_BUILD_SYSROOT", "CONDA_TOOLCHAIN_HOST",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "GSETTINGS_SCHEMA_DIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE",
    "QT_PLUGIN_PATH", "R_HOME", "PERL5LIB", "PYTHONNOUSERSITE", "PKG_CONFIG_PATH", "LANG",
    "MANPATH", "TERMINFO", "XDG_DATA_DIRS", "OPENMM_PLUGIN_DIR", "ESMFMKFILE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NLTK_DATA", "CUDA_HOME", "RUSTUP_HOME", "GOROOT",
    "DOTNET_ROOT", "MKL_THREADING_LAYER",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_variables_of_real_packages_are_set(name: str) -> None:
    assert refusal(name, "/x", from_package=True) is None


@shells()
def test_variables_of_a_package_about_itself_are_set(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    shell_home.environment("data", packages={"p.json": {name: f"/{name} $x" for name in REAL}})
    done = shell_home.run(shell, "minicon activate data\ndump 1\n")
    assert (done.returncode, done.stderr) == (0, b"")
    found = shell_home.dumped("1")
    wanted = [name for name in REAL if name not in ("HOST", "LANG")]  # tcsh's own, and this test's
    assert {name: found.get(name) for name in wanted} == {name: f"/{name} $x" for name in wanted}


NASTY = ["a$HOME.sh", "a`touch canary`.sh", "a$(touch canary).sh", "it's.sh", 'a"b.sh', "a b.sh",
         "a{x}.sh", "a*.sh", "~.sh", "a&b;c.sh", "\u00e4.sh", "a\\b.sh", "@(1).sh"]  # fmt: skip


@shells(*ALL, "xonsh")  # nu runs no scripts of packages
def test_scripts_with_any_name_run_as_files_only(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    suffix = {"fish": ".fish", "tcsh": ".csh"}.get(shell, ".sh")
    names = [name.removesuffix(".sh") + suffix for name in NASTY]
    sets = {".fish": "set -gx", ".csh": "setenv"}.get(suffix, "export")
    joint = "=" if sets == "export" else " "
    scripts = {
        f"activate.d/{name}": f"{sets} RAN_{number}{joint}yes\n"
        for number, name in enumerate(names)
    }
    shell_home.environment("data", scripts=scripts)
    done = shell_home.run(shell, "minicon activate data\ndump 1\n")
    assert done.returncode == 0, done.stderr
    found = shell_home.dumped("1")
    assert [n for i, n in enumerate(names) if found.get(f"RAN_{i}") != "yes"] == []
    assert shell_home.canaries() == []
