# Activates the environment that this file is in: source bin/activate.fish
# Written by minicon; the function deactivate undoes it.

set -gx __MC_PACKED_PREFIX (builtin realpath (dirname (status --current-filename))/..)
if set -q CONDA_PREFIX
    set -gx __MC_SAVED_CONDA_PREFIX $CONDA_PREFIX
end
set -gx CONDA_PREFIX $__MC_PACKED_PREFIX
set -gx PATH $CONDA_PREFIX/bin $PATH
@EXPORTS@
for file in $CONDA_PREFIX/etc/conda/activate.d/*.fish
    source $file
end

function deactivate --description 'Leave the environment'
    for file in $__MC_PACKED_PREFIX/etc/conda/deactivate.d/*.fish
        source $file
    end
@UNSETS@
    if set -l at (contains -i -- $__MC_PACKED_PREFIX/bin $PATH)
        set -e PATH[$at]
    end
    set -e CONDA_PREFIX
    if set -q __MC_SAVED_CONDA_PREFIX
        set -gx CONDA_PREFIX $__MC_SAVED_CONDA_PREFIX
    end
    set -e __MC_PACKED_PREFIX __MC_SAVED_CONDA_PREFIX
    functions -e deactivate
end
