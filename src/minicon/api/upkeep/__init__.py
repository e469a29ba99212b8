"""Check, repair and clean environments and caches."""
