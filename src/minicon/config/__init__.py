"""Configuration: read files and variables into Settings, edit files, default directories."""
