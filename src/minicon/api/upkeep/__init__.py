"""Health, repair and cleaning of environments and caches."""
