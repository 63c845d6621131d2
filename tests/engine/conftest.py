"""Settings of the engine's tests."""

from hypothesis import settings

settings.register_profile("engine", deadline=None, max_examples=100)
settings.load_profile("engine")
