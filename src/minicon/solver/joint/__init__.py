"""Resolution across conda channels, wheels and interpreters, driven by resolvelib."""
