"""Conflict-driven search over the packages of conda channels."""
