"""The built-in source ``pypi``: package indexes, wheels, requirements, and installing with pip.

From low to high: ``urls`` and ``requirement_syntax``, ``wheels/``, ``sdists/``, ``requirements/``,
``index/``, ``pip_process``, ``pip_step`` and ``metadata_build``.
"""
