"""One environment on disk: plan a change, carry it out, record it."""
