"""The built-in source ``pypi``: package indexes, wheels, requirements, and installing with pip.

From low to high: ``urls`` and ``requirement_syntax``, ``wheels/``, ``requirements/``, ``index/``,
``pip_step``.
"""
