"""The solver: from a request and records to a solution; no I/O of its own."""
