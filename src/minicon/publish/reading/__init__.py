"""The first step of ``channel index``: archives, wherever they are, → entries."""
