"""Passwords and keys that come as files, such as the secrets of a container, so that no environment shows them."""

from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from adapters.gateway_settings import STRIPE_URL
from adapters.settings import PREFIX, Settings, SettingsError


def read_secret(file: Path) -> str:
    """The first line of the file; raises SettingsError, which names the file and not what is in it."""
    try:
        secret = file.read_text().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"The file {file} with a password or key cannot be read: {why}.") from None
    if not secret:
        raise SettingsError(f"The file {file} with a password or key is empty.")
    return secret


def with_password(database_url: str, file: Path | None) -> str:
    """The connection string with the password of the file, if there is one."""
    return database_url if file is None else make_conninfo(database_url, password=read_secret(file))


def events_address(settings: Settings) -> str | None:
    """The other broker's address with the password of its file, if there is one; None where events are on NATS alone.

    Raises SettingsError for a file that cannot be read, or an address without a user.
    """
    address, file = settings.events_url, settings.events_password_file
    if address is None or file is None:
        return address
    scheme, _, rest = address.partition("://")
    user, at, place = rest.rpartition("@")
    if not at or ":" in user:
        raise SettingsError("BAOHAO_EVENTS_URL should be amqp://USER@HOST, since BAOHAO_EVENTS_PASSWORD_FILE is set.")
    return f"{scheme}://{user}:{quote(read_secret(file), safe='')}@{place}"


_KEY_PREFIXES = {"live": ("sk_live_", "rk_live_"), "test": ("sk_test_", "rk_test_")}
"""Mode of Stripe → how its keys begin (docs.stripe.com/keys)."""


def stripe_key_of(settings: Settings) -> str:
    """The key, if it is one of the mode that is set; raises SettingsError, without the key, if not."""
    key = _one_of(settings.stripe_key, settings.stripe_key_file, "STRIPE_KEY")
    mode, other = settings.stripe_mode, "test" if settings.stripe_mode == "live" else "live"
    if key.startswith(_KEY_PREFIXES[other]):
        raise SettingsError(
            f"{PREFIX}STRIPE_MODE is {mode}, but the key is for {other} mode: change one of them, then start again."
        )
    if not key.startswith(_KEY_PREFIXES[mode]) or not key.isascii() or not key.isprintable():
        raise SettingsError(f"{PREFIX}STRIPE_KEY is wrong: it should begin with {' or '.join(_KEY_PREFIXES[mode])}.")
    if mode == "live" and settings.stripe_url != STRIPE_URL:
        raise SettingsError(f"{PREFIX}STRIPE_URL is a sandbox, which should not be given a key for live mode.")
    return key


def stripe_webhook_secret_of(settings: Settings) -> str:
    """The secret by which notifications are signed; raises SettingsError if it is missing."""
    return _one_of(settings.stripe_webhook_secret, settings.stripe_webhook_secret_file, "STRIPE_WEBHOOK_SECRET")


def _one_of(given: str | None, file: Path | None, name: str) -> str:
    """The secret itself, or that of the file."""
    if given is not None and file is not None:
        raise SettingsError(f"{PREFIX}{name} and {PREFIX}{name}_FILE are both set: leave one out.")
    if file is not None:
        return read_secret(file)
    if given is None:
        raise SettingsError(f"{PREFIX}GATEWAY is stripe, so {PREFIX}{name} or {PREFIX}{name}_FILE should be set.")
    return given
