"""Read wheels' file names, tags and metadata, without downloading the wheel where possible."""
