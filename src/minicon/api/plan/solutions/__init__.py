"""Solutions that need no search: named exactly, locked, or found before."""
