"""Sharded repodata (CEP 16): format, loading, and the index over shards."""
