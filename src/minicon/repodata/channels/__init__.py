"""Which channels a name means: expansion, relations (CEP 42), reachability."""
