"""Package indexes (PEP 503, PEP 691): configuration, pages, releases."""
