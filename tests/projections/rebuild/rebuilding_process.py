"""A process that rebuilds all read models, in short stretches, so that it can be killed between them."""

import sys

from projections.live import MODELS
from projections.rebuild import building
from projections.rebuild.rebuilding import Watching, rebuild

building.STRETCH = 20

if __name__ == "__main__":
    rebuild(sys.argv[1], MODELS, 2, Watching(lambda _: None, lambda _: None, lambda _: None), dry_run=False)
