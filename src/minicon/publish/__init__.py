"""Channels of one's own: index a directory of packages, build packages from wheels."""
