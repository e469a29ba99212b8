"""Create, check and merge lock files, and turn them into solutions.

From low to high: ``lock_inputs``, ``lock_solution``, ``locking``, ``lock_merging``.
"""
