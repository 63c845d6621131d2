"""The garbage collector, set for processes that work in batches."""

import gc


def collect_rarely() -> None:
    """Leave alone what was imported, which stays for good; the many objects of a batch form no cycles."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
