"""Export environments as environment files; capture and replay solves."""
