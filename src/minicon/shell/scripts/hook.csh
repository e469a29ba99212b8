# minicon's hook for csh and tcsh, which have no functions: `minicon` is an alias that sources
# command.csh (beside this file) with the words typed. The lines before this define MINICON_EXE,
# __minicon_commands and, if it was unset, prompt stays unset.
alias minicon 'set __mc_words = ( \!* ); source "$__minicon_commands"'
