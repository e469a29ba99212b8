"""Create, check, update and merge lock files."""
