"""Dialects: the words, options, error names and JSON of conda, mamba and micromamba, as tables."""
