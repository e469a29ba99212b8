"""Commands for caches, settings and channels."""
