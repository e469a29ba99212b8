"""The channel client: from a channel and a subdir to its records, cached on disk.

Order of its folders, low to high: index, shards; channels stands apart. The modules beside them
use all of these.
"""
