"""Ask for solutions, keep them, and give them to programs and to people."""
