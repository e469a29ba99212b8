# The common case: the first activation, by name, in bash, zsh, dash and other POSIX shells. All
# other cases are in change.sh, with the same rules. hook.sh reads both. minicon/shell/hook.py
# prepends __minicon_settings_now, __minicon_find_named and __minicon_format_prompt to this file.
#
# It is short, since bash needs about a microsecond for each word.

__minicon_activate() {
    if __minicon_activate_first "$@"; then
        unset -v __mc_at __mc_base __mc_format __mc_modifier __mc_name __mc_names __mc_prefix \
            __mc_rest __mc_scripts __mc_settings __mc_shown __mc_stacked __mc_step __mc_text \
            __mc_value __mc_whole
    else
        __minicon_read change.sh && __minicon_activate_otherwise "$@"
    fi
}

# NAME: fails, without changes, unless this is the first activation, of an environment without
# activation scripts.
__minicon_activate_first() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    case $#:${CONDA_PREFIX+x}${CONDA_DEFAULT_ENV+x}${CONDA_PROMPT_MODIFIER+x}${CONDA_SHLVL+x}:${1-} in
        *:|*/*|*:.|*:..|*:[-~]*|*:base|*:root) return 1 ;;
        1::*) ;;
        *) return 1 ;;
    esac
    __minicon_settings_now
    [ "$__mc_settings" = "$__minicon_baked" ] && __minicon_find_named "$1" || return 1
    __mc_text=$__mc_prefix/conda-meta/minicon/activation.sh
    [ -r "$__mc_text" ] || return 1
    __mc_at=$__mc_prefix; __mc_name=$1; __mc_names=''; __mc_format=''; __mc_scripts=''; __mc_step=check
    \. "$__mc_text"
    case $__mc_format$__mc_scripts:$__mc_prefix in 3:*:*) return 1 ;; 3:*) ;; *) return 1 ;; esac
    while [ $# -gt 1 ]; do
        eval "[ -z \"\${$1+x}\${__CONDA_SHLVL_0_$1+x}\" ]" || __minicon_save 0 "$1"
        export "$1=$2"
        __mc_names="$__mc_names$1 "
        shift 2
    done
    __mc_rest=${__mc_prefix%/*}
    [ "${__mc_rest##*/}" = envs ] || __mc_name=$__mc_prefix
    case $__mc_name in
        *[\\\$\`%!]*|*[[:cntrl:]]*) __minicon_plain "$__mc_name"; __mc_shown=$__mc_value ;;
        *) __mc_shown=$__mc_name ;;
    esac
    __minicon_format_prompt "$__mc_prefix" 1
    case ${PS1-} in ''|*POWERLINE_COMMAND*) ;; *) PS1=$__mc_modifier$PS1 ;; esac
    unset -v __CONDA_SHLVL_0_CONDA_PREFIX __CONDA_SHLVL_0_CONDA_DEFAULT_ENV \
        __CONDA_SHLVL_0_CONDA_PROMPT_MODIFIER __CONDA_SHLVL_0_CONDA_SHLVL
    export CONDA_PREFIX="$__mc_prefix" CONDA_SHLVL=1 CONDA_DEFAULT_ENV="$__mc_name" \
        CONDA_PROMPT_MODIFIER="$__mc_modifier" _MINICON_NAMES_1="$__mc_names" \
        PATH="$__mc_prefix/bin${PATH:+:$PATH}"
}

# Rarely needed; change.sh replaces them.
__minicon_save() { __minicon_read change.sh && __minicon_save "$@"; }
__minicon_plain() { __minicon_read change.sh && __minicon_plain "$@"; }
__minicon_stacked() { __minicon_read change.sh && __minicon_stacked "$@"; }
__minicon_have="$__minicon_have activate.sh"
