"""Commands that make, change or describe environments."""
