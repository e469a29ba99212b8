# minicon's hook for fish: the same steps as hook.sh; see its comments.
#
# The lines before this file define MINICON_EXE, __minicon_root, __minicon_default,
# __minicon_auto_stack, __minicon_watched, __minicon_baked, __minicon_envs_dirs, __minicon_changeps1
# and __minicon_env_prompt.

function minicon --description 'Environments and packages'
    switch "$argv[1]"
        case activate
            __minicon_activate $argv[2..-1]
        case deactivate
            __minicon_deactivate $argv[2..-1]
        case install update upgrade remove uninstall rollback undo redo sync apply env
            __minicon_run $argv
            or return
            __minicon_reactivate
        case allow
            __minicon_run $argv
            or return
            if test -n "$__minicon_directory"
                set -g __minicon_directory
                __minicon_entered
            end
        case '*'
            __minicon_run $argv
    end
end

function __minicon_run
    if test -n "$__minicon_as"
        command $__minicon_as $argv
    else if test -x "$MINICON_EXE"
        command $MINICON_EXE $argv
    else
        command minicon $argv
    end
end

function __minicon_activate
    __minicon_plan_activation $argv
    switch $__mc_plan
        case help
            __minicon_run activate --help
        case ask
            __minicon_ask activate $argv
            or begin
                __minicon_forget
                return 1
            end
        case reactivate
            __minicon_reactivate
        case '*'
            if test "$__mc_plan" != stack -a -n "$CONDA_PREFIX"
                __minicon_scripts deactivate $CONDA_PREFIX
            end
            __minicon_enter
            __minicon_scripts activate $CONDA_PREFIX
    end
    __minicon_forget
end

function __minicon_deactivate
    __minicon_plan_deactivation $argv
    switch $__mc_plan
        case help
            __minicon_run deactivate --help
        case ask
            __minicon_ask deactivate $argv
            or begin
                __minicon_forget
                return 1
            end
        case nothing
        case '*'
            __minicon_scripts deactivate $CONDA_PREFIX
            __minicon_leave
            if test $__mc_plan = return
                __minicon_scripts activate $CONDA_PREFIX
            end
    end
    __minicon_forget
end

function __minicon_reactivate
    __minicon_plan_reactivation
    switch $__mc_plan
        case ask
            __minicon_ask reactivate
            or begin
                __minicon_forget
                return 1
            end
        case nothing
        case '*'
            __minicon_scripts deactivate $CONDA_PREFIX
            __minicon_renew
            __minicon_scripts activate $CONDA_PREFIX
    end
    __minicon_forget
end

# --- Planning: without changes -----------------------------------------------------------------------

function __minicon_plan_activation
    set -l stack
    set -l target
    set -g __mc_plan ask
    for word in $argv
        switch $word
            case --stack
                set stack yes
            case --no-stack
                set stack no
            case -h --help
                set -g __mc_plan help
                return
            case '-*' ''
                return
            case '*'
                set -q target[1]
                and return
                set target $word
        end
    end
    __minicon_settings_changed
    and return
    __minicon_locate "$target"
    or return
    string match -q '*:*' -- $__mc_prefix
    and return
    __minicon_level
    if test $__mc_level -gt 0 -a "$__mc_prefix" = "$CONDA_PREFIX"
        set -g __mc_plan reactivate
        return
    end
    if test -z "$stack" -a $__mc_level -gt 0 -a $__mc_level -le $__minicon_auto_stack
        set stack yes
    end
    if test $__mc_level -gt 0 -a "$stack" != yes
        set -q _MINICON_NAMES_$__mc_level
        and __minicon_fresh $CONDA_PREFIX
        or return
    end
    __minicon_fresh $__mc_prefix
    or return
    if test "$stack" = yes -a $__mc_level -gt 0
        set -g __mc_plan stack
    else
        set -g __mc_plan switch
    end
end

function __minicon_plan_deactivation
    set -g __mc_plan ask
    if contains -- "$argv[1]" -h --help
        set -g __mc_plan help
        return
    end
    set -q argv[1]
    and return
    __minicon_level
    if test $__mc_level -eq 0
        set -g __mc_plan nothing
        return
    end
    __minicon_settings_changed
    and return
    set -q _MINICON_NAMES_$__mc_level
    and __minicon_fresh $CONDA_PREFIX
    or return
    if test $__mc_level -eq 1
        set -g __mc_plan end
        return
    end
    set -l below CONDA_PREFIX_(math $__mc_level - 1)
    set -g __mc_prefix $$below
    test -n "$__mc_prefix"
    or return
    if set -q CONDA_STACKED_$__mc_level
        set -g __mc_plan unstack
    else if __minicon_fresh $__mc_prefix
        set -g __mc_plan return
    end
end

function __minicon_plan_reactivation
    set -g __mc_plan nothing
    __minicon_level
    test $__mc_level -gt 0 -a -d "$CONDA_PREFIX/conda-meta"
    or return
    set -g __mc_plan ask
    __minicon_settings_changed
    and return
    set -q _MINICON_NAMES_$__mc_level
    and __minicon_fresh $CONDA_PREFIX
    or return
    set -g __mc_plan renew
