"""From requests and records to a Solution. No I/O of its own."""
