"""Channels: names, mirrors, relations (CEP 42), notices (CEP 6), base URLs, reachability."""
