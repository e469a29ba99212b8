"""Commands that show and check, and change nothing."""
