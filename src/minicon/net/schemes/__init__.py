"""Schemes: the Fetchers for ``file:``, ``oci:`` and ``s3:`` URLs."""
