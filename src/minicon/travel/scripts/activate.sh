# Activates the environment that this file is in: source bin/activate
# Written by minicon; bin/deactivate undoes it.

if [ -n "${BASH_VERSION-}" ]; then
    eval '__mc_file=${BASH_SOURCE[0]}'
elif [ -n "${ZSH_VERSION-}" ]; then
    eval '__mc_file=${(%):-%x}'
elif [ -n "${KSH_VERSION-}" ] && (eval ': "${.sh.file}"') 2>/dev/null; then
    eval '__mc_file=${.sh.file}'
else
    # Other shells do not say which file they read: bin/conda-unpack writes its path here.
    IFS= read -r __mc_file <<'__MC_END'
@PREFIX@/bin/activate
__MC_END
fi
__mc_prefix=$(cd -- "$(dirname -- "$__mc_file")/.." 2>/dev/null && pwd)
if [ -z "$__mc_prefix" ] || [ ! -f "$__mc_prefix/bin/activate" ]; then
    echo "activate: run bin/conda-unpack in the environment first" >&2
elif [ "${CONDA_PREFIX-}" != "$__mc_prefix" ]; then
    if [ -n "${__MC_PACKED_PREFIX-}" ] && [ -f "$__MC_PACKED_PREFIX/bin/deactivate" ]; then
        . "$__MC_PACKED_PREFIX/bin/deactivate"
    fi
    export __MC_PACKED_PREFIX="$__mc_prefix"
    [ "${CONDA_PREFIX+x}" ] && export __MC_SAVED_CONDA_PREFIX="$CONDA_PREFIX"
    [ "${CONDA_DEFAULT_ENV+x}" ] && export __MC_SAVED_CONDA_DEFAULT_ENV="$CONDA_DEFAULT_ENV"
    __MC_SAVED_PS1=${PS1-}
    export CONDA_PREFIX="$__mc_prefix" CONDA_DEFAULT_ENV="$__mc_prefix"
    export PATH="$CONDA_PREFIX/bin:$PATH"
    [ -n "${PS1-}" ] && PS1="(${CONDA_PREFIX##*/}) $PS1"
@EXPORTS@
    hash -r 2>/dev/null
    for __mc_file in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
        # zsh stops at a pattern without match only in a function with that option
        [ -f "$__mc_file" ] && . "$__mc_file"
    done
fi
unset __mc_file __mc_prefix
