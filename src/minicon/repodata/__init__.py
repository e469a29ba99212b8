"""The channel client: from a channel and a subdir to its records, cached on disk."""
