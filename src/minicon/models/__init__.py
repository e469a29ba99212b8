"""Data only: parsing and comparing. Standard library alone, no I/O, no settings."""
