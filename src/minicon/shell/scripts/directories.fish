# The same as directories.sh; see its comments.
function __minicon_entered --on-variable PWD
    set -l found $PWD
    while not test -f "$found/.minicon" -o -f "$found/environment.yml"
        test -n "$found"
        or break
        set found (string replace -r '/[^/]*$' '' -- $found | string collect)
    end
    test "$found" = "$__minicon_directory"
    and return 0
    set -g __minicon_directory $found
    if test -n "$__minicon_chosen" -a "$__minicon_chosen" = "$CONDA_PREFIX"
        minicon deactivate
    end
    set -g __minicon_chosen
    test -n "$found"
    or return 0
    set -l chosen (__minicon_run shell.fish directory $found | string collect)
    test -n "$chosen" -a "$chosen" != "$CONDA_PREFIX"
    and minicon activate $chosen
    and set -g __minicon_chosen $chosen
    return 0
end

set -g __minicon_directory
set -g __minicon_chosen
__minicon_entered
