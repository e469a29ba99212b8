"""A client for hundreds of small files (shards, notices, probes), faster than one request each.

It handles plain HTTP only and leaves everything else to a Fetcher; ADR 11 has the measurements.
"""
