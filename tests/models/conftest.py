"""Property tests count examples, not time: a busy machine must not fail them."""

from hypothesis import settings

settings.register_profile("minicon", deadline=None, print_blob=True)
settings.load_profile("minicon")
