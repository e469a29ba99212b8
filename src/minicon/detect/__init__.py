"""What this machine is: virtual packages and installed interpreters."""
