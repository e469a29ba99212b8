"""Credentials: where secrets are found, and which requests may carry them."""
