"""Questions about environments and channels; nothing is changed."""
