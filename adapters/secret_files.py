"""Passwords that come as files, such as the secrets of a container, so that no environment shows them."""

from pathlib import Path

from psycopg.conninfo import make_conninfo

from adapters.settings import SettingsError


def read_secret(file: Path) -> str:
    """The first line of the file; raises SettingsError, which names the file and not what is in it."""
    try:
        secret = file.read_text().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"The password file {file} cannot be read: {why}.") from None
    if not secret:
        raise SettingsError(f"The password file {file} is empty.")
    return secret


def with_password(database_url: str, file: Path | None) -> str:
    """The connection string with the password of the file, if there is one."""
    return database_url if file is None else make_conninfo(database_url, password=read_secret(file))
