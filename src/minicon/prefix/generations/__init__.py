"""Generations: whole states of an environment, the switch between them, recovery."""
