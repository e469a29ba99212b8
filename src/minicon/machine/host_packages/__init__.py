"""The built-in channel ``host``: list installed interpreters as packages, and prepare them."""
