"""Read an environment: location, records, history, python, what pip changed."""
