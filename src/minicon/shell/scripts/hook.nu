# minicon's hook for nushell, which evaluates no code at run time: the program prints the changes as
# JSON, and this loads them. Activation scripts of packages are not run by nushell.
# The lines before this file define MINICON_EXE.

$env._MINICON_HOOK = ($nu.pid | into string)

def --env __minicon_load [answer: record] {
    for name in $answer.unset { hide-env --ignore-errors $name }
    load-env $answer.set
    if $answer.path != null { $env.PATH = $answer.path }
}

# The program computes a change of variables, which is loaded
def --env __minicon_ask [program: string, ...words: string] {
    let result = (^$program shell.nu ...$words | complete)
    if $result.exit_code != 0 {
        error make --unspanned { msg: ($result.stderr | str trim) }
    }
    if $result.stderr != "" { print --stderr --no-newline $result.stderr }
    __minicon_load ($result.stdout | from json)
}

def --env __minicon_activate [program: string, name?: string, --stack, --no-stack] {
    let words = ([
        (if $stack { "--stack" }) (if $no_stack { "--no-stack" }) $name
    ] | compact)
    __minicon_ask $program activate ...$words
}

def --env __minicon_run [program: string, ...words: string] {
    ^$program ...$words
    let changing = [install update upgrade remove uninstall rollback undo redo sync apply env]
    if ($words | get --optional 0) in $changing and "CONDA_PREFIX" in $env {
        __minicon_ask $program reactivate
    }
}

# Activate an environment in this shell
def --env "minicon activate" [name?: string, --stack, --no-stack] {
    __minicon_activate $env.MINICON_EXE $name --stack=$stack --no-stack=$no_stack
}

# Deactivate the active environment
def --env "minicon deactivate" [] { __minicon_ask $env.MINICON_EXE deactivate }

# Run the program; afterwards, activate the changed environment again
def --env --wrapped minicon [...words: string] { __minicon_run $env.MINICON_EXE ...$words }
