"""Package specs, parsed: names, versions, builds and conditions (CEP 29)."""
