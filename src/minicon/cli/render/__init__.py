"""Plans, packages and explanations as text."""
