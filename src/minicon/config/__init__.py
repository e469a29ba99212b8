"""Settings: where each value comes from, and where things live."""
