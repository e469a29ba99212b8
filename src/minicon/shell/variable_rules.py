"""Rules for the variables that an environment may set.

Three kinds of names are refused:

- Variables of shells (:data:`RESERVED`): prompts, which shells evaluate, and the state of shells.
  Neither packages nor the user's own variables of an environment may set them.
- Variables that run code in, or redirect, every other program (:data:`PRIVILEGED`). Packages may
  not set them; users may, in the environment's own variables.
- Settings of minicon and the tools it runs: packages may not set them.

tests/shells checks which names real shells treat specially.
"""

from __future__ import annotations

#: Names that activation or a shell uses: no environment may set them.
#: Some make zsh change its user id; others contain shell state that cannot be restored.
RESERVED = frozenset(
    """
    PATH CONDA_PREFIX CONDA_SHLVL CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER MINICON_EXE
    _ IFS PWD OLDPWD SHLVL PPID UID EUID GID EGID USERNAME SHELLOPTS BASHOPTS OPTIND OPTARG OPTERR
    ARGV ARGC STATUS PIPESTATUS FPATH CDPATH FIGNORE HISTCMD HISTCHARS LINENO RANDOM SRANDOM SECONDS
    EPOCHSECONDS EPOCHREALTIME FUNCNAME FUNCNEST GROUPS DIRSTACK FUNCTIONS ALIASES OPTIONS COMMANDS
    PARAMETERS TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT TTYIDLE KEYBOARD_HACK
    BASH BASHPID BASH_ALIASES BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LOADABLES_PATH
    MAILPATH MODULE_PATH NULLCMD READNULLCMD PSVAR TIMEFMT WATCH WATCHFMT WORDCHARS
    SPROMPT RIGHT_PROMPT MULTILINE_PROMPT PRE_PROMPT BOTTOM_TOOLBAR TITLE ENV_CONVERSIONS
    CMD_DURATION
    """.split()  # noqa: SIM905 - more readable than a hundred quoted words
)
#: PS0 to PS9, RPS1 …, PROMPT2, PROMPT_COMMAND, RPROMPT2 and names that shells may add to them.
RESERVED_STARTS = (
    "CONDA_PREFIX_", "CONDA_STACKED_", "__CONDA_SHLVL_", "_MINICON_", "PROMPT", "RPROMPT",
    "TRANSIENT_PROMPT", "TRANSIENT_RPROMPT", "MULTILINE_PROMPT_", "FISH_", "__FISH_", "ZSH_",
    "ZLE_", "XONSH", "XONTRIB",
    *(f"{start}{digit}" for start in ("PS", "RPS") for digit in range(10)),
)  # fmt: skip
#: Names that zsh and fish treat specially in lower case only.
RESERVED_LOWER = frozenset(
    """
    builtins dis_aliases dis_builtins dis_functions dis_functions_source dis_galiases dis_patchars
    dis_reswords dis_saliases epochtime errnos functions_source functrace funcfiletrace
    funcsourcetrace funcstack galiases history historywords hostname jobdirs jobstates jobtexts
    keymaps manpath mapfile modules nameddirs patchars reswords saliases signals status_generation
    sysparams termcap terminfo umask userdirs usergroups version widgets config
    """.split()  # noqa: SIM905
)

#: Names with which a package could run code in, or redirect, every other program.
PRIVILEGED = frozenset(
    """
    ENV INPUTRC HOME SHELL USER LOGNAME ZDOTDIR HISTFILE HISTSIZE HISTFILESIZE HISTCONTROL
    HISTIGNORE HISTTIMEFORMAT SAVEHIST TIMEFORMAT TMOUT LINES COLUMNS KEYTIMEOUT LISTMAX LOGCHECK
    GLOBIGNORE EXECIGNORE MAIL MAILCHECK TMPPREFIX TMPDIR TEMP TMP COMSPEC PATHEXT SYSTEMROOT
    SYSTEMDRIVE WINDIR PSMODULEPATH EDITOR VISUAL FCEDIT PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE
    PYTHONSTARTUP PYTHONHOME PYTHONINSPECT PYTHONBREAKPOINT PYTHONUSERBASE PYTHONEXECUTABLE
    PERL5OPT PERL5DB RUBYOPT NODE_OPTIONS JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
    GCONV_PATH GLIBC_TUNABLES SSH_ASKPASS SUDO_ASKPASS SUDO_EDITOR
    GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF
    GIT_PROXY_COMMAND ALL_PROXY HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY NETRC DOCKER_CONFIG
    CONDARC MAMBARC CONDA_EXE CONDA_PYTHON_EXE CONDA_ROOT CONDA_RC
    """.split()  # noqa: SIM905
)
PRIVILEGED_STARTS = (
    "LD_", "DYLD_", "BASH_", "COMP_", "NU_", "POWERSHELL_", "__PS", "GIT_CONFIG", "XDG_CONFIG_",
    "PIP_", "UV_", "AWS_", "MINICON_", "MAMBA_",
)  # fmt: skip

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAME_CHARACTERS = _LETTERS | frozenset("0123456789")


def refusal(name: str, value: object, *, from_package: bool) -> str | None:
    """Return the reason why an environment may not set a variable; None if it may."""
    if not is_variable_name(name):
        return f"{name!r} is not a valid name of a variable (letters, digits and _)"
    upper = name.upper()
    if upper in RESERVED or upper.startswith(RESERVED_STARTS) or name in RESERVED_LOWER:
        return f"{name!r} is reserved and cannot be set by an environment"
    if from_package and (
        upper in PRIVILEGED or upper.startswith(PRIVILEGED_STARTS) or _is_setting(upper)
    ):
        return f"{name!r} cannot be set by a package"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return f"the value of {name!r} is not a string"
    if "\0" in (text := str(value)):
        return f"the value of {name!r} contains a NUL character"
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return f"the value of {name!r} is not valid Unicode text"
    return None


def is_variable_name(name: str) -> bool:
    """Whether every shell accepts this as the name of an environment variable."""
    return bool(name) and name[0] in _LETTERS and _NAME_CHARACTERS.issuperset(name)


def _is_setting(upper: str) -> bool:
    """Whether minicon and conda read this variable as a setting."""
    if not upper.startswith("CONDA_"):
        return False
    from minicon.config.keys import find_key

    return find_key(upper.removeprefix("CONDA_").lower()) is not None
