"""Commands that carry environments to other machines."""
