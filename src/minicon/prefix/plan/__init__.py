"""What a change will do: transaction, layout of files, clobbering, disk space."""
