"""Query package indexes (PEP 503, PEP 691): pip's configuration, project pages, releases."""
