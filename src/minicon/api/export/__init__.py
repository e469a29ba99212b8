"""Environments written to files."""
