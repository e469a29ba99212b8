"""The terminal: output, questions, progress."""
