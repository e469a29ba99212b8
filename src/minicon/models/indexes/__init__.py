"""What the solver reads packages from."""
