"""The built-in source ``pypi``: Python projects and their wheels, seen as records and packages."""
