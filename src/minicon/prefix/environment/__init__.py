"""An environment as it is: location, records, history, what pip changed."""
