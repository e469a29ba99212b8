"""Property tests: the same few examples each time, or as many as ``MINICON_FUZZ`` says.

They count examples, not time: a busy machine must not fail them.
"""

import os

from hypothesis import HealthCheck, settings

wanted = os.environ.get("MINICON_FUZZ")
settings.register_profile(
    "minicon",
    max_examples=max(50, int(wanted or 0) // 60),
    derandomize=wanted is None,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("minicon")
