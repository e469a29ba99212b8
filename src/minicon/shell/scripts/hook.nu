# minicon's hook for nushell, which evaluates no text at run time: the program answers with a
# record of changes (JSON) that is loaded here. Package scripts in activate.d are not run by nu.
# The lines before this file define MINICON_EXE.

def --env __minicon_load [answer: record] {
    for name in $answer.unset { hide-env --ignore-errors $name }
    load-env $answer.set
    if $answer.path != null { $env.PATH = $answer.path }
}

def --env __minicon_ask [...words: string] {
    let asked = (^$env.MINICON_EXE shell.nu ...$words | complete)
    if $asked.exit_code != 0 {
        error make --unspanned { msg: ($asked.stderr | str trim) }
    }
    if $asked.stderr != "" { print --stderr --no-newline $asked.stderr }
    __minicon_load ($asked.stdout | from json)
}

# Use an environment in this shell
def --env "minicon activate" [name?: string, --stack, --no-stack] {
    let words = ([
        (if $stack { "--stack" }) (if $no_stack { "--no-stack" }) $name
    ] | compact)
    __minicon_ask activate ...$words
}

# Go back to what was there before
def --env "minicon deactivate" [] { __minicon_ask deactivate }

# Everything else is the program's; afterwards the active environment is read anew
def --env --wrapped minicon [...words: string] {
    ^$env.MINICON_EXE ...$words
    let changing = [install update upgrade remove uninstall rollback undo sync apply env]
    if ($words | get --optional 0) in $changing and "CONDA_PREFIX" in $env {
        __minicon_ask reactivate
    }
}
