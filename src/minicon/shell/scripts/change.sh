# All cases except the first activation by name, for bash, zsh, dash and other POSIX shells. hook.sh
# reads this file when it is needed, after activate.sh.

__minicon_read activate.sh

# [--stack|--no-stack] [NAME|PATH]
__minicon_activate_otherwise() {
    __minicon_plan_activation "$@"
    case $__mc_plan in
        help) __minicon_run activate --help ;;
        ask) __minicon_ask activate "$@" || { __minicon_forget; return 1; } ;;
        reactivate) __minicon_reactivate ;;
        *)
            if [ "$__mc_plan" = switch ]; then
                __minicon_scripts deactivate "${CONDA_PREFIX-}" || { __minicon_forget; return 130; }
            fi
            __minicon_enter
            __minicon_scripts activate "$CONDA_PREFIX" || { __minicon_deactivate; return 130; } ;;
    esac
    __minicon_forget
}

__minicon_deactivate() {
    __minicon_plan_deactivation "$@"
    case $__mc_plan in
        help) __minicon_run deactivate --help ;;
        ask) __minicon_ask deactivate "$@" || { __minicon_forget; return 1; } ;;
        nothing) ;;
        *)
            __minicon_scripts deactivate "$CONDA_PREFIX" || { __minicon_forget; return 130; }
            __minicon_leave
            [ "$__mc_plan" != return ] || __minicon_scripts activate "$CONDA_PREFIX" || : ;;
    esac
    __minicon_forget
}

__minicon_reactivate() {
    __minicon_plan_reactivation
    case $__mc_plan in
        ask) __minicon_ask reactivate || { __minicon_forget; return 1; } ;;
        nothing) ;;
        *)
            __minicon_scripts deactivate "$CONDA_PREFIX" || { __minicon_forget; return 130; }
            __minicon_renew
            __minicon_scripts activate "$CONDA_PREFIX" || : ;;
    esac
    __minicon_forget
}

# --- Planning: without changes -----------------------------------------------------------------------

# [--stack|--no-stack] [NAME|PATH] -> __mc_plan: ask, help, reactivate, switch or stack;
# __mc_prefix, __mc_level, and __mc_scripts if there are scripts.
__minicon_plan_activation() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __mc_stack=''; __mc_target=''; __mc_plan=ask; __mc_level=''; __mc_scripts=''
    while [ $# -gt 0 ]; do
        case $1 in
            --stack) __mc_stack=yes ;;
            --no-stack) __mc_stack=no ;;
            -h|--help) __mc_plan=help; return 0 ;;
            ''|-*) return 0 ;;
            *) [ -z "$__mc_target" ] || return 0; __mc_target=$1 ;;
        esac
        shift
    done
    __minicon_settings_now
    [ "$__mc_settings" = "$__minicon_baked" ] || return 0
    __minicon_locate "$__mc_target" || return 0
    case $__mc_prefix in *:*) return 0 ;; esac
    __minicon_level
    if [ "$__mc_level" -gt 0 ] && [ "$__mc_prefix" = "${CONDA_PREFIX-}" ]; then
        __mc_plan=reactivate
        return 0
    fi
    if [ "$__mc_level" -gt 0 ]; then
        if [ -z "$__mc_stack" ] && [ "$__mc_level" -le "$__minicon_auto_stack" ]; then
            __mc_stack=yes
        fi
        if [ "$__mc_stack" != yes ]; then
            __minicon_ours "$__mc_level" && __minicon_fresh "$CONDA_PREFIX" || return 0
        fi
    fi
    __minicon_fresh "$__mc_prefix" || return 0
    case $__mc_level$__mc_stack in
        0*|*no|[!0]|[!0][0-9]) __mc_plan=switch ;;
        *) __mc_plan=stack ;;
    esac
}

