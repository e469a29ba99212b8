"""Carry plans out, and change environments as a whole: rename, clone, delete, go back."""
