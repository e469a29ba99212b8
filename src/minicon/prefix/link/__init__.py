"""Linking: the next generation of an environment is built in a staging directory."""