end

function __minicon_settings_changed
    set -l now
    for name in $__minicon_watched
        set now "$now|$$name"
    end
    test "$now" != "|$__minicon_baked"
end

function __minicon_locate
    set -l target $argv[1]
    if test -z "$target"
        set target $__minicon_default
    end
    switch $target
        case base root
            set -g __mc_prefix $__minicon_root
            test -f "$__mc_prefix/conda-meta/history"
        case '~*'
            return 1
        case '*/*' . ..
            set -l path $target
            string match -q '/*' -- $path
            or set path $PWD/$path
            set -l parts
            for part in (string split / -- $path)
                switch $part
                    case '' .
                    case ..
                        set -e parts[-1]
                    case '*'
                        set -a parts $part
                end
            end
            set parts (string join / -- $parts | string collect)
            set -g __mc_prefix "/$parts"
            test -f "$__mc_prefix/conda-meta/history"
        case '*'
            for folder in $__minicon_envs_dirs
                set -g __mc_prefix $folder/$target
                test -f "$__mc_prefix/conda-meta/history"
                and return 0
            end
            return 1
    end
end

function __minicon_level
    set -g __mc_level 0
    if test -n "$CONDA_PREFIX"; and string match -qr '^[1-9][0-9]?$' -- "$CONDA_SHLVL"
        set -g __mc_level $CONDA_SHLVL
    end
end

function __minicon_fresh
    set -g __mc_at $argv[1]
    set -g __mc_text $argv[1]/conda-meta/minicon/activation.fish
    test -d "$argv[1]/conda-meta"
    or return 0
    test -r "$__mc_text"
    or return 1
    set -g __mc_format ''
    set -g __mc_step check
    source $__mc_text
    test "$__mc_format" = 3
end

# --- Changing variables ---------------------------------------------------------------------------

function __minicon_enter
    __minicon_level
    set -l old ''
    if test $__mc_level -eq 0
        for name in CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_SHLVL
            __minicon_save 0 $name
        end
    else
        set -gx CONDA_PREFIX_$__mc_level $CONDA_PREFIX
        if test $__mc_plan = stack
            set -gx CONDA_STACKED_(math $__mc_level + 1) true
        else
            set old $CONDA_PREFIX
            __minicon_undo $__mc_level
        end
    end
    __minicon_path "$old" $__mc_prefix
    __minicon_become $__mc_prefix (math $__mc_level + 1) variables
end

function __minicon_leave
    __minicon_level
    __minicon_undo $__mc_level
    if test $__mc_plan = end
        __minicon_path $CONDA_PREFIX ''
        for name in CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_SHLVL
            __minicon_restore 0 $name
        end
        return
    end
    set -l below (math $__mc_level - 1)
    set -e CONDA_PREFIX_$below
    if test $__mc_plan = unstack
        set -e CONDA_STACKED_$__mc_level
        __minicon_path $CONDA_PREFIX ''
        __minicon_become $__mc_prefix $below
    else
        __minicon_path $CONDA_PREFIX $__mc_prefix
        __minicon_become $__mc_prefix $below variables
    end
end

function __minicon_renew
    __minicon_level
    __minicon_undo $__mc_level
    __minicon_path $CONDA_PREFIX $CONDA_PREFIX
    __minicon_become $CONDA_PREFIX $__mc_level variables
end

# PREFIX LEVEL [variables]
function __minicon_become
    __minicon_name $argv[1]
    set -gx CONDA_DEFAULT_ENV $__mc_name
    __minicon_modifier $argv[1] $argv[2] $__mc_name
    set -gx CONDA_PROMPT_MODIFIER "$__mc_modifier"
    set -gx CONDA_PREFIX $argv[1]
    set -gx CONDA_SHLVL $argv[2]
    test "$argv[3]" = variables
    or return 0
    set -g __mc_below (math $argv[2] - 1)
    set -g __mc_names ''
    __minicon_source_text variables $argv[1]
    set -gx _MINICON_NAMES_$argv[2] $__mc_names
end

# NAME VALUE: called by an activation file.
function __minicon_set
    __minicon_save $__mc_below $argv[1]
    set -gx $argv[1] $argv[2]
    set -g __mc_names "$__mc_names$argv[1] "
end

function __minicon_undo
    set -l record _MINICON_NAMES_$argv[1]
    for name in (string split -n ' ' -- "$$record")
        string match -qr '^[A-Za-z_][A-Za-z0-9_]*$' -- $name
        and __minicon_restore (math $argv[1] - 1) $name
    end
    set -e $record
end

function __minicon_save
    if set -q $argv[2]
        set -gx __CONDA_SHLVL_$argv[1]_$argv[2] $$argv[2]
    else
        set -e __CONDA_SHLVL_$argv[1]_$argv[2]
    end
end

