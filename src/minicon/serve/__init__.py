"""Serve channels over HTTP: files for clients, pages for people, solutions for both."""
