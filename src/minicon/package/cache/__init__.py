"""The package cache: extracted packages, shared by environments and processes."""
