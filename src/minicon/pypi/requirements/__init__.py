"""``pip:`` sections and requirement files, parsed."""
