"""Making channels: index a folder of packages, build packages from wheels."""
