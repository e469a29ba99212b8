"""Commands that set up shells and run programs in environments."""
