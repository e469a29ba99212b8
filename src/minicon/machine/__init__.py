"""This machine: detect its virtual packages and its Python interpreters."""
