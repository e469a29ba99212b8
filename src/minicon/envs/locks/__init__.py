"""Lock files: conda-lock, pixi.lock and pylock.toml, read and written."""