# -> __mc_plan: ask, nothing, end (nothing is active afterwards), unstack or return
__minicon_plan_deactivation() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __mc_code=''; __mc_plan=ask
    case ${1-} in
        '') ;;
        -h|--help) __mc_plan=help; return 0 ;;
        *) return 0 ;;
    esac
    __minicon_level; __mc_scripts=''
    if [ "$__mc_level" -eq 0 ]; then __mc_plan=nothing; return 0; fi
    __minicon_settings_now
    [ "$__mc_settings" = "$__minicon_baked" ] || return 0
    __minicon_ours "$__mc_level" && __minicon_fresh "$CONDA_PREFIX" || return 0
    if [ "$__mc_level" -eq 1 ]; then __mc_plan=end; return 0; fi
    __minicon_get "CONDA_PREFIX_$((__mc_level - 1))"; __mc_prefix=$__mc_value
    [ -n "$__mc_prefix" ] || return 0
    __minicon_get "CONDA_STACKED_$__mc_level"
    if [ -n "$__mc_value" ]; then __mc_plan=unstack
    elif __minicon_fresh "$__mc_prefix"; then __mc_plan=return; fi
}

# -> __mc_plan: ask, nothing or renew
__minicon_plan_reactivation() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __mc_code=''; __mc_plan=nothing
    __minicon_level; __mc_scripts=''
    [ "$__mc_level" -gt 0 ] && [ -d "$CONDA_PREFIX/conda-meta" ] || return 0
    __mc_plan=ask
    __minicon_settings_now
    [ "$__mc_settings" = "$__minicon_baked" ] || return 0
    __minicon_ours "$__mc_level" && __minicon_fresh "$CONDA_PREFIX" || return 0
    __mc_plan=renew
}

