"""The command line: parse arguments, run a command, print its result.

From low to high: wrapping, console, render, options and parser, context, commands, main.
"""
