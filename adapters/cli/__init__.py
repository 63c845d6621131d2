"""The command line `baohao`: the place where everything is wired together."""

import sys
from collections.abc import Callable

from engine.errors import BaohaoError

EXIT_FAILED, EXIT_SETTINGS = 1, 78
"""78 is EX_CONFIG of sysexits: a restart would not help."""


def main() -> None:
    """Run the command line."""
    from adapters.cli.app import app

    run_command(app)


def run_command(command: Callable[[], object]) -> None:
    """Run a command; known errors become one sentence on stderr and an exit status."""
    from adapters.logs import configure_logs
    from adapters.settings import SettingsError
    from engine.errors import CatalogueError, SchemaError

    configure_logs("cli")  # a role configures its own later; no log line may come between the results on stdout
    try:
        command()
    except (SettingsError, SchemaError, CatalogueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_SETTINGS) from None
    except BaohaoError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_FAILED) from None
    except Exception as error:
        from psycopg import OperationalError  # the database cannot be reached, or has gone

        if not isinstance(error, OperationalError):
            raise
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
