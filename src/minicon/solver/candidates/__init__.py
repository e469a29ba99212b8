"""Candidates: the records of a package name, compiled for the search."""
