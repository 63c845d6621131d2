"""`python -m adapters.cli.role ROLE [METRICS_PORT]`: `baohao run ROLE` without what only other commands need."""

import sys
from typing import cast

from adapters.cli import run_command


def _run() -> None:
    from adapters.cli import serving
    from adapters.roles import Role
    from adapters.settings import load_settings

    settings = load_settings()
    if sys.argv[2:]:
        settings = settings.model_copy(update={"metrics_port": int(sys.argv[2])})
    serving.run(cast("Role", sys.argv[1]), settings)


if __name__ == "__main__":
    run_command(_run)
