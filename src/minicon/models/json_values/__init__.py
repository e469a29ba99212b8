"""Values from JSON documents, checked before anything uses them."""
