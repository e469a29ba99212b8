"""Named environments and the files that describe them."""
