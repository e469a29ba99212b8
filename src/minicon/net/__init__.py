"""Fetching: URLs in, verified bytes out."""
