"""Contents of environment files, explicit lists and lock files, as data types."""
