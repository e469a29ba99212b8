"""Discovery of the Python interpreters that are installed on this machine."""
