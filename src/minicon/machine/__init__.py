"""What this machine is: its virtual packages and its Python interpreters."""
