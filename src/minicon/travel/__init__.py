"""Environments on other machines: packed, unpacked, bundled with minicon, as container images.

::

    environment ─> contents ─> portable content ─> archive, directory, image
"""
