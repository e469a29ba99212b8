"""Container images of environments, without a daemon.

::

    packages, large ones alone ─> layers ─┐
    files of no package, history ─> layer ├─> config ─> manifest ─┬─> OCI layout
    base image: layout or registry ───────┘                       └─> registry

An update of one package changes its layer and the last one. Digests depend on the content only.
"""
