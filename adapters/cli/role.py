"""`python -m adapters.cli.role ROLE`: `baohao run ROLE` without what only other commands need, for a quick start."""

import sys
from typing import cast

from adapters.cli import run_command


def _run() -> None:
    from adapters.cli import serving
    from adapters.roles import Role
    from adapters.settings import load_settings

    serving.run(cast("Role", sys.argv[1]), load_settings())


if __name__ == "__main__":
    run_command(_run)
