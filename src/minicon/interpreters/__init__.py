"""The built-in source 'host': interpreters of this machine as python packages."""
