"""From a plan to a changed environment."""
