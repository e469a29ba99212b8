"""Metadata of source distributions: what they state, and what has to be built."""
