# One `minicon` command line in csh or tcsh; its words are in __mc_words. `activate` and
# `deactivate` source code that the program prints; all other commands run the program.
if ( ! $?__mc_as ) set __mc_as = "$MINICON_EXE"
set __mc_first = ''
if ( $#__mc_words > 0 ) set __mc_first = "$__mc_words[1]"
if ( $#__mc_words > 1 ) then
    if ( "$__mc_words[2]" == '-h' || "$__mc_words[2]" == '--help' ) set __mc_first = help
endif
set __mc_shell = ''
set __mc_status = 0
switch ( "$__mc_first" )
    case activate:
    case deactivate:
        set __mc_shell = ( $__mc_words:q )
        breaksw
    default:
        "$__mc_as" $__mc_words:q
        set __mc_status = $status
        switch ( "$__mc_first" )
            case install:
            case update:
            case upgrade:
            case remove:
            case uninstall:
            case rollback:
            case undo:
            case redo:
            case sync:
            case apply:
            case env:
                if ( $__mc_status == 0 && $?CONDA_PREFIX ) set __mc_shell = reactivate
                breaksw
        endsw
        breaksw
endsw
if ( "$__mc_shell" != '' ) then
    set __mc_file = `mktemp`
    # Each branch saves the status: endif resets it.
    if ( $?prompt ) then
        env PS1="$prompt:q" "$__mc_as" shell.csh $__mc_shell:q > "$__mc_file"
        set __mc_status = $status
    else
        "$__mc_as" shell.csh $__mc_shell:q > "$__mc_file"
        set __mc_status = $status
    endif
    if ( $__mc_status == 0 ) source "$__mc_file"
    \rm -f "$__mc_file"
    unset __mc_file
endif
unset __mc_as __mc_first __mc_shell __mc_words
( exit $__mc_status )
