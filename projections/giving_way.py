"""Work that may wait gives way: what is only ever behind must not slow down what holders and cards wait for."""

import os

LEVEL = 10


def give_way() -> None:
    """Let other processes of this machine go first, where the system knows such a thing."""
    if hasattr(os, "nice"):
        os.nice(LEVEL)
