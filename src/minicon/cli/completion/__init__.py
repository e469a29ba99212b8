"""Completion in shells: the generated scripts, and the words that they ask the program for."""
