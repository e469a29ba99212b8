"""The steps of ``channel index``: archives → entries → index of a subdir → files."""
