"""Installation by pip of what only pip can install."""
