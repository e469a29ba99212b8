"""From a request to a plan: sources, specs, solving, notes."""
