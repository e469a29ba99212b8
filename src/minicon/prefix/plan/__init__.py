"""Plan what a change will do: transaction, layout of files, checks, conflicts, disk space."""
