"""The channel client: (channel, subdir) to records, fresh or cached."""
