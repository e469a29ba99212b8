"""Send the files of a channel: from a directory, or from where another server has them."""
