"""The command line `baohao`: the place where everything is wired together."""

import sys

from engine.errors import BaohaoError

EXIT_FAILED, EXIT_SETTINGS = 1, 78
"""78 is EX_CONFIG of sysexits: starting again would not help."""


def main() -> None:
    """Run the command line; errors of ours become one sentence on stderr and an exit status."""
    from adapters.cli.app import app
    from adapters.settings import SettingsError
    from engine.errors import CatalogueError, SchemaError

    try:
        app()
    except (SettingsError, SchemaError, CatalogueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_SETTINGS) from None
    except BaohaoError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
