"""The command line: parse arguments, run a command, print its result.

From low to high: console, render, options and parser, context, commands, main.
"""
