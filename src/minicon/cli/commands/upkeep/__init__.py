"""Commands that maintain caches, settings and channels."""
