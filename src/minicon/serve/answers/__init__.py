"""Answer questions about channels in a process of its own, which may be ended at any time."""
