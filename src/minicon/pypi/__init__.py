"""The built-in source ``pypi``: projects, wheels and requirements."""
