"""Commands for shells and for running programs."""
