# Deactivates the environment that bin/activate activated: source deactivate
# Written by minicon.

if [ -n "${__MC_PACKED_PREFIX-}" ]; then
    for __mc_file in "$__MC_PACKED_PREFIX"/etc/conda/deactivate.d/*.sh; do
        [ -f "$__mc_file" ] && . "$__mc_file"
    done
@UNSETS@
    __mc_path=":$PATH:"
    case $__mc_path in
        *":$__MC_PACKED_PREFIX/bin:"*)
            __mc_path="${__mc_path%%":$__MC_PACKED_PREFIX/bin:"*}:${__mc_path#*":$__MC_PACKED_PREFIX/bin:"}"
            ;;
    esac
    __mc_path=${__mc_path#:}
    export PATH="${__mc_path%:}"
    if [ "${__MC_SAVED_CONDA_PREFIX+x}" ]; then
        export CONDA_PREFIX="$__MC_SAVED_CONDA_PREFIX"
    else
        unset CONDA_PREFIX
    fi
    if [ "${__MC_SAVED_CONDA_DEFAULT_ENV+x}" ]; then
        export CONDA_DEFAULT_ENV="$__MC_SAVED_CONDA_DEFAULT_ENV"
    else
        unset CONDA_DEFAULT_ENV
    fi
    [ -n "${PS1-}" ] && PS1=${__MC_SAVED_PS1-}
    unset __MC_PACKED_PREFIX __MC_SAVED_CONDA_PREFIX __MC_SAVED_CONDA_DEFAULT_ENV __MC_SAVED_PS1
    unset __mc_path __mc_file
    hash -r 2>/dev/null
fi
