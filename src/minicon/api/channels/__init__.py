"""Channels of one's own: build, convert and mirror."""
