"""Read lock files (conda-lock.yml, pixi.lock, pylock.toml) and write conda-lock.yml."""
