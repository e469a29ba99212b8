"""One package archive: reading, checking, unpacking, and the shared package cache."""
