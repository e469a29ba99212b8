"""The further steps of ``channel index``: entries → index of a subdir → files."""
