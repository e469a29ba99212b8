"""Activation, running commands in an environment, and shell start files."""
