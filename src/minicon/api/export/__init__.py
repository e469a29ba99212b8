"""Export environments as environment files or explicit lists."""
