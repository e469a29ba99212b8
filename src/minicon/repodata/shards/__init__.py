"""Sharded repodata (CEP 16): its format, loading, and the index over it."""
