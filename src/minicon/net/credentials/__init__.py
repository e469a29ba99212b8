"""Credentials: where they are found, and which request may carry them."""
