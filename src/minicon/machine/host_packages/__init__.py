"""The built-in channel ``host``: installed interpreters as ``python`` packages."""
