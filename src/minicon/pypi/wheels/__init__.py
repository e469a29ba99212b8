"""Wheels: file names, tags and metadata, read without the wheel where possible."""
