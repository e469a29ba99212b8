"""Results as text and JSON: tables, plans and explanations."""
