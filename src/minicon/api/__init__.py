"""Commands as functions: a request becomes a plan, a plan becomes a changed environment.

Its parts, low to high: ``services``, ``input_files``, ``package_preparation``,
``environment_variables`` and ``dependency_graph`` serve all others; ``plan`` decides a change and
``change`` carries it out; ``lock``, ``inspect``, ``export`` and ``upkeep`` build on plans;
``verbs`` is the public Python API.
"""
