"""Bytes from elsewhere: fetching, credentials, downloads."""
