"""Activate environments in shells, run commands in environments, and set up shells."""
