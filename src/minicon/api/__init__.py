"""Commands as functions: a request becomes a plan, a plan becomes a change."""
