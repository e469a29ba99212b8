"""Inspect environments and channels without changing them."""
