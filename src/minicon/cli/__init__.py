"""The command line: parses, prints, asks. The only place that does."""