function __minicon_restore
    set -l saved __CONDA_SHLVL_$argv[1]_$argv[2]
    if set -q $saved
        set -gx $argv[2] $$saved
        set -e $saved
    else
        set -e $argv[2]
    end
end

# OLD NEW: replace OLD/bin in PATH by NEW/bin; see change.sh.
function __minicon_path
    set -l new
    test -n "$argv[2]"
    and set new $argv[2]/bin
    if test -n "$argv[1]"; and set -l index (contains -i -- $argv[1]/bin $PATH)
        set -l before
        test $index -gt 1
        and set before $PATH[1..(math $index - 1)]
        set -l after
        test $index -lt (count $PATH)
        and set after $PATH[(math $index + 1)..-1]
        set -gx PATH $before $new $after
    else if set -q new[1]
        set -gx PATH $new $PATH
    end
end

function __minicon_name
    set -l parts (string split -r -m2 / -- $argv[1])
    if test "$argv[1]" = "$__minicon_root"
        set -g __mc_name base
    else if test "$parts[-2]" = envs
        set -g __mc_name $parts[-1]
    else
        set -g __mc_name $argv[1]
    end
end

# PREFIX LEVEL NAME
function __minicon_modifier
    set -g __mc_modifier ''
    test $__minicon_changeps1 = yes
    or return 0
    # Fast path for the default prompt: pipes cost a thread, and patterns are compiled.
    set -l escaped (string escape -- $argv[3])
    if test "$__minicon_env_prompt" = '({default_env}) '; and test "$escaped" = "$argv[3]"
        if not string match -q '*%*' -- $escaped; and not string match -q '*!*' -- $escaped
            set -g __mc_modifier "($argv[3]) "
            return
        end
    end
    set -l text $__minicon_env_prompt. # the dot preserves trailing line breaks
    set -l stacked
    if string match -q '*{stacked_env}*' -- $text
        for level in (seq $argv[2])
            set -q CONDA_STACKED_$level
            or set -e stacked[-1]
            set -l below CONDA_PREFIX_$level
            if test $level -eq $argv[2]
                set -a stacked $argv[3]
            else
                __minicon_name $$below
                set -a stacked $__mc_name
            end
        end
    end
    set -l placeholders '{default_env}' '{name}' '{prefix}' '{stacked_env}'
    set -l name (string split -r -m1 / -- $argv[1])[-1]
    set stacked (string join , -- '' $stacked[-1..1] | string collect | string sub -s 2)
    set -l values $argv[3] $name $argv[1] "$stacked"
    for index in 1 2 3 4
        set -l plain (string replace -ra '[$`\\\\%!\x00-\x1f\x7f]' '?' -- $values[$index] | string collect)
        set text (string replace -a -- $placeholders[$index] "$plain" $text | string collect)
    end
    set -g __mc_modifier (string sub -e -1 -- $text | string collect)
end

# --- Activation scripts, and the program ------------------------------------------------------------

# activate|deactivate PREFIX: source its activate.d or deactivate.d. After Ctrl-C, fish abandons the
# function and shows the prompt; before that, an interrupted activation is undone.
function __minicon_scripts
    set -g __mc_phase $argv[1]
    if status is-interactive
        function __minicon_interrupted --on-event fish_prompt
            functions -e __minicon_interrupted
            switch $__mc_phase:$__mc_plan
                case activate:switch activate:stack
                    __minicon_deactivate
                case '*'
                    __minicon_forget
            end
        end
    end
    __minicon_source_text $argv
    functions -e __minicon_interrupted
end

function __minicon_source_text
    set -g __mc_at $argv[2]
    set -g __mc_text $argv[2]/conda-meta/minicon/activation.fish
    test -r "$__mc_text"
    or return 0
    set -g __mc_step $argv[1]
    source $__mc_text
end

# FILE below etc/conda: called by an activation file.
function __minicon_source
    set -l script $__mc_at/etc/conda/$argv[1]
    set -e argv
    test -r "$script"
    and source $script
    return 0
end

function __minicon_ask
    set -l code (__minicon_run shell.fish $argv | string collect)
    test $pipestatus[1] -eq 0
    or return 1
    set -e argv
    eval "$code"
end

function __minicon_forget
    set -e __mc_at __mc_below __mc_format __mc_level __mc_modifier __mc_name __mc_names __mc_phase __mc_plan __mc_prefix __mc_step __mc_text
    return 0
end

# --- The prompt: CONDA_PROMPT_MODIFIER before the user's prompt -------------------------------------

if status is-interactive; and not functions -q __minicon_original_prompt
    if functions -q fish_prompt
        functions -c fish_prompt __minicon_original_prompt
    else
        function __minicon_original_prompt
            printf '> '
        end
    end
    function __minicon_status
        return $argv[1]
    end
    function fish_prompt
        set -l last $status
        set -q CONDA_PROMPT_MODIFIER
        and printf '%s' $CONDA_PROMPT_MODIFIER
        __minicon_status $last
        __minicon_original_prompt
    end
end
