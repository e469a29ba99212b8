"""Commands that inspect environments and channels without changing them."""
