"""Preparation of conda packages and wheels: verify, extract, describe."""
