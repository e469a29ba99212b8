"""Installed Python interpreters: candidates → probe → facts, all of it in discovery."""
