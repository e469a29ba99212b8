"""Channels in buckets and registries: their packages are uploaded, their index is written there."""
