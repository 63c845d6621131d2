"""The command line `baohao`: the place where everything is wired together."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from adapters.collector import collect_rarely
from adapters.termination import EXIT_INTERRUPTED

EXIT_FAILED, EXIT_SETTINGS = 1, 78
"""78 is EX_CONFIG of sysexits: a restart would not help."""


class Interrupted(SystemExit):
    """Ctrl-C; a SystemExit, because typer turns KeyboardInterrupt into another message and status."""


def main() -> None:
    """Run the command line."""

    def run() -> None:
        from adapters.cli.app import app

        app()

    run_command(run)


def run_command(command: Callable[[], object]) -> None:
    """Run a command; known errors become one sentence on stderr and an exit status."""
    signal.signal(signal.SIGINT, _interrupt)  # before anything slow is imported
    collect_rarely()  # to look for garbage among what is being imported takes a tenth of the start
    try:
        _run(command)
    except Interrupted:
        sys.stderr.write("stopped\n")
        raise


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    raise Interrupted(EXIT_INTERRUPTED)


def _run(command: Callable[[], object]) -> None:
    from adapters.logs import configure_logs
    from adapters.settings import SettingsError
    from engine.errors import BaohaoError, CatalogueError, PolicyError, SchemaError

    configure_logs("cli")  # a role configures its own later; no log line may come between the results on stdout
    try:
        command()
    except (SettingsError, SchemaError, CatalogueError, PolicyError) as error:
        _end(str(error), EXIT_SETTINGS)
    except BaohaoError as error:
        _end(str(error), EXIT_FAILED)
    except OSError as error:
        _end(_sentence(error), EXIT_FAILED)
    except Exception as error:
        from sqlite3 import OperationalError as FileError  # of the simulated gateway's record

        from psycopg import OperationalError  # the database cannot be reached, has gone, or its disk is full

        from adapters.database_refusals import is_hopeless, refused

        if isinstance(error, OperationalError) and is_hopeless(error):
            _end(str(refused(error)), EXIT_SETTINGS)
        if not isinstance(error, OperationalError | FileError):
            raise
        _end(str(error), EXIT_FAILED)


def _end(sentence: str, status: int) -> NoReturn:
    from engine.text import masked, printable_lines

    sys.stderr.write(f"{printable_lines(masked(sentence))}\n")
    raise SystemExit(status)


def _sentence(error: OSError) -> str:
    """What the system refused, and for which file: a full disk, a folder that may not be written."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
