"""Fetching: from URLs to verified bytes.

Order of its folders, low to high: credentials, client, small_files, schemes; the modules beside
them use all of these.
"""
