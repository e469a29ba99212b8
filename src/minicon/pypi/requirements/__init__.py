"""Parse ``pip:`` sections and requirement files into requirements and index options.

From low to high: ``requirements`` (the types), ``requirement_lines`` (lines and options),
``requirement_entry`` (one requirement), ``requirement_files`` (whole files and what they include).
"""
