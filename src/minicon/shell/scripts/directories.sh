# `cd` into a directory that names an environment activates it; `cd` out of it deactivates it. Part
# of the hook if auto_activate_directories is set. No process is started unless a directory, up to /,
# contains .minicon or environment.yml; the program checks whether that file is allowed.

# -> __mc_found: the closest directory with such a file
__minicon_find_directory() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __mc_found=$PWD
    until [ -f "$__mc_found/.minicon" ] || [ -f "$__mc_found/environment.yml" ]; do
        [ -n "$__mc_found" ] || break
        __mc_found=${__mc_found%/*}
    done
}

__minicon_entered() {
    __mc_found=''
    __minicon_find_directory
    if [ "$__mc_found" = "$__minicon_directory" ]; then unset -v __mc_found; return 0; fi
    __minicon_directory=$__mc_found; unset -v __mc_found
    if [ -n "$__minicon_chosen" ] && [ "$__minicon_chosen" = "${CONDA_PREFIX-}" ]; then
        minicon deactivate || :
    fi
    __minicon_chosen=''
    [ -n "$__minicon_directory" ] || return 0
    __minicon_chosen=$(__minicon_run shell.posix directory "$__minicon_directory") || :
    if [ "$__minicon_chosen" = "${CONDA_PREFIX-}" ] ||
        ! __minicon_choose "$__minicon_chosen"; then __minicon_chosen=''; fi
}

__minicon_choose() { [ -z "$1" ] || minicon activate "$1"; }

__minicon_directory=''
__minicon_chosen=''
if [ -n "${ZSH_VERSION-}" ]; then
    eval 'typeset -ga chpwd_functions'
    eval 'chpwd_functions=(${chpwd_functions:#__minicon_entered} __minicon_entered)'
elif [ -z "${BASH_VERSION-}" ]; then
    cd() { command cd "$@" && { __minicon_entered || :; }; }
else
    case $(declare -f cd || :):${PROMPT_COMMAND-} in
        :*|*command\ cd*__minicon_entered*)
            cd() { command cd "$@" && { __minicon_entered || :; }; }
            pushd() { builtin pushd "$@" && { __minicon_entered || :; }; }
            popd() { builtin popd "$@" && { __minicon_entered || :; }; } ;;
        *__minicon_entered*) ;;
        *) PROMPT_COMMAND="__minicon_entered${PROMPT_COMMAND:+; $PROMPT_COMMAND}" ;; # the user's own cd
    esac
fi
__minicon_entered || :
