"""Packages ready to link: from an archive to a verified directory in the package cache."""
