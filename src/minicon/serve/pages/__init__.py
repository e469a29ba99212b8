"""Pages for people: HTML that works without scripts, and escapes all that it shows."""
