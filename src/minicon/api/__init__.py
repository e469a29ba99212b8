"""The verbs as functions: each turns a request into a plan, and a plan into a change."""
