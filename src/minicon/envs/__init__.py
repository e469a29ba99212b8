"""Find named environments; read and write environment files and lock files."""
