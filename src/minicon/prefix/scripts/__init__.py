"""Run link scripts of packages, confined (CEP 34)."""
