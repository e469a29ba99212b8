"""Commands that create, change and export environments."""
