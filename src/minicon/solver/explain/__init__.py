"""Explanations of conflicts, and fixes that were solved before they are shown."""
