"""Carry environments to other machines: pack, unpack, bundle, image."""
