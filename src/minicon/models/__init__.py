"""Data types of packages, channels and environments: parse, compare and write them, without I/O."""
