# minicon's hook for bash, zsh, dash and other POSIX shells, which each of them reads at its start.
#
# `minicon activate` and `minicon deactivate` start no process: each environment has an activation
# file, conda-meta/minicon/activation.sh, which is written when the environment changes. If it is
# missing, or older than its inputs, the hook runs the minicon program instead. The steps, and the
# variables that contain the state, are described in docs/internals/activation.md.
#
# The functions are in activate.sh and change.sh, which are read when they are first needed.
#
# The code works with every option that a user may have set (errexit, nounset, noglob, allexport,
# zsh's own): all expansions are quoted, nothing is globbed, and functions that do not source scripts
# of packages switch to `sh` emulation in zsh. Names that start with __mc_ are temporary.
#
# The lines before this file (see minicon/shell/hook.py) define MINICON_EXE, __minicon_folder,
# __minicon_made (the version of the files) and __minicon_have (the files already read).

minicon() {
    case ${1-} in
        activate) __minicon_read activate.sh && "__minicon_$@" ;;
        deactivate) __minicon_read change.sh && "__minicon_$@" ;;
        install|update|upgrade|remove|uninstall|rollback|undo|redo|sync|apply|env)
            __minicon_run "$@" || return
            [ -z "${CONDA_PREFIX-}" ] || { __minicon_read change.sh && __minicon_reactivate; } ;;
        allow)
            __minicon_run "$@" || return
            [ -z "${__minicon_directory-}" ] || { __minicon_directory=''; __minicon_entered; } ;;
        *) __minicon_run "$@" ;;
    esac
}

__minicon_run() {
    if [ -n "${__minicon_as-}" ]; then "$__minicon_as" "$@"
    elif [ -x "${MINICON_EXE-}" ]; then "$MINICON_EXE" "$@"; else command minicon "$@"; fi
}

# FILE: read its functions, unless they are defined, without aliases and allexport. If the file was
# removed, the program prints all functions.
__minicon_read() {
    case $__minicon_have in *"$1"*) return 0 ;; esac
    [ -z "${ZSH_VERSION-}" ] || setopt localoptions noaliases noallexport nowarncreateglobal
    case $- in *a*) set +a; __minicon_read "$1" && set -- 0 || set -- 1; set -a; return "$1" ;; esac
    case ${BASHOPTS-} in *expand_aliases*) shopt -u expand_aliases; set -- "$1" again ;; esac
    if [ -r "$__minicon_folder/$1" ]; then \. "$__minicon_folder/$1"
    else eval "$(__minicon_run shell.posix hook)"; fi
    [ $# -eq 1 ] || shopt -s expand_aliases
    case $__minicon_have in *"$1"*) ;; *) return 1 ;; esac
}