# NAME|PATH -> __mc_prefix; fails if the program has to decide
__minicon_locate() {
    case ${1:-$__minicon_default} in
        base|root)
            __mc_prefix=$__minicon_root
            [ -f "$__mc_prefix/conda-meta/history" ] ;;
        '~'*) return 1 ;;
        */*|.|..) __minicon_absolute "${1:-$__minicon_default}"; [ -f "$__mc_prefix/conda-meta/history" ] ;;
        *) __minicon_find_named "${1:-$__minicon_default}" ;;
    esac
}

# PATH -> __mc_prefix: absolute, without . and .. and doubled or trailing slashes
__minicon_absolute() {
    case $1 in /*) __mc_rest=$1/ ;; *) __mc_rest=$PWD/$1/ ;; esac
    __mc_prefix=''
    while [ -n "$__mc_rest" ]; do
        __mc_part=${__mc_rest%%/*}
        __mc_rest=${__mc_rest#*/}
        case $__mc_part in
            ''|.) ;;
            ..) __mc_prefix=${__mc_prefix%/*} ;;
            *) __mc_prefix=$__mc_prefix/$__mc_part ;;
        esac
    done
}

# -> __mc_level: the number of active environments; an invalid CONDA_SHLVL counts as 0
__minicon_level() {
    __mc_level=0
    [ -n "${CONDA_PREFIX-}" ] || return 0
    case ${CONDA_SHLVL-} in
        [1-9]|[1-9][0-9]) __mc_level=$CONDA_SHLVL ;;
    esac
}

# LEVEL: did minicon activate that level and record what to restore?
__minicon_ours() {
    eval "[ -n \"\${_MINICON_NAMES_$1+set}\" ]"
}

# PREFIX: does its activation file exist, and is it newer than its inputs? A removed prefix has
# nothing to source and succeeds. The file also sets __mc_scripts.
__minicon_fresh() {
    __mc_at=$1; __mc_script=''; __mc_code=''; __mc_interrupted=''
    __mc_text=$1/conda-meta/minicon/activation.sh
    [ -d "$1/conda-meta" ] || return 0
    [ -r "$__mc_text" ] || return 1
    __mc_format=''; __mc_step=check
    \. "$__mc_text" # which sets the arguments
    [ "$__mc_format" = 3 ]
}

# NAME -> __mc_value
__minicon_get() { eval "__mc_value=\${$1-}"; }

# --- Changing variables: without processes and scripts, in microseconds ---------------------------

# Activate the environment __mc_prefix as __mc_plan (switch or stack) says.
__minicon_enter() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __minicon_level
    __mc_old=''
    if [ "$__mc_level" -eq 0 ]; then
        case ${CONDA_PREFIX+x}${CONDA_DEFAULT_ENV+x}${CONDA_PROMPT_MODIFIER+x}${CONDA_SHLVL+x} in
            '') unset -v __CONDA_SHLVL_0_CONDA_PREFIX __CONDA_SHLVL_0_CONDA_DEFAULT_ENV \
                __CONDA_SHLVL_0_CONDA_PROMPT_MODIFIER __CONDA_SHLVL_0_CONDA_SHLVL ;;
            *)
                __minicon_save 0 CONDA_PREFIX; __minicon_save 0 CONDA_DEFAULT_ENV
                __minicon_save 0 CONDA_PROMPT_MODIFIER; __minicon_save 0 CONDA_SHLVL ;;
        esac
    else
        export "CONDA_PREFIX_$__mc_level=$CONDA_PREFIX"
        if [ "$__mc_plan" = stack ]; then
            export "CONDA_STACKED_$((__mc_level + 1))=true"
        else
            __mc_old=$CONDA_PREFIX
            __minicon_undo "$__mc_level"
        fi
    fi
    __minicon_path "$__mc_old" "$__mc_prefix"
    __minicon_become "$__mc_prefix" "$((__mc_level + 1))" variables
}

# Deactivate the active environment as __mc_plan (end, unstack or return) says.
__minicon_leave() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __minicon_level
    __minicon_undo "$__mc_level"
    if [ "$__mc_plan" = end ]; then
        __minicon_path "$CONDA_PREFIX" ''
        __minicon_prompt ''
        __minicon_restore 0 CONDA_PREFIX; __minicon_restore 0 CONDA_DEFAULT_ENV
        __minicon_restore 0 CONDA_PROMPT_MODIFIER; __minicon_restore 0 CONDA_SHLVL
        return 0
    fi
    unset -v "CONDA_PREFIX_$((__mc_level - 1))"
    if [ "$__mc_plan" = unstack ]; then
        unset -v "CONDA_STACKED_$__mc_level"
        __minicon_path "$CONDA_PREFIX" ''
        __minicon_become "$__mc_prefix" "$((__mc_level - 1))"
    else
        __minicon_path "$CONDA_PREFIX" "$__mc_prefix"
        __minicon_become "$__mc_prefix" "$((__mc_level - 1))" variables
    fi
}

# Set the variables of the active environment again, from disk.
__minicon_renew() {
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    __minicon_level
    __minicon_undo "$__mc_level"
    __minicon_path "$CONDA_PREFIX" "$CONDA_PREFIX"
    __minicon_become "$CONDA_PREFIX" "$__mc_level" variables
}

# PREFIX LEVEL [variables]: set the variables of activation and, if requested, of the environment.
__minicon_become() {
    __minicon_name "$1" "$2"
    __minicon_prompt "$__mc_modifier"
    export CONDA_PREFIX="$1" CONDA_SHLVL="$2" CONDA_DEFAULT_ENV="$__mc_name"
    export CONDA_PROMPT_MODIFIER="$__mc_modifier"
    [ "${3-}" = variables ] || return 0
    __mc_below=$(($2 - 1)); __mc_names=''
    __minicon_set_variables "$1"
    export "_MINICON_NAMES_$2=$__mc_names"
}

# PREFIX -> __mc_names: save and set each variable. The activation file sets the arguments.
__minicon_set_variables() {
    __mc_at=$1; __mc_text=$1/conda-meta/minicon/activation.sh; __mc_step=check
    set --
    [ ! -r "$__mc_text" ] || \. "$__mc_text"
    while [ $# -gt 1 ]; do
        __minicon_save "$__mc_below" "$1"
        export "$1=$2"
        __mc_names="$__mc_names$1 "
        shift 2
    done
}

# LEVEL: restore the variables that the environment of that level set.
__minicon_undo() {
    __minicon_get "_MINICON_NAMES_$1"
    while [ -n "$__mc_value" ]; do
        __mc_part=${__mc_value%% *}
        __mc_value=${__mc_value#* }
        case $__mc_part in
            ''|[0-9]*|*[!A-Za-z0-9_]*) ;;
            *) __minicon_restore "$(($1 - 1))" "$__mc_part" ;;
        esac
    done
    unset -v "_MINICON_NAMES_$1"
}

# LEVEL NAME: save the value of NAME from before the activation, in a variable that is exported if
# NAME is.
__minicon_save() {
    unset -v "__CONDA_SHLVL_$1_$2"
    if eval "[ -n \"\${$2+set}\" ]"; then
        eval "__CONDA_SHLVL_$1_$2=\"\$$2\""
        ! __minicon_exported "$2" || export "__CONDA_SHLVL_$1_$2"
    fi
}

# LEVEL NAME: restore the saved value of NAME; unset NAME if it had none.
__minicon_restore() {
    if eval "[ -n \"\${__CONDA_SHLVL_$1_$2+set}\" ]"; then
        eval "__mc_saved=\"\$__CONDA_SHLVL_$1_$2\""
        if __minicon_exported "__CONDA_SHLVL_$1_$2"; then export "$2=$__mc_saved"
        elif [ -n "${BASH_VERSION-}" ]; then export -n "$2=$__mc_saved" # an array stays one
        else unset -v "$2"; eval "$2=\"\$__mc_saved\""; fi
        unset -v "__CONDA_SHLVL_$1_$2"
    else unset -v "$2"; fi
}

# NAME: is this variable, which is set, exported? Shells without a better way search the output of
# 'export -p' in a subshell.
__minicon_exported() {
    case ${ZSH_VERSION:+zsh}${BASH_VERSION-} in
        zsh) eval "case \${(t)$1} in *export*) ;; *) return 1 ;; esac" ;;
        ''|[1-3].*|4.[0-3].*)
            case $(export -p) in
                *"export $1="*|*"declare -x $1="*) ;;
                *) return 1 ;;
            esac ;;
        *) eval "case \${$1@a} in *x*) ;; *) return 1 ;; esac" ;;
    esac
}

# OLD NEW: replace OLD/bin in PATH by NEW/bin; without OLD, prepend NEW/bin; without NEW, remove
# OLD/bin. Only the first occurrence changes: others are the user's own.
__minicon_path() {
    __mc_rest=":${PATH-}:"
    __mc_part=":$1/bin:"
    case ${1:+$__mc_rest} in
        *"$__mc_part"*)
            __mc_rest=${__mc_rest%%"$__mc_part"*}:${2:+$2/bin:}${__mc_rest#*"$__mc_part"}
            __mc_rest=${__mc_rest#:}
            export PATH="${__mc_rest%:}" ;;
        *) [ -z "$2" ] || export PATH="$2/bin${PATH:+:$PATH}" ;;
    esac
}

# PREFIX LEVEL -> __mc_name, __mc_modifier
__minicon_name() {
    __mc_rest=${1%/*}
    if [ "$1" = "$__minicon_root" ]; then __mc_name=base
    elif [ "${__mc_rest##*/}" = envs ]; then __mc_name=${1##*/}
    else __mc_name=$1; fi
    case $__mc_name in
        *[\\\$\`%!]*|*[[:cntrl:]]*) __minicon_plain "$__mc_name"; __mc_shown=$__mc_value ;;
        *) __mc_shown=$__mc_name ;;
    esac
    __minicon_format_prompt "$1" "$2"
}

# TEXT -> __mc_value: characters that a prompt interprets ($ ` \ % ! and controls) become ?
__minicon_plain() {
    __mc_value=$1
    case $1 in *[\\\$\`%!]*|*[[:cntrl:]]*) ;; *) return 0 ;; esac
    __mc_value=''; __mc_rest=$1
    while [ -n "$__mc_rest" ]; do
        __mc_part=${__mc_rest#?}
        __mc_part=${__mc_rest%"$__mc_part"}
        __mc_rest=${__mc_rest#?}
        case $__mc_part in [\\\$\`%!]|[[:cntrl:]]) __mc_part='?' ;; esac
        __mc_value=$__mc_value$__mc_part
    done
}

# LEVEL -> __mc_stacked: the names of the environments on PATH, topmost first
__minicon_stacked() {
    __mc_stacked=''; __mc_part=1
    while [ "$__mc_part" -le "$1" ]; do
        __minicon_get "CONDA_STACKED_$__mc_part"
        if [ -z "$__mc_value" ]; then
            case $__mc_stacked in *,*) __mc_stacked=${__mc_stacked#*,} ;; *) __mc_stacked='' ;; esac
        fi
        if [ "$__mc_part" -eq "$1" ]; then __mc_value=$__mc_name
        else
            __minicon_get "CONDA_PREFIX_$__mc_part"
            __mc_rest=${__mc_value%/*}
            if [ "$__mc_value" = "$__minicon_root" ]; then __mc_value=base
            elif [ "${__mc_rest##*/}" = envs ]; then __mc_value=${__mc_value##*/}; fi
        fi
        __mc_stacked=$__mc_value${__mc_stacked:+,$__mc_stacked}
        __mc_part=$((__mc_part + 1))
    done
    __minicon_plain "$__mc_stacked"; __mc_stacked=$__mc_value
}

# MODIFIER: prepend it to the prompt, instead of the current one.
__minicon_prompt() {
    [ -n "${PS1+set}" ] || return 0
    case $PS1 in *POWERLINE_COMMAND*) return 0 ;; esac
    if [ -n "${CONDA_PROMPT_MODIFIER-}" ]; then
        case $PS1 in
            *"$CONDA_PROMPT_MODIFIER"*)
                __mc_rest=${PS1%%"$CONDA_PROMPT_MODIFIER"*}
                PS1=$__mc_rest${PS1#*"$CONDA_PROMPT_MODIFIER"} ;;
        esac
    fi
    PS1=$1$PS1
}

# --- Activation scripts, and the program ------------------------------------------------------------

# activate|deactivate PREFIX: source its activate.d or deactivate.d, with the user's own options.
#
# Ctrl-C at a terminal: in zsh it can be caught, and this function fails; its callers then keep the
# current environment, or return to the previous one. bash abandons the function and shows the
# prompt, so PROMPT_COMMAND returns to the previous environment while scripts run. dash and similar
# shells have only traps.
__minicon_scripts() {
    if [ -z "$__mc_scripts" ] || [ -z "$2" ]; then return 0; fi
    __mc_interrupted=''
    case $-$__mc_scripts in
        *i*yes) ;;
        *) __minicon_source_text "$1" "$2"; return 0 ;;
    esac
    if [ -n "${ZSH_VERSION-}" ]; then __minicon_scripts_in_zsh "$1" "$2"
    elif [ -n "${BASH_VERSION-}" ]; then
        __mc_phase=$1; __mc_prompt_command=${PROMPT_COMMAND-}
        PROMPT_COMMAND=__minicon_interrupted
        __minicon_source_text "$1" "$2"
        __minicon_prompt_command_back
    else __minicon_scripts_in_others "$1" "$2"; fi
    [ -z "$__mc_interrupted" ]
}

# A user's own trap for Ctrl-C is kept; the new environment then stays active. A shell prints its
# traps only to a file.
__minicon_scripts_in_others() {
    __mc_file=$__minicon_folder/traps.$$
    if [ -n "$__minicon_folder" ] && { trap >| "$__mc_file"; } 2> /dev/null; then
        __mc_phase=$1
        while IFS= read -r __mc_part; do
            case $__mc_part in *' INT'|*' SIGINT'|*' 2') __mc_phase=mine ;; esac
        done < "$__mc_file"
        command rm -f "$__mc_file"
        [ "$__mc_phase" = mine ] || trap 'trap - INT; __minicon_interrupted; kill -INT $$' INT
        __minicon_source_text "$1" "$2"
        [ "$__mc_phase" = mine ] || trap - INT
    else __minicon_source_text "$1" "$2"; fi
}

[ -z "${ZSH_VERSION-}" ] || eval '__minicon_scripts_in_zsh() {'\
'    { __minicon_source_text "$1" "$2"; } always {'\
'        if [ "${TRY_BLOCK_INTERRUPT-0}" -gt 0 ]; then'\
'            __mc_interrupted=yes; TRY_BLOCK_INTERRUPT=0; TRY_BLOCK_ERROR=0;'\
'        fi;'\
'    };'\
'}'

# Called after Ctrl-C in bash and dash.
__minicon_interrupted() {
    __minicon_prompt_command_back
    case $__mc_phase:$__mc_plan in
        activate:switch|activate:stack) __minicon_deactivate ;;
        *) __minicon_forget ;;
    esac
}

# A script may have added commands to PROMPT_COMMAND.
__minicon_prompt_command_back() {
    case ${PROMPT_COMMAND-} in
        *__minicon_interrupted*)
            __mc_rest=${PROMPT_COMMAND%%__minicon_interrupted*}
            PROMPT_COMMAND=$__mc_rest$__mc_prompt_command${PROMPT_COMMAND#*__minicon_interrupted} ;;
    esac
    [ -n "${PROMPT_COMMAND-}" ] || unset -v PROMPT_COMMAND
}

__minicon_source_text() {
    __mc_at=$2
    __mc_text=$2/conda-meta/minicon/activation.sh
    [ -r "$__mc_text" ] || return 0
    __mc_step=$1
    \. "$__mc_text"
}

# FILE below etc/conda: called by an activation file.
__minicon_source() {
    __mc_script=$__mc_at/etc/conda/$1
    [ -r "$__mc_script" ] || return 0
    __mc_code='\. "$__mc_script"'
    __minicon_evaluate
}

# COMMAND [ARGUMENT...]: let the program compute the change. If interrupted, nothing changes.
__minicon_ask() {
    __mc_code=$(PS1=${PS1-}; export PS1; __minicon_run shell.posix "$@") || return
    __minicon_evaluate
}

# Evaluate __mc_code, without arguments. Scripts of packages expect shells without errexit and
# nounset, so both are off meanwhile; changes of the two options by scripts are undone.
__minicon_evaluate() {
    set --
    case $- in
        *e*u*|*u*e*) set +eu; eval "$__mc_code"; set -eu ;;
        *e*) set +e; eval "$__mc_code"; set +u -e ;;
        *u*) set +u; eval "$__mc_code"; set +e -u ;;
        *) eval "$__mc_code"; set +eu ;;
    esac
    return 0
}

__minicon_forget() {
    unset -v __mc_at __mc_base __mc_below __mc_code __mc_file __mc_format __mc_interrupted __mc_level \
        __mc_modifier __mc_name __mc_names __mc_old __mc_part __mc_phase __mc_plan __mc_prefix \
        __mc_prompt_command __mc_rest __mc_saved __mc_script __mc_scripts __mc_settings __mc_shown __mc_stack \
        __mc_stacked __mc_step __mc_target __mc_text __mc_value __mc_whole
}

__minicon_have="$__minicon_have change.sh"
