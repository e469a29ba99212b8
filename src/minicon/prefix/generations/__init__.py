"""Generations: earlier trees of an environment, the switch between them, recovery."""
