"""Packages ready to link: from an archive to a verified folder in the package cache."""
