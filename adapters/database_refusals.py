"""What PostgreSQL or its driver says where a restart would not help: who we are, or what the server shows, is wrong."""

import psycopg

from adapters.settings import SettingsError

_HOPELESS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "certificate verify failed",
    "does not match host name",
    "root certificate file",
    "could not load private key file",
    "could not read certificate file",
    "server does not support ssl",
)
"""libpq gives a refused connection no code; these are parts of its own and of the server's sentences, in lower case."""


def is_hopeless(error: psycopg.Error) -> bool:
    """Whether the database refuses who we are, or its certificate is not to be trusted."""
    text = str(error).lower()
    return isinstance(error, psycopg.OperationalError) and any(part in text for part in _HOPELESS)


def refused(error: psycopg.Error) -> SettingsError:
    """The sentence for it."""
    said = str(error).strip().splitlines()[-1].strip()
    return SettingsError(f"The database cannot be used as DATABASE_URL says: {said}. Correct it, then start again.")
